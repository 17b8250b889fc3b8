"""What people hear when the ledger and the books disagree: a signal of our own, one for each trouble of a transaction.

Pure. `domain.signals.TROUBLES` names the kinds and what people see as one trouble.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from domain.books.booking import FieldChange, FieldStanding
from domain.books.ledger import ENDED, State
from domain.books.outcome_rules import authorities_of
from domain.books.outcomes import Outcome
from domain.signals import TROUBLES, RawSignal, SignalType
from domain.values import Json

SETTLED = "settled"
KEEPERS = "manage_ledger"
"""The authority of those who see to the ledger."""
PATIENCE = timedelta(minutes=10)
"""So long a system may be silent before somebody hears of it."""
_FIRST, _PROBE, _LAST = timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1)
_REVERSE, _SENT_BACK = "reverse", "sent_back"
_OF_STATE = {State.SENT_BACK.value: "sent_back", State.DEAD_LETTERED.value: "dead_lettered"}
_FIELDS, _OBJECTS, _VALUE, _WHY = 20, 10, 120, 200


class Trouble(BaseModel):
    """One trouble of one transaction. `event`: tells it from all others, for good; `count`: how many transactions it
    stands for; `needs`: the authority that decides it again; `about`: what belongs together, by default its kind."""

    model_config = ConfigDict(frozen=True)

    event: str
    transaction: str
    kind: str
    about: str = ""
    system: str
    objects: Sequence[str] = ()
    of: str = ""
    title: str = ""
    definition: str = ""
    urgency: str = "medium"
    equipment: str | None = None
    why: str = ""
    link: str = ""
    needs: str = ""
    decided_by: str = ""
    decided_by_name: str = ""
    changes: Sequence[dict[str, str]] = ()
    count: int = 1

    def raw(self, at: datetime) -> RawSignal:
        """What goes into the inbox; the same trouble always has the same event id."""
        body: dict[str, Json] = self.model_dump(mode="json", exclude={"event", "about"})
        body |= {
            "subject": self.about or subject(self.system, self.kind),
            "objects": list(self.objects)[:_OBJECTS],
            "changes": list(self.changes)[:_FIELDS],
            "title": self.title[:200],
            "why": self.why[:_WHY],
        }
        kind = SignalType.LEDGER_DIFFERENCE.value
        return RawSignal(source="mos", event_id=f"ledger:{self.event}"[:200], kind=kind, body=body, occurred_at=at)


def mark(kind: str, person: str) -> str:
    """How a ledger row remembers its trouble; of what was sent back with who decided it."""
    return f"{kind}:{person}" if kind == _SENT_BACK else kind


def kind_of(marked: str) -> str:
    """The kind of a mark, or empty."""
    return marked.partition(":")[0]


def subject(system: str, marked: str) -> str:
    """What people see as one trouble of a system; what was sent back, for each who decided."""
    kind, _, person = marked.partition(":")
    return f"{system}:{TROUBLES[kind]}" + (f":{person}" if kind == _SENT_BACK else "")


def beside(marked: str) -> list[str]:
    """The marks that people see as the same trouble."""
    group = TROUBLES[kind_of(marked)]
    return [marked] if group == _SENT_BACK else [name for name, other in TROUBLES.items() if other == group]


def trouble_of(status: str) -> str:
    """The trouble that this state is by itself, or empty."""
    return _OF_STATE.get(status, "")


def is_over(trouble: str, status: str) -> bool:
    """Does this state of the transaction end the trouble?"""
    if trouble in ("waiting", "unknown"):
        return status in ENDED
    return trouble_of(status) != trouble and status != State.DIFFERS


def next_try(since: datetime, now: datetime, *, first: bool) -> datetime:
    """When a transaction tries a system again that has been silent since then: the longer, the later. The `first` in
    line tries every five minutes at least, the others by the hour: two thousand that wait must cost nothing."""
    return now + min(max((now - since) / 4, _FIRST), _PROBE if first else _LAST)


def decided_under(outcomes: Sequence[Outcome]) -> str:
    """The authority that whoever decides it again needs first."""
    first = authorities_of(outcomes)[0]
    return KEEPERS if first == _REVERSE else first


def changed_fields(changes: Iterable[FieldChange]) -> list[dict[str, str]]:
    """Of a drift: as it was shown, and as it stands now."""
    return [_field(one.record, one.field, one.before, one.after) for one in changes]


def differing_fields(fields: Iterable[FieldStanding]) -> list[dict[str, str]]:
    """Of a reading back: as it was posted, and as it stands now."""
    return [_field(one.record, one.field, one.posted, one.stands) for one in fields]


def _field(record: str, name: str, before: Json, after: Json) -> dict[str, str]:
    return {"record": record[:_VALUE], "field": name[:_VALUE], "before": as_text(before), "after": as_text(after)}


def as_text(value: Json) -> str:
    """As people read it; nothing is an empty text."""
    if value is None:
        return ""
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:_VALUE]
