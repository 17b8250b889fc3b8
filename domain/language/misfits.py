"""What does not fit the shape of a document, as pydantic finds it, in our words and with the nearest name."""

import re
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import core_schema

from domain.typing.tree import hint

Path = tuple[str | int, ...]

_SHOWN = 60
_QUOTES = "'"
_QUOTED = re.compile(r"'([^']*)'")
_POSITION = re.compile(r"line (\d+) column (\d+)")
_WRAPPING = ("function-", "[key]", "nullable[", "json-or-python[", "lax-or-strict[", "chain[")
_NOT_FITTING = "what stands here does not fit"
_NAME = r"^[a-z][a-z0-9_]{0,60}$"
_PATTERNS = {
    _NAME: "is no name: small letters, digits and _, a letter first, at most 61 of them",
    "^=": "is no expression: it begins with =",
    r"^(erp|mes|machine|roster|history)\.[a-z_]+$": "is no query: write whom to ask and what, as in erp.sales_demand",
    r"^[a-z]{2,3}(-[A-Z]{2})?$": "is no language: write en, de, pt-BR",
}
_LIST = "a list is needed here: [one, another]"
_NAMES = "names with values are needed here: {{name: value}}"
_TEXT = "a text is needed here"
_FLAG = "true or false is needed here"
_WHOLE = "a whole number is needed here"
_NUMBER = "a number is needed here"
_DATE = "a date is needed here: 2026-11-22"
_CLOCK = "a time of day is needed here: 06:30"
_MOMENT = "a time with its zone is needed here: 2026-11-22T09:15:00Z"
_SPAN = "a duration is needed here: 90s, 15m or 2h"
_ADDRESS = "an address is needed here: https://host/path"
_NEEDED = {
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), _LIST),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"), _NAMES),
    **dict.fromkeys(("string_type", "string_unicode", "bytes_type", "json_type", "invalid_key"), _TEXT),
    **dict.fromkeys(("bool_type", "bool_parsing"), _FLAG),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number", "decimal_type", "decimal_parsing"), _NUMBER),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), _DATE),
    **dict.fromkeys(("time_type", "time_parsing"), _CLOCK),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware"), _MOMENT),
    **dict.fromkeys(("time_delta_type", "time_delta_parsing"), _SPAN),
    **dict.fromkeys(("url_type", "url_parsing", "url_syntax_violation"), _ADDRESS),
    "url_scheme": "an address that begins with {expected_schemes} is needed here",
    "timezone_naive": "a time without a zone is needed here: 2026-11-22T09:15:00",
    "union_tag_not_found": "{discriminator} is missing",
    "none_required": "nothing may stand here: leave it out",
    "greater_than": "a number above {gt} is needed here",
    "greater_than_equal": "a number of at least {ge} is needed here",
    "less_than": "a number below {lt} is needed here",
    "less_than_equal": "a number of at most {le} is needed here",
    "multiple_of": "a multiple of {multiple_of} is needed here",
    "decimal_max_digits": "a number of at most {max_digits} digits is needed here",
    "decimal_max_places": "a number of at most {decimal_places} decimal places is needed here",
    "decimal_whole_digits": "a number of at most {whole_digits} digits before the point is needed here",
    "too_short": "at least {min_length} is needed here",
    "too_long": "at most {max_length} may stand here",
    "string_too_short": "a text must not be empty here",
    "string_too_long": "a text of at most {max_length} characters is needed here",
    "bytes_too_long": "a text of at most {max_length} characters is needed here",
}
_OF_FIELDS = ("extra_forbidden", "missing")
_TOLD = 3  # at one place
_THEIRS = frozenset(get_args(core_schema.ErrorType)) - {"value_error"}  # a rule of ours raises that, in its words


def first(error: ValidationError, document: Any = None, *, whole: str = "", hidden: bool = False) -> str:
    """Where something does not fit first, and what to write there. `whole`: what the document is called where all of it
    is meant. `hidden`: no value is quoted, as it may be a secret."""
    found = error.errors(include_url=False, include_input=not hidden)
    path = _stands(found[0], document)
    here = [one for one in found if _stands(one, document) == path]
    fields = sorted((one for one in here if one["type"] in _OF_FIELDS), key=lambda one: one["type"])
    told = list(dict.fromkeys(words(one, document) for one in fields or here))
    said = ("; " if fields else " or ").join(told[:_TOLD])
    where = ".".join(map(str, path)) or whole
    return f"{where}: {said}" if where else said


def _stands(error: Mapping[str, Any], document: Any) -> Path:
    """A field that is missing or unknown is told of where it is missing."""
    path = place(error["loc"], document)
    return path[:-1] if error["type"] in _OF_FIELDS else path


def words(error: Mapping[str, Any], document: Any = None) -> str:
    """One of pydantic's errors on a `document`: a model or another type; without one no name is near."""
    kind, given = error["type"], error.get("ctx", {})
    if kind in _OF_FIELDS:
        return _field(kind, str(error["loc"][-1]), _fields(document, error["loc"][:-1]))
    if kind in ("enum", "literal_error"):
        return _choice(error.get("input"), _names(given["expected"]))
    if kind == "union_tag_invalid":
        return f"{given['discriminator'].strip(_QUOTES)} {_choice(given['tag'], _names(given['expected_tags']))}"
    if kind == "string_pattern_mismatch":
        return _pattern(error.get("input"), given["pattern"])
    if kind == "json_invalid":
        at = _POSITION.search(given["error"])
        return f"this is no JSON{f': look at line {at[1]}, column {at[2]}' if at else ''}"
    if kind in _NEEDED:
        return _NEEDED[kind].format(**given)
    return _NOT_FITTING if kind in _THEIRS else str(error["msg"]).removeprefix("Value error, ")


def place(loc: Path, document: Any) -> Path:
    """Where it stands in the document: pydantic also names which kind of several it tried, and what wraps a kind."""
    found: list[Any] = [document]
    kept: list[str | int] = []
    for part in loc:
        if any(_members(one) for one in found):
            found = [member for one in found for member in (list(_of_union(one, part)) or _members(one))]
        elif not str(part).startswith(_WRAPPING):
            kept.append(part)
            found = [inner for one in found for inner in _inside(one, part)]
    return tuple(kept)


def _field(kind: str, name: str, known: list[str]) -> str:
    return f"'{name}' is missing" if kind == "missing" else f"unknown field '{name}'{hint(name, known)}"


def _names(expected: str) -> list[str]:
    return _QUOTED.findall(expected) or [expected]


def _choice(value: object, names: list[str]) -> str:
    """Without the value when it is hidden."""
    if value is None:
        return f"one of {', '.join(names)} is needed here"
    return f"'{_short(str(value))}' is none of {', '.join(names)}{hint(str(value), names)}"


def _pattern(value: object, pattern: str) -> str:
    said = _PATTERNS.get(pattern, f"has not the form {pattern}")
    if value is None:
        return f"this {said}"
    meant = re.sub(r"[^a-z0-9]+", "_", str(value).lower()).strip("_") if pattern == _NAME else ""
    more = f"; did you mean '{meant}'?" if re.match(_NAME, meant) else ""
    return f"'{_short(str(value))}' {said}{more}"


def _short(value: str) -> str:
    return value if len(value) <= _SHOWN else f"{value[: _SHOWN - 3]}..."


def _fields(document: Any, loc: Path) -> list[str]:
    """The fields that the part at this place may have."""
    found: list[Any] = [document]
    for part in loc:
        found = [inner for one in found for inner in _inside(one, part)]
    models = [one for each in found for one in _plain(each) if isinstance(one, type) and issubclass(one, BaseModel)]
    return sorted({field.alias or name for one in models for name, field in one.model_fields.items()})


def _inside(kind: Any, part: str | int) -> Iterator[Any]:
    """What stands at `part`: a field, an element, or one of several kinds, by its tag or its class."""
    if members := list(_of_union(kind, part)):
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
    yield from (member for member in _members(kind) if part in _labels(member))


def _labels(member: Any) -> set[Any]:
    """What pydantic calls it among several: by its tag, by what its own field says of its kind, or by its class."""
    tags = {one.tag for one in get_args(member)[1:] if isinstance(one, Tag)}
    if tags:
        return tags
    plain = _bare(member)
    fields = plain.model_fields.values() if isinstance(plain, type) and issubclass(plain, BaseModel) else ()
    kinds = {said for one in fields if get_origin(one.annotation) is Literal for said in get_args(one.annotation)}
    return kinds | {getattr(plain, "__name__", "")}


def _members(kind: Any) -> tuple[Any, ...]:
    """Each of several kinds; nothing where there is but one."""
    plain = _bare(kind)
    return _some(plain) if get_origin(plain) in (Union, UnionType) else ()


def _bare(kind: Any) -> Any:
    """Without annotations, and without None beside one other kind."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, UnionType) and len(_some(kind)) == 1:
            kind = _some(kind)[0]
        else:
            return kind


def _some(kind: Any) -> tuple[Any, ...]:
    return tuple(one for one in get_args(kind) if one is not NoneType)


def _plain(kind: Any) -> Iterator[Any]:
    """Without annotations, and each member of a union."""
    members = _members(kind)
    for member in members:
        yield from _plain(member)
    if not members:
        yield _bare(kind)
