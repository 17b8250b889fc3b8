"""Values of OData v4 in JSON, from and to those that the books keep (see `infra.standins.sap.edm`: days are naive
datetimes, times of day are durations)."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from infra.standins.sap.edm import Value
from infra.standins.sap.v4.errors import malformed
from infra.standins.sap.v4.schema import Property

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_INITIAL: dict[str, Value] = {"String": "", "Boolean": False, "Decimal": Decimal(0), "TimeOfDay": timedelta()}


def to_json(item: Property, value: Value, *, exact: bool) -> Any:
    """The value in an answer's body; `exact`: decimals as texts. What was never set is null, or initial."""
    if value is None:
        value = None if item.nullable else _INITIAL[item.type]
    if isinstance(value, Decimal):
        return format(value, "f") if exact else float(value)
    if isinstance(value, timedelta):
        return str((datetime(1970, 1, 1, tzinfo=UTC) + value).time())
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).isoformat(timespec="milliseconds") if value.tzinfo else ""
        return moment.replace("+00:00", "Z") or value.date().isoformat()
    return value


def from_json(item: Property, given: Any) -> Value:
    """The value of a property in a request's body. Raises Refusal for the wrong type or length."""
    if given is None:
        if not item.nullable:
            raise malformed(f"Property '{item.name}' must not be null", item.name)
        return None
    try:
        value = _FROM_JSON[item.type](given)
    except (TypeError, ValueError) as problem:
        raise malformed(f"{str(given)[:80]!r} is no Edm.{item.type} of property '{item.name}'", item.name) from problem
    if isinstance(value, str) and item.max_length is not None and len(value) > item.max_length:
        raise malformed(f"Property '{item.name}' has a value longer than {item.max_length} characters", item.name)
    return value


def _text(given: Any) -> Value:
    if not isinstance(given, str):
        raise TypeError
    return given


def _boolean(given: Any) -> Value:
    if not isinstance(given, bool):
        raise TypeError
    return given


def _day(given: Any) -> Value:
    if not _DAY.fullmatch(given):
        raise ValueError
    day = date.fromisoformat(given)
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 (a day has no zone)


# No property of a header that may be changed has another type.
_FROM_JSON: dict[str, Callable[[Any], Value]] = {"String": _text, "Boolean": _boolean, "Date": _day}
