"""Signals: facts that a source reported, in the words of the plant (ISA-95), after normalising."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.values import Json

Name = Annotated[str, Field(min_length=1, max_length=200)]


class SignalType(StrEnum):
    """What kinds of facts the product understands; definitions open on these."""

    MACHINE_STATE = "machine.state"
    MACHINE_ALARM = "machine.alarm"
    INSPECTION_FAILED = "inspection.failed"
    ORDER_RUSH = "order.rush"
    ORDER_LATE = "order.late"
    MATERIAL_SHORT = "material.short"
    SOURCE_LOST = "source.lost"
    OPERATOR_REPORT = "operator.report"
    NOBODY_TO_ASK = "mos.nobody_to_ask"
    LEDGER_DIFFERENCE = "mos.ledger_difference"


ALWAYS: dict[str, Json] = {"equipment": "text|null", "subject": "text"}
PACKML = (
    *("clearing", "stopped", "starting", "idle", "suspended", "running", "stopping", "aborting", "aborted"),
    *("holding", "held", "unholding", "suspending", "unsuspending", "resetting", "completing", "completed"),
)  # ISA-TR88.00.02, named as connectors.packml names them
TROUBLES = {
    "waiting": "outage",
    "unknown": "outage",
    "dead_lettered": "refused",
    "sent_back": "sent_back",
    "changed_since": "differs",
    "missing": "differs",
    "unexpected": "stranger",
    "settled": "settled",
}
"""What can be wrong with a transaction of the ledger, and what people see as one trouble; `settled`: none is left."""
FACTS: dict[SignalType, dict[str, Json]] = {
    SignalType.MACHINE_STATE: {
        "equipment": "text",
        "subject": "text",
        "state": "|".join(f"'{state}'" for state in PACKML),
        "packml": "integer",
        "unit_mode": "integer|null",
        "stop_code": "integer|null",
        "stop_reason": "text|null",
        "planned_stop": "bool",
        "blocked": "bool|null",
        "starved": "bool|null",
    },
    SignalType.MACHINE_ALARM: {
        "equipment": "text",
        "subject": "text",
        "condition": "text",
        "severity": "integer|null",
        "active": "bool",
        "acked": "bool",
        "retain": "bool",
        "message": "text",
    },
    SignalType.INSPECTION_FAILED: {
        **ALWAYS,
        **dict.fromkeys(("lot", "material", "inspection", "characteristic", "unit", "inspector"), "text"),
        **dict.fromkeys(("value", "low", "high"), "number"),
        "job_order": "text|null",
    },
    SignalType.ORDER_RUSH: {
        **ALWAYS,
        **dict.fromkeys(("sale", "customer", "customer_title", "customer_class", "material"), "text"),
        "quantity": "number",
        "wanted": "time",
    },
    SignalType.ORDER_LATE: {
        **ALWAYS,
        **dict.fromkeys(("job_order", "material"), "text"),
        "due": "time",
        "expected": "time",
        "reason": "text|null",
    },
    SignalType.MATERIAL_SHORT: {
        **ALWAYS,
        **dict.fromkeys(("material", "job_order", "unit"), "text"),
        "missing": "number",
        "needed": "time",
        "location": "text|null",
    },
    SignalType.SOURCE_LOST: {**ALWAYS, "source": "text", "connected": "bool", "detail": "text"},
    SignalType.OPERATOR_REPORT: {**ALWAYS, **dict.fromkeys(("person", "name", "text"), "text")},
    SignalType.NOBODY_TO_ASK: {
        **ALWAYS,
        **dict.fromkeys(("task", "step", "title", "of", "definition", "urgency"), "text"),
    },
    SignalType.LEDGER_DIFFERENCE: {
        **ALWAYS,
        **dict.fromkeys(("transaction", "system", "of", "title", "definition", "urgency", "why", "link"), "text"),
        **dict.fromkeys(("decided_by", "decided_by_name", "needs"), "text"),
        "kind": "|".join(f"'{kind}'" for kind in TROUBLES),
        "group": "|".join(f"'{group}'" for group in dict.fromkeys(TROUBLES.values())),
        "objects": ["text"],
        "changes": [dict.fromkeys(("record", "field", "before", "after"), "text")],
        "count": "integer",
    },
}
"""What conditions read as `signal.<name>`, by type of signal (in `domain.typing.tree`'s notation)."""


class RawSignal(BaseModel):
    """What a source hands over before anybody interprets it: committed to the inbox before it is acknowledged.

    `event_id` is unique within `source` (duplicates are dropped by it); `body` is the untouched message as JSON value;
    `kind` names the mapping that reads it (`opcua.state`, `mqtt.uns`, `cloudevent`); times are aware UTC.
    """

    model_config = ConfigDict(frozen=True)

    source: Name
    event_id: Name
    kind: Name
    body: Json
    occurred_at: datetime | None = None


class Signal(BaseModel):
    """A normalised fact. `facts` holds the named values that conditions read as `signal.<name>`.

    `state_key` with `state`: it reports a standing state (a machine's), so a repeat is no news.
    """

    model_config = ConfigDict(frozen=True)

    type: SignalType
    equipment: str | None = None
    subject: str
    occurred_at: datetime
    facts: dict[str, Json] = {}
    state_key: str | None = None
    state: str | None = None
