"""OPC UA values and conditions as raw signals, and raw signals as domain signals. Pure.

Names: OPC 30050 (PackML), OPC 10000-9 (Alarms and Conditions). Times are aware UTC.
"""

import hashlib
from datetime import datetime

from connectors.packml import machine_state, strict_time
from domain.errors import InvalidPayloadError
from domain.signals import RawSignal, Signal, SignalType
from domain.values import Json, canonical, iso

STATE = "opcua.state"
CONDITION = "opcua.condition"
_ID_LIMIT = 200


def state_signal(source: str, node: str, at: datetime, body: Json) -> RawSignal:
    """One state value. The same (node, SourceTimestamp, value) has the same id: a reconnect sends values again."""
    event_id = bounded(f"{node}@{iso(at)}={body['state']}")
    body = {**body, "node": node, "source_timestamp": iso(at)}
    return RawSignal(source=source, event_id=event_id, kind=STATE, body=body, occurred_at=at)


def condition_signal(source: str, at: datetime, body: Json) -> RawSignal:
    """One condition event: its EventId names this very change, also when ConditionRefresh sends it again."""
    event_id = bounded(f"{body['condition_id']}#{body['event_id']}")
    return RawSignal(source=source, event_id=event_id, kind=CONDITION, body={**body, "time": iso(at)}, occurred_at=at)


def gone(last: RawSignal, at: datetime) -> RawSignal:
    """A condition that a refresh no longer names has ended while we were away: said with our own time."""
    body = {**last.body, "active": False, "retain": False, "event_id": f"gone@{iso(at)}"}
    return condition_signal(last.source, at, body)


def bounded(text: str) -> str:
    """The text, or its head and hash when it is longer than an id may be."""
    if len(text) <= _ID_LIMIT:
        return text
    return f"{text[:100]}~{hashlib.sha256(text.encode()).hexdigest()}"


def read_state(raw: RawSignal) -> Signal:
    """Normaliser of `opcua.state`. Raises InvalidPayloadError for a value that is no PackML state."""
    return machine_state(
        _mapping(raw),
        equipment=_text(raw, "equipment"),
        occurred_at=strict_time(raw.body.get("source_timestamp"), "source_timestamp"),
    )


def read_condition(raw: RawSignal) -> Signal:
    """Normaliser of `opcua.condition`: a `machine.alarm`; its standing state is active, acknowledged or cleared."""
    body = _mapping(raw)
    equipment, condition = _text(raw, "equipment"), _text(raw, "condition")
    active, acked = bool(body.get("active")), bool(body.get("acked"))
    facts = {"condition": condition, "severity": body.get("severity"), "active": active, "acked": acked}
    facts |= {"retain": bool(body.get("retain")), "message": body.get("message") or ""}
    return Signal(
        type=SignalType.MACHINE_ALARM,
        equipment=equipment,
        subject=condition,
        occurred_at=strict_time(body.get("time"), "time"),
        facts=facts,
        state_key=f"{equipment}/{condition}",
        state=("acknowledged" if acked else "active") if active else "cleared",
    )


NORMALISERS = {STATE: read_state, CONDITION: read_condition}


def _mapping(raw: RawSignal) -> dict[str, Json]:
    if not isinstance(raw.body, dict):
        raise InvalidPayloadError(f"A signal of kind {raw.kind} is no object: {canonical(raw.body)[:60]}.")
    return raw.body


def _text(raw: RawSignal, name: str) -> str:
    value = _mapping(raw).get(name)
    if not isinstance(value, str) or not value:
        raise InvalidPayloadError(f"A signal of kind {raw.kind} names no {name}.")
    return value
