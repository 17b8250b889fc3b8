"""Tryton's typed JSON. Pure. Moments are naive UTC on the wire and aware UTC with us."""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from domain.values import Json


def encode(value: Any) -> Json:
    """A Python value as Tryton's JSON; aware moments become naive UTC."""
    if isinstance(value, dict):
        return {str(name): encode(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    return value


def _moment(value: datetime) -> Json:
    value = value.astimezone(UTC)
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {"__class__": "datetime", **{part: getattr(value, part) for part in parts}}


def decode(value: Json) -> Any:
    """The reverse; an unknown class stays the object it is."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    read = _CLASSES.get(str(value.get("__class__", "")))
    return read(value) if read else {name: decode(item) for name, item in value.items()}


def _numbers(value: Mapping[str, Json]) -> dict[str, int]:
    return {name: int(item) for name, item in value.items() if name != "__class__"}


_CLASSES: dict[str, Callable[[Mapping[str, Json]], Any]] = {
    "date": lambda value: date(**_numbers(value)),
    "datetime": lambda value: datetime(**_numbers(value), tzinfo=UTC),
    "time": lambda value: time(**_numbers(value)),  # type: ignore[arg-type]
    "timedelta": lambda value: timedelta(seconds=value["seconds"]),
    "Decimal": lambda value: Decimal(value["decimal"]),
    "bytes": lambda value: base64.b64decode(value["base64"]),
}
