"""Values of a declared type to try a text with: ordinary ones, and long ones as a plant may have them."""

from collections.abc import Mapping

from domain.typing.tree import Kind, ListOf, MapOf, Record, Type, sample
from domain.values import Json

_LONG: Mapping[Kind, Json] = {
    **{Kind.TEXT: "Gearbox housing GH-40 left, hardened", Kind.TIME: "2026-12-23T22:58:00Z"},
    **{Kind.DURATION: "12h30m", Kind.NUMBER: 123456.75, Kind.INTEGER: 123456, Kind.BOOL: True, Kind.DOUBLE: 123456.75},
}
_MANY, _FEW = 10, 3  # elements of a list, and of a list within one


def ordinary(type: Type) -> Json:
    """Short texts, lists of two."""
    return sample(type)


def long_value(type: Type, many: int = _MANY) -> Json:
    """Texts of about 40 characters, lists of ten; everything is there that may be."""
    if isinstance(type, ListOf):
        return [long_value(type.item, _FEW)] * many
    if isinstance(type, MapOf):
        return {"key": long_value(type.value, many)}
    if isinstance(type, Record):
        return {name: long_value(part.type, many) for name, part in type.fields.items()}
    return max(type.values, key=len) if type.values else _LONG.get(type.kind, "Gearbox housing GH-40")


def size(type: Type, many: int) -> int:
    """Characters of JSON of a value with texts of 40 characters, lists of `many`, of five within those, then of two."""
    inner = 5 if many > 5 else 2
    if isinstance(type, ListOf):
        return 2 + many * (size(type.item, inner) + 1)
    if isinstance(type, MapOf):
        return 2 + _MANY * (size(type.value, inner) + 10)
    if isinstance(type, Record):
        return 2 + sum(len(name) + 4 + size(part.type, many) for name, part in type.fields.items())
    return 42 if type.kind in (Kind.TEXT, Kind.ANY) else 22
