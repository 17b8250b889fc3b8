"""What does not fit the shape of a document, as pydantic finds it, in our words and with the nearest name."""

import re
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag

from domain.typing.tree import hint

_SHOWN = 60
_QUOTED = re.compile(r"'([^']*)'")
_NAME = r"^[a-z][a-z0-9_]{0,60}$"
_PATTERNS = {
    _NAME: "is no name: small letters, digits and _, a letter first, at most 61 of them",
    "^=": "is no expression: it begins with =",
    r"^(erp|mes|machine|roster|history)\.[a-z_]+$": "is no query: write whom to ask and what, as in erp.sales_demand",
    r"^[a-z]{2,3}(-[A-Z]{2})?$": "is no language: write en, de, pt-BR",
}
_NEEDED = {
    "list_type": "a list is needed here: [one, another]",
    "dict_type": "names with values are needed here: {{name: value}}",
    "model_type": "names with values are needed here: {{name: value}}",
    "model_attributes_type": "names with values are needed here: {{name: value}}",
    "string_type": "a text is needed here",
    "bool_type": "true or false is needed here",
    "bool_parsing": "true or false is needed here",
    "int_type": "a whole number is needed here",
    "int_parsing": "a whole number is needed here",
    "int_from_float": "a whole number is needed here",
    "float_type": "a number is needed here",
    "float_parsing": "a number is needed here",
    "greater_than_equal": "a number of at least {ge} is needed here",
    "less_than_equal": "a number of at most {le} is needed here",
    "too_short": "at least {min_length} is needed here",
    "string_too_short": "a text must not be empty here",
    "string_too_long": "a text of at most {max_length} characters is needed here",
}


def words(error: Mapping[str, Any], document: type[BaseModel]) -> str:
    """One of pydantic's errors on a `document`."""
    kind, given = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(error["loc"][-1])
        return f"unknown field '{name}'{hint(name, _fields(document, error['loc'][:-1]))}"
    if kind == "missing":
        return f"'{error['loc'][-1]}' is missing"
    if kind in ("enum", "literal_error"):
        return _choice(str(error["input"]), _QUOTED.findall(given["expected"]))
    if kind == "string_pattern_mismatch":
        return _pattern(str(error["input"]), given["pattern"])
    if kind in _NEEDED:
        return _NEEDED[kind].format(**given)
    return str(error["msg"]).removeprefix("Value error, ")


def _choice(value: str, names: list[str]) -> str:
    return f"'{_short(value)}' is none of {', '.join(names)}{hint(value, names)}"


def _pattern(value: str, pattern: str) -> str:
    said = _PATTERNS.get(pattern, f"has not the form {pattern}")
    meant = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_") if pattern == _NAME else ""
    more = f"; did you mean '{meant}'?" if re.match(_NAME, meant) else ""
    return f"'{_short(value)}' {said}{more}"


def _short(value: str) -> str:
    return value if len(value) <= _SHOWN else f"{value[: _SHOWN - 3]}..."


def _fields(document: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """The fields that the part at this place may have."""
    found: list[Any] = [document]
    for part in loc:
        found = [inner for one in found for inner in _inside(one, part)]
    models = [one for each in found for one in _plain(each) if isinstance(one, type) and issubclass(one, BaseModel)]
    return sorted({field.alias or name for one in models for name, field in one.model_fields.items()})


def _inside(kind: Any, part: str | int) -> Iterator[Any]:
    """What stands at `part`: a field, an element, or one of several kinds, by its tag or its class."""
    members = list(_of_union(kind, part))
    if members:
        yield from members
        return
    for one in _plain(kind):
        if isinstance(one, type) and issubclass(one, BaseModel):
            yield from (f.annotation for name, f in one.model_fields.items() if part in (name, f.alias))
        elif get_origin(one) is list and isinstance(part, int):
            yield get_args(one)[0]
        elif get_origin(one) is dict:
            yield get_args(one)[1]


def _of_union(kind: Any, part: str | int) -> Iterator[Any]:
    for member in _members(kind):
        tags = [one.tag for one in get_args(member)[1:] if isinstance(one, Tag)]
        if part in tags or (not tags and part == getattr(member, "__name__", "")):
            yield member


def _members(kind: Any) -> Iterator[Any]:
    """The members of a union; nothing of what is none."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        yield from get_args(kind)


def _plain(kind: Any) -> Iterator[Any]:
    """Without annotations, and each member of a union."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    members = list(_members(kind))
    if members:
        for member in members:
            yield from _plain(member)
    elif kind is not NoneType:
        yield kind
