"""MQTT messages of a Unified Namespace as raw signals, and those as machine states. Pure.

Payload: `{timestamp, state, unit_mode, stop_reason: {code, text} | null, sequence}`; PackML numbers, times with zone.
"""

import hashlib
import json
from datetime import datetime

from connectors.packml import machine_state, strict_time
from domain.errors import InvalidPayloadError
from domain.signals import RawSignal, Signal
from domain.values import Json, parse_time

UNS = "mqtt.uns"
_ID_LIMIT = 200
_TEXT_LIMIT = 4000
_MARKS = ("sequence", "state")


def topic_filter(pattern: str) -> str:
    """The subscription for a pattern: every `{name}` level becomes `+`."""
    return "/".join("+" if level.startswith("{") else level for level in pattern.split("/"))


def match(pattern: str, topic: str) -> dict[str, str] | None:
    """The named levels of a topic, or None when it does not fit the pattern."""
    wanted, given = pattern.split("/"), topic.split("/")
    if len(wanted) != len(given):
        return None
    named: dict[str, str] = {}
    for want, level in zip(wanted, given, strict=True):
        if want.startswith("{") and want.endswith("}"):
            named[want[1:-1]] = level
        elif want not in ("+", level):
            return None
    return named


def payload_of(data: bytes) -> Json:
    """The JSON value, or the text (cut) where it is none: an unreadable message is kept, never dropped."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return {"unreadable": data[:_TEXT_LIMIT].decode("utf-8", "replace")}


def uns_signal(
    source: str, topic: str, data: bytes, *, equipment: str, retained: bool, planned: list[int]
) -> RawSignal:
    """One message. Its id is topic, timestamp, sequence and state, or the payload's hash without a timestamp: a
    publisher that begins anew counts anew, and its clock may stand still."""
    payload = payload_of(data)
    fields = payload if isinstance(payload, dict) else {}
    stamp, mark = fields.get("timestamp"), "=".join(str(fields[name]) for name in _MARKS if name in fields)
    event_id = f"{topic}@{stamp}#{mark}" if stamp is not None else f"{topic}#{hashlib.sha256(data).hexdigest()}"
    body = {"topic": topic, "equipment": equipment, "retained": retained, "payload": payload}
    body["planned_reason"] = _reason(fields).get("code") in planned
    return RawSignal(source=source, event_id=_bounded(event_id), kind=UNS, body=body, occurred_at=_time_or_none(stamp))


def read_state(raw: RawSignal) -> Signal:
    """Normaliser of `mqtt.uns`. Raises InvalidPayloadError when the payload is no state with a time and zone."""
    payload = raw.body.get("payload") if isinstance(raw.body, dict) else None
    if not isinstance(payload, dict) or "unreadable" in payload:
        raise InvalidPayloadError("The MQTT message is no JSON object: correct its publisher.")
    reason = _reason(payload)
    body = {
        "state": payload.get("state"),
        "unit_mode": payload.get("unit_mode"),
        "stop_code": reason.get("code"),
        "stop_reason": reason.get("text"),
        "planned_reason": raw.body.get("planned_reason"),
        "blocked": payload.get("blocked"),
        "starved": payload.get("starved"),
    }
    at = strict_time(payload.get("timestamp"), "timestamp")
    return machine_state(body, equipment=raw.body["equipment"], occurred_at=at)


NORMALISERS = {UNS: read_state}


def gateway_online(data: bytes) -> bool | None:
    """What a gateway's birth or will says; None when it says neither."""
    payload = payload_of(data)
    online = payload.get("online") if isinstance(payload, dict) else None
    return online if isinstance(online, bool) else None


def _reason(payload: dict[str, Json]) -> dict[str, Json]:
    reason = payload.get("stop_reason")
    return reason if isinstance(reason, dict) else {}


def _time_or_none(stamp: Json) -> datetime | None:
    try:
        return parse_time(stamp) if isinstance(stamp, str) else None
    except ValueError:
        return None


def _bounded(text: str) -> str:
    if len(text) <= _ID_LIMIT:
        return text
    return f"{text[:100]}~{hashlib.sha256(text.encode()).hexdigest()}"
