"""What each filter of a text takes and gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain.typing.tree import (
    ANY,
    INTEGER,
    NUMBER,
    NUMERIC,
    TEXT,
    TEXTUAL,
    UNKNOWN,
    Kind,
    ListOf,
    MapOf,
    Record,
    Scalar,
    Type,
    hint,
    join,
    show,
)


@dataclass(frozen=True)
class Told:
    """A filter as it is used: `name | filter(args)`. `constants`: the arguments that are literals; `wrong` keeps a
    finding: (message, code)."""

    name: str
    given: Type
    args: list[Type]
    constants: list[Any]
    named: Mapping[str, Any]
    wrong: Callable[[str, str], None]

    @property
    def known(self) -> bool:
        return not isinstance(self.given, Scalar) or self.given.kind not in UNKNOWN


def _list(told: Told, filter: str) -> ListOf | None:
    """The list that is filtered; a finding when it is none."""
    if isinstance(told.given, ListOf):
        return told.given
    if told.known:
        told.wrong(f"'{told.name}' is a {show(told.given)}: {filter} takes a list", "mismatch")
    return None


def _attribute(told: Told, item: Type, path: Any) -> Type:
    """The part of an element that `attribute='a.b'` names."""
    for name in str(path).split("."):
        if isinstance(item, Record):
            part = item.fields.get(name)
            if part is None:
                near = hint(name, item.fields) or f": they have {', '.join(list(item.fields)[:15])}"
                told.wrong(f"the elements of '{told.name}' have no '{name}'{near}", "field")
                return ANY
            item = part.type
        else:
            if isinstance(item, Scalar) and item.kind not in UNKNOWN:
                told.wrong(f"the elements of '{told.name}' are {show(item)} and have no '{name}'", "field")
            return item.value if isinstance(item, MapOf) else ANY
    return item


def _map(told: Told) -> Type:
    found = _list(told, "map")
    item = found.item if found else ANY
    if "attribute" in told.named:
        return ListOf(_attribute(told, item, told.named["attribute"]))
    inner = FILTERS.get(str(told.constants[0])) if told.constants else None
    if told.constants and inner is None:
        told.wrong(f"no filter named '{told.constants[0]}'{hint(str(told.constants[0]), FILTERS)}", "function")
    if inner is None:
        return ListOf(ANY)
    return ListOf(inner(replace(told, given=item, args=told.args[1:], constants=told.constants[1:])))


def _join(told: Told) -> Type:
    found = _list(told, "join")
    item = found.item if found else ANY
    if "attribute" in told.named:
        item = _attribute(told, item, told.named["attribute"])
    if isinstance(item, Record | MapOf):
        told.wrong(f"'{told.name}' has records: write {told.name} | map(attribute='...') | join(', ')", "print")
    return TEXT


def _picked(told: Told) -> Type:
    """selectattr, rejectattr: the same list, by a part of its elements."""
    found = _list(told, "selectattr")
    if found and told.constants:
        _attribute(told, found.item, told.constants[0])
    return found or ListOf(ANY)


def _same(told: Told) -> Type:
    found = _list(told, "this filter")
    if found and "attribute" in told.named:
        _attribute(told, found.item, told.named["attribute"])
    return found or ListOf(ANY)


def _element(told: Told) -> Type:
    if isinstance(told.given, Scalar) and told.given.kind is Kind.TEXT:
        return TEXT
    found = _list(told, "this filter")
    return found.item if found else ANY


def _length(told: Told) -> Type:
    if isinstance(told.given, Scalar) and told.known and told.given.kind in NUMERIC | {Kind.BOOL}:
        told.wrong(f"'{told.name}' is a {show(told.given)} and has no length", "mismatch")
    if told.given.nullable:
        told.wrong(f"'{told.name}' may be null and has no length then: write ({told.name} or []) | length", "null")
    return INTEGER


def _sum(told: Told) -> Type:
    found = _list(told, "sum")
    item = found.item if found else ANY
    if "attribute" in told.named:
        item = _attribute(told, item, told.named["attribute"])
    if not isinstance(item, Scalar) or item.kind not in NUMERIC | UNKNOWN:
        told.wrong(f"the elements of '{told.name}' are no numbers", "mismatch")
    return NUMBER


def _default(told: Told) -> Type:
    return join([replace(told.given, nullable=False), *told.args[:1]])


def _number(told: Told) -> Type:
    if isinstance(told.given, Record | ListOf | MapOf):
        told.wrong(f"'{told.name}' is a {show(told.given)}, no number", "mismatch")
    return NUMBER


def _arithmetic(told: Told) -> Type:
    if isinstance(told.given, Scalar) and told.given.kind in TEXTUAL:
        told.wrong(f"'{told.name}' is a {show(told.given)}, no number", "mismatch")
    return _number(told)


def _text(told: Told) -> Type:
    if isinstance(told.given, Record | ListOf | MapOf):
        told.wrong(f"'{told.name}' is a {show(told.given)}, no text", "mismatch")
    return TEXT


def _local_time(told: Told) -> Type:
    scalar = told.given if isinstance(told.given, Scalar) else None
    if told.known and (scalar is None or scalar.kind not in (Kind.TIME, Kind.NULL)):
        told.wrong(f"'{told.name}' is a {show(told.given)}, no time", "time")
    return TEXT


FILTERS: Mapping[str, Callable[[Told], Type]] = {
    **dict.fromkeys(("abs", "round"), _arithmetic),
    **dict.fromkeys(("float", "int"), _number),
    **dict.fromkeys(("capitalize", "lower", "title", "trim", "upper", "replace"), _text),
    **dict.fromkeys(("default", "d"), _default),
    **dict.fromkeys(("first", "last", "max", "min"), _element),
    **dict.fromkeys(("reject", "reverse", "select", "sort", "unique"), _same),
    **dict.fromkeys(("rejectattr", "selectattr"), _picked),
    "length": _length,
    "list": lambda told: told.given if isinstance(told.given, ListOf) else ListOf(ANY),
    "local_time": _local_time,
    "join": _join,
    "map": _map,
    "string": lambda _: TEXT,
    "sum": _sum,
}
"""One for each filter that the sandbox has."""
