"""Values of the Entity Data Model (OData v2): in JSON, in a URI, and as Python values.

Python: Boolean bool; Byte and Int.. int; Double float; Decimal Decimal; String str; DateTime naive datetime;
DateTimeOffset aware datetime; Time timedelta. JSON: Decimal, Double and Int64 are texts, times `/Date(ms)/` and `PT8H`.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from infra.standins.sap.errors import Refusal, malformed
from infra.standins.sap.schema import Property

Value = str | bool | int | float | Decimal | datetime | timedelta | None

_DATE = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/")
_TIME = re.compile(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
_RANGE = {"Byte": (0, 255), "Int16": (-(2**15), 2**15 - 1), "Int32": (-(2**31), 2**31 - 1), "Int64": (-(2**63), 2**63)}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (Edm.DateTime has no zone)


def from_json(item: Property, given: Any) -> Value:
    """The value of a property in a request's body. Raises Refusal for the wrong type, length or range."""
    if given is None:
        if not item.nullable:
            raise malformed(f"Property '{item.name}' must not be null", item.name)
        return None
    try:
        value = _FROM_JSON[item.type](given, item.type)
    except (TypeError, ValueError, InvalidOperation, OverflowError) as problem:
        shown = json.dumps(given, default=str)[:80]
        raise malformed(f"{shown} is no Edm.{item.type} of property '{item.name}'", item.name) from problem
    return _fitting(item, value)


def _fitting(item: Property, value: Value) -> Value:
    if isinstance(value, str) and item.max_length is not None and len(value) > item.max_length:
        message = f"Property '{item.name}' has value '{value[:60]}' longer than {item.max_length} characters"
        raise Refusal(400, "/IWBEP/CM_MGW_RT/176", message, target=item.name)
    return value


def _text(given: Any, _: str) -> str:
    if not isinstance(given, str):
        raise TypeError
    return given


def _boolean(given: Any, _: str) -> bool:
    if not isinstance(given, bool):
        raise TypeError
    return given


def _integer(given: Any, kind: str) -> int:
    wrong = str if kind != "Int64" else int
    if isinstance(given, bool | float | wrong):
        raise TypeError
    low, high = _RANGE[kind]
    if not low <= int(given) <= high:
        raise ValueError
    return int(given)


def _double(given: Any, _: str) -> float:
    if isinstance(given, bool):
        raise TypeError
    return float(given)


def _decimal(given: Any, _: str) -> Decimal:
    if not isinstance(given, str):  # a JSON number may have lost digits: the format asks for a text
        raise TypeError
    value = Decimal(given)
    if not value.is_finite():
        raise ValueError
    return value


def _moment(given: Any, kind: str) -> datetime:
    found = _DATE.fullmatch(given)
    if found is None or (found[2] and kind == "DateTime"):
        raise ValueError
    value = _EPOCH + timedelta(milliseconds=int(found[1]))
    return value if kind == "DateTime" else value.replace(tzinfo=UTC)


def _time(given: Any, _: str) -> timedelta:
    found = _TIME.fullmatch(given)
    if found is None:
        raise ValueError
    value = timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0), seconds=int(found[3] or 0))
    if value >= timedelta(days=1):
        raise ValueError
    return value


_FROM_JSON: dict[str, Callable[[Any, str], Value]] = {
    "String": _text,
    "Boolean": _boolean,
    "Decimal": _decimal,
    "Double": _double,
    "DateTime": _moment,
    "DateTimeOffset": _moment,
    "Time": _time,
} | dict.fromkeys(_RANGE, _integer)


def to_json(kind: str, value: Value) -> Any:
    """The value in an answer's body."""
    if isinstance(value, datetime):
        milliseconds = (value.replace(tzinfo=None) - _EPOCH) // timedelta(milliseconds=1)
        return f"/Date({milliseconds})/" if kind == "DateTime" else f"/Date({milliseconds}+0000)/"
    if isinstance(value, timedelta):
        return duration(value)
    if kind in ("Decimal", "Double", "Int64") and value is not None:
        return str(value)
    return value


def duration(value: timedelta) -> str:
    """`PT08H30M00S`."""
    seconds = int(value.total_seconds())
    return f"PT{seconds // 3600:02}H{seconds % 3600 // 60:02}M{seconds % 60:02}S"


_LITERALS: tuple[tuple[str, Callable[[str], Value], frozenset[str]], ...] = (
    (r"'(?:[^']|'')*'", lambda text: text[1:-1].replace("''", "'"), frozenset({"String"})),
    (r"datetimeoffset'[^']*'", lambda text: _iso(text).astimezone(UTC), frozenset({"DateTimeOffset"})),
    (r"datetime'[^']*'", lambda text: _iso(text).replace(tzinfo=None), frozenset({"DateTime"})),
    (r"time'[^']*'", lambda text: _time(text[5:-1], ""), frozenset({"Time"})),
    (r"true|false", lambda text: text == "true", frozenset({"Boolean"})),
    (r"-?\d+(?:\.\d+)?[mM]", lambda text: Decimal(text[:-1]), frozenset({"Decimal"})),
    (r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[dD]", lambda text: float(text[:-1]), frozenset({"Double"})),
    (r"-?\d+\.\d+", float, frozenset({"Double"})),
    (r"-?\d+[lL]", lambda text: int(text[:-1]), frozenset({"Int64"})),
    (r"-?\d+", int, frozenset(_RANGE)),
    (r"null", lambda _: None, frozenset()),
)
LITERAL = re.compile("|".join(pattern for pattern, _, _ in _LITERALS))


def _iso(text: str) -> datetime:
    return datetime.fromisoformat(text.partition("'")[2][:-1])


def from_literal(text: str, kind: str, name: str) -> Value:
    """The value of a literal in a URI: texts are quoted, moments are `datetime'..'`. Raises Refusal."""
    for pattern, read, kinds in _LITERALS:
        if re.fullmatch(pattern, text) is None:
            continue
        if kinds and kind not in kinds:
            break
        try:
            return read(text)
        except ValueError as problem:
            raise malformed(f"{text} is no value of '{name}'", name) from problem
    raise malformed(f"{text} is no Edm.{kind} literal for '{name}'", name)


def literal(kind: str, value: Value) -> str:
    """A key's value as it stands in a URI."""
    if isinstance(value, datetime):
        prefix = "datetime" if kind == "DateTime" else "datetimeoffset"
        return f"{prefix}'{value.replace(tzinfo=None).isoformat()}{'' if kind == 'DateTime' else 'Z'}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)
