"""The life of a transaction as a pure state machine, and the gates it passes before anything is sent.

    drafted -> previewed -> authorised -> rechecked -> posting -> posted -> reconciled
                                 |             |          |          |          |
                             sent_back      dry_run    unknown       +-> reversed
    and from anywhere before the end: dead_lettered, rejected

`unknown` is looked up by its key until it is known. Nobody but its own workflow (and, at the marked events, a person)
moves a transaction on.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from domain.errors import ConflictError


class State(StrEnum):
    DRAFTED = "drafted"
    PREVIEWED = "previewed"
    AUTHORISED = "authorised"
    SENT_BACK = "sent_back"  # what it rests on has changed in the system: whoever decided looks again
    RECHECKED = "rechecked"
    DRY_RUN = "dry_run"  # would have been posted: nothing was written
    POSTING = "posting"
    UNKNOWN = "unknown"  # sent, no answer
    POSTED = "posted"
    RECONCILED = "reconciled"
    DIFFERS = "differs"  # read back, and something else stands there
    REVERSED = "reversed"
    REJECTED = "rejected"  # dropped or written off by a person, with a reason
    DEAD_LETTERED = "dead_lettered"  # the system refuses it: a person mends, retries, re-routes or writes it off


class Event(StrEnum):
    PREVIEW = "preview"
    AUTHORISE = "authorise"
    RECHECK = "recheck"
    DRIFT = "drift"
    APPROVE_AGAIN = "approve_again"  # a person
    DROP = "drop"  # a person
    SIMULATE = "simulate"
    SEND = "send"
    LOSE = "lose"
    POST = "post"
    REFUSE = "refuse"
    RETRY = "retry"  # a person: as it is, mended or for another system
    WRITE_OFF = "write_off"  # a person, or a newer payload of the same step
    READ_BACK = "read_back"
    DIFFER = "differ"
    REVERSE = "reverse"


_S, _E = State, Event
_BEFORE = (_S.DRAFTED, _S.PREVIEWED, _S.AUTHORISED, _S.RECHECKED)
_STOOD = (_S.POSTED, _S.RECONCILED, _S.DIFFERS)
_ROWS: tuple[tuple[Sequence[State], Event, State], ...] = (
    ((_S.DRAFTED,), _E.PREVIEW, _S.PREVIEWED),
    ((_S.PREVIEWED,), _E.AUTHORISE, _S.AUTHORISED),
    ((_S.AUTHORISED, _S.RECHECKED, _S.POSTING), _E.RECHECK, _S.RECHECKED),
    ((*_BEFORE, _S.POSTING), _E.DRIFT, _S.SENT_BACK),
    ((_S.SENT_BACK,), _E.APPROVE_AGAIN, _S.AUTHORISED),
    ((*_BEFORE, _S.SENT_BACK), _E.DROP, _S.REJECTED),
    ((_S.RECHECKED,), _E.SIMULATE, _S.DRY_RUN),
    ((_S.RECHECKED, _S.POSTING, _S.UNKNOWN), _E.SEND, _S.POSTING),
    ((_S.POSTING,), _E.LOSE, _S.UNKNOWN),
    ((_S.POSTING, _S.UNKNOWN), _E.POST, _S.POSTED),
    ((*_BEFORE, _S.POSTING, _S.UNKNOWN), _E.REFUSE, _S.DEAD_LETTERED),
    ((_S.DEAD_LETTERED,), _E.RETRY, _S.DRAFTED),
    ((_S.DEAD_LETTERED,), _E.WRITE_OFF, _S.REJECTED),
    (_STOOD, _E.READ_BACK, _S.RECONCILED),
    (_STOOD, _E.DIFFER, _S.DIFFERS),
    (_STOOD, _E.REVERSE, _S.REVERSED),
)
MOVES: dict[tuple[State, Event], State] = {(state, event): to for states, event, to in _ROWS for state in states}

BOOKED = frozenset({_S.POSTED, _S.RECONCILED, _S.DIFFERS, _S.REVERSED})
"""It is in the system's books."""
UNSENT = _BEFORE
"""Nothing has gone to the system, so it can still be withdrawn."""
MAYBE_SENT = (_S.POSTING, _S.UNKNOWN)
"""The system may have it, and the ledger does not know yet."""
ENDED = BOOKED | {_S.REJECTED, _S.DEAD_LETTERED, _S.DRY_RUN}
"""Its workflow has nothing to do. A dead letter starts again when a person says so."""
IN_LINE = frozenset({*_BEFORE, _S.POSTING, _S.UNKNOWN})
"""Later transactions for the same business object wait behind it. One that waits for a person holds nobody up: what
comes after it is looked at as drift when that person decides."""
TEXTS = {state.value: state.value.replace("_", " ") for state in State}


def step(state: str, event: Event) -> State:
    """Raises ConflictError when the transaction is past that."""
    found = MOVES.get((State(state), event))
    if found is None:
        raise ConflictError(f"The transaction is {TEXTS[state]}: {event.value.replace('_', ' ')} is not possible now.")
    return found


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Window(_Part):
    """When the system takes nothing. Either every week (`days` mon..sun, `start` and `end` HH:MM at the plant, over
    midnight when the end is not after the start), or once (`since`, `until`)."""

    days: tuple[str, ...] = ()
    start: str = Field(default="", pattern=r"^(|([01]\d|2[0-3]):[0-5]\d)$")
    end: str = Field(default="", pattern=r"^(|([01]\d|2[0-3]):[0-5]\d)$")
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "Window":
        weekly, once = bool(self.days and self.start and self.end), bool(self.since and self.until)
        if weekly == once or not set(self.days) <= set(_DAYS):
            raise ValueError("a window is weekly (days, start, end) or once (since, until)")
        return self

    def closed_until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When it opens again, if it is closed now."""
        if self.since and self.until:
            return self.until if self.since <= now < self.until else None
        local = now.astimezone(zone)
        for back in (0, 1):
            day = (local - timedelta(days=back)).date()
            if _DAYS[day.weekday()] not in self.days:
                continue
            begin = datetime.combine(day, time.fromisoformat(self.start), zone)
            over = day if self.end > self.start else day + timedelta(days=1)
            end = datetime.combine(over, time.fromisoformat(self.end), zone)
            if begin <= local < end:
                return end.astimezone(UTC)
        return None


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Control(_Part):
    """What holds for one system or definition (`scope`: `system:erp`, `definition:breakdown`). 0 = no limit."""

    scope: str
    stopped: bool = False  # the kill switch
    dry_run: bool = False
    per_hour: int = Field(default=0, ge=0, le=1_000_000)
    per_minute: int = Field(default=0, ge=0, le=100_000)
    windows: tuple[Window, ...] = ()
    reason: str = Field(default="", max_length=500)


class Held(_Part):
    """Why a transaction waits, and when it is looked at again. `why` is a code: stopped, window, per_hour, per_minute,
    order, taking_back, away (the system is silent), slow_down (it asks us to)."""

    why: str
    until: AwareDatetime
    what: str = ""


_LOOK_AGAIN = timedelta(seconds=30)


def gate(
    controls: Iterable[Control], now: datetime, zone: ZoneInfo, sent: Mapping[str, tuple[int, int]]
) -> Held | None:
    """What keeps a transaction from being sent now; `sent`: scope -> how many others it sent in the last hour and
    minute. Of a scope that is not in it no limit counts."""
    for control in controls:
        hour, minute = sent.get(control.scope, (0, 0))
        if control.stopped:
            return Held(why="stopped", until=now + _LOOK_AGAIN, what=control.scope)
        ends = [end for window in control.windows if (end := window.closed_until(now, zone))]
        if ends:
            return Held(why="window", until=max(ends), what=control.scope)
        if control.per_hour and hour >= control.per_hour:
            return Held(why="per_hour", until=now + _LOOK_AGAIN, what=control.scope)
        if control.per_minute and minute >= control.per_minute:
            return Held(why="per_minute", until=now + timedelta(seconds=60 / control.per_minute), what=control.scope)
    return None
