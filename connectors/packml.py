"""The words of PackML (ISA-TR88.00.02, OPC 30050), shared by every source that reports PackML tags. Pure.

Companion values may be missing (a machine without the tag, or a read that failed): they are None, never guessed.
"""

from datetime import datetime

from domain.errors import InvalidPayloadError
from domain.signals import Signal, SignalType
from domain.values import Json, parse_time

STATES = {
    1: "clearing",
    2: "stopped",
    3: "starting",
    4: "idle",
    5: "suspended",
    6: "running",  # the standard's Execute
    7: "stopping",
    8: "aborting",
    9: "aborted",
    10: "holding",
    11: "held",
    12: "unholding",
    13: "suspending",
    14: "unsuspending",
    15: "resetting",
    16: "completing",
    17: "completed",
}
PRODUCTION = 1
"""UnitMode 1 Production; 2 Maintenance and 3 Manual mean that people stopped the machine on purpose."""


def state_name(number: Json) -> str:
    """The lower-case name of a PackML state number. Raises InvalidPayloadError for a number outside 1-17."""
    if isinstance(number, bool) or not isinstance(number, int) or number not in STATES:
        raise InvalidPayloadError(f"{number!r} is no PackML state: expected a number from 1 to 17.")
    return STATES[number]


def machine_state(body: Json, *, equipment: str, occurred_at: datetime) -> Signal:
    """A `machine.state` signal from `{state, unit_mode, stop_code, stop_reason, planned_reason, blocked, starved}`."""
    name = state_name(body.get("state"))
    unit_mode = body.get("unit_mode")
    facts = {
        "state": name,
        "packml": body["state"],
        "unit_mode": unit_mode,
        "stop_code": body.get("stop_code") or None,  # 0 is PackML's "no reason"
        "stop_reason": body.get("stop_reason") or None,
        "planned_stop": bool(body.get("planned_reason")) or unit_mode not in (None, PRODUCTION),
        "blocked": body.get("blocked"),
        "starved": body.get("starved"),
    }
    return Signal(
        type=SignalType.MACHINE_STATE,
        equipment=equipment,
        subject=equipment,
        occurred_at=occurred_at,
        facts=facts,
        state_key=equipment,
        state=name,
    )


def strict_time(value: Json, name: str) -> datetime:
    """An ISO 8601 text with zone as aware UTC. Raises InvalidPayloadError naming the field."""
    if not isinstance(value, str):
        raise InvalidPayloadError(f"'{name}' is missing or no text: expected a time such as 2026-11-22T08:15:03Z.")
    try:
        return parse_time(value)
    except ValueError as error:
        raise InvalidPayloadError(f"'{name}' is no time with a zone: {value[:60]!r}.") from error
