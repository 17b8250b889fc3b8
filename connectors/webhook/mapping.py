"""CloudEvents as domain signals. Pure.

`type` is `com.<org>.<system>.<noun>.<verb>.v1`: the mapping goes by `<noun>.<verb>`, so that any organisation fits.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from connectors.packml import strict_time
from domain.errors import InvalidPayloadError
from domain.signals import RawSignal, Signal, SignalType
from domain.values import Json, iso

CLOUDEVENT = "cloudevent"
_TYPE = re.compile(r"com(?:\.[a-z0-9_-]+)+?\.(?P<name>[a-z0-9_-]+\.[a-z0-9_-]+)\.v1")
INFORMATIONAL = frozenset({"joborder.changed"})
"""Events that report what we ask the MES about anyway: kept in the inbox, no signal."""

_INSPECTION = (
    "lot",
    "material",
    "inspection",
    "characteristic",
    "value",
    "low",
    "high",
    "unit",
    "inspector",
    "job_order",
)
_RUSH = ("customer", "customer_title", "customer_class", "material", "quantity", "wanted")
_NUMBERS = frozenset({"value", "low", "high", "quantity", "missing"})


def event_name(event_type: Json) -> str:
    """`inspection.failed` of `com.havel.mes.inspection.failed.v1`; empty for a type of another form."""
    match = _TYPE.fullmatch(event_type) if isinstance(event_type, str) else None
    return match["name"] if match else ""


def is_informational(raw: RawSignal) -> bool:
    """True when the event is known and opens nothing."""
    return isinstance(raw.body, dict) and event_name(raw.body.get("type")) in INFORMATIONAL


def read_cloudevent(raw: RawSignal) -> Signal:
    """Normaliser of `cloudevent`. Raises InvalidPayloadError for an unknown type or data that lacks a field."""
    if not isinstance(raw.body, dict):
        raise InvalidPayloadError("A CloudEvent is no object.")
    event_type = raw.body.get("type")
    reader = _READERS.get(event_name(event_type))
    if reader is None:
        raise InvalidPayloadError(
            f"Event type {str(event_type)[:100]!r} is not known: add a mapping or stop sending it."
        )
    data = raw.body.get("data")
    if not isinstance(data, dict):
        raise InvalidPayloadError(f"The data of a {event_type} event is no object.")
    return reader(data, strict_time(raw.body.get("time"), "time"))


def _inspection(data: Mapping[str, Json], at: datetime) -> Signal:
    facts = {name: _fact(data, name, optional=name == "job_order") for name in _INSPECTION}
    return Signal(type=SignalType.INSPECTION_FAILED, subject=str(facts["lot"]), occurred_at=at, facts=facts)


def _rush(data: Mapping[str, Json], at: datetime) -> Signal:
    facts = {"sale": _fact(data, "sales_order")} | {name: _fact(data, name) for name in _RUSH}
    facts["wanted"] = iso(strict_time(facts["wanted"], "wanted"))
    return Signal(type=SignalType.ORDER_RUSH, subject=str(facts["sale"]), occurred_at=at, facts=facts)


def _late(data: Mapping[str, Json], at: datetime) -> Signal:
    facts = {name: _fact(data, name, optional=name == "reason") for name in ("job_order", "material", "reason")}
    facts |= {name: iso(strict_time(data.get(name), name)) for name in ("due", "expected")}
    return Signal(type=SignalType.ORDER_LATE, subject=str(facts["job_order"]), occurred_at=at, facts=facts)


def _short(data: Mapping[str, Json], at: datetime) -> Signal:
    names = ("material", "job_order", "unit", "missing", "location")
    facts = {name: _fact(data, name, optional=name == "location") for name in names}
    facts["needed"] = iso(strict_time(data.get("needed"), "needed"))
    return Signal(type=SignalType.MATERIAL_SHORT, subject=str(facts["material"]), occurred_at=at, facts=facts)


def _fact(data: Mapping[str, Json], name: str, *, optional: bool = False) -> Json:
    value = data.get(name)
    if value is None and optional:
        return None
    if name in _NUMBERS:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        fits = isinstance(value, str) and 0 < len(value) <= 200
    if not fits:
        raise InvalidPayloadError(f"'{name}' is missing or of the wrong kind in the event's data.")
    return value


_READERS: Mapping[str, Callable[[Mapping[str, Json], datetime], Signal]] = MappingProxyType(
    {
        "inspection.failed": _inspection,
        "salesorder.rush": _rush,
        "joborder.late": _late,
        "material.short": _short,
    }
)
NORMALISERS = {CLOUDEVENT: read_cloudevent}
