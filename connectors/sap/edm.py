"""OData v2 types: Python values as JSON and as URL literals, and back. Pure.

Source: OData 2.0 "Overview" section 6 (abstract types) and "JSON Format" section 4. Edm.DateTime has no zone: SAP sends
a local day as midnight UTC in `/Date(ms)/`. Edm.Time is an XML duration (`PT13H30M00S`).
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from domain.errors import InvalidPayloadError, InvariantError
from domain.values import Json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS = re.compile(r"/Date\((-?\d+)(?:[+-]\d+)?\)/")
_TIME = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?")
_PYTHON: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Guid": (str,),
    "Boolean": (bool,),
    "DateTime": (date,),
    "DateTimeOffset": (datetime,),
    "Time": (time,),
    "Decimal": (Decimal,),
    "Double": (float, int),
    "Byte": (int,),
    "Int16": (int,),
    "Int32": (int,),
    "Int64": (int,),
}


def fits(edm: str, value: Any) -> bool:
    """Whether a Python value is one of this type; None fits every type. A day is a `date`, not a `datetime`."""
    if value is None:
        return True
    if isinstance(value, bool) != (edm == "Boolean"):
        return False
    if edm == "DateTime" and isinstance(value, datetime):
        return False
    if edm == "DateTimeOffset" and isinstance(value, datetime) and value.tzinfo is None:
        return False
    return isinstance(value, _PYTHON.get(edm, ()))


def to_json(edm: str, value: Any) -> Json:
    """A value as the body of a request has it."""
    if value is None or edm in ("String", "Guid", "Boolean", "Int16", "Int32", "Byte"):
        return value
    if edm == "DateTime":
        return f"/Date({_ticks(datetime(value.year, value.month, value.day, tzinfo=UTC))})/"
    if edm == "DateTimeOffset":
        return f"/Date({_ticks(value)}+0000)/"
    return duration_of(value) if edm == "Time" else format(value, "f") if edm == "Decimal" else str(value)


def from_json(edm: str, value: Json) -> Any:
    """A value of an answer. Raises InvalidPayloadError."""
    if value is None:
        return None
    read = _READ.get(edm)
    try:
        return read(value) if read else value
    except (ValueError, InvalidOperation, TypeError) as error:
        raise InvalidPayloadError(f"SAP's answer has a {edm} that cannot be read.", detail=str(value)[:80]) from error


def literal(edm: str, value: Any) -> str:
    """As a URL says it in keys, `$filter` and function parameters (not yet percent-encoded)."""
    if edm == "String":
        return "'" + str(value).replace("'", "''") + "'"
    write = _LITERALS.get(edm)
    if write is None:
        raise InvariantError(f"OData has no literal for {edm}: report this.")
    return write(value)


def etag_of(record: Mapping[str, Json]) -> str:
    """The version of an entity, as `If-Match` has it; empty if there is none."""
    about = record.get("__metadata")
    return str(about.get("etag", "")) if isinstance(about, dict) else ""


def escaped(text: str) -> str:
    """Percent-encoded for a query or a path; spaces are %20, never a plus."""
    return quote(text, safe="$'(),=:-_.~")


def duration_of(value: time) -> str:
    """`PT13H30M00S`."""
    return f"PT{value.hour:02d}H{value.minute:02d}M{value.second:02d}S"


def _ticks(moment: datetime) -> int:
    return round((moment - _EPOCH) / timedelta(milliseconds=1))


def _moment(value: Json) -> datetime:
    match = _TICKS.fullmatch(str(value))
    if match is None:
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
    return _EPOCH + timedelta(milliseconds=int(match[1]))


def _time(value: Json) -> time:
    match = _TIME.fullmatch(str(value))
    if match is None:
        raise ValueError(value)
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return time(hours, minutes, seconds)


_READ: Mapping[str, Callable[[Json], Any]] = {
    "DateTime": lambda value: _moment(value).date(),
    "DateTimeOffset": _moment,
    "Time": _time,
    "Decimal": lambda value: Decimal(str(value)),
    "Double": float,
    "Int64": int,
}
_LITERALS: Mapping[str, Callable[[Any], str]] = {
    "Boolean": lambda value: "true" if value else "false",
    "DateTime": lambda value: f"datetime'{value:%Y-%m-%d}T00:00:00'",
    "DateTimeOffset": lambda value: f"datetimeoffset'{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z'",
    "Time": lambda value: f"time'{duration_of(value)}'",
    "Decimal": lambda value: f"{value:f}M",
    "Double": lambda value: f"{float(value)}d",
    "Guid": lambda value: f"guid'{value}'",
    "Int16": str,
    "Int32": str,
    "Int64": lambda value: f"{value}L",
    "Byte": str,
}
