"""What was recorded, and what became of it: the words of a replay."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from activities.contracts.model import OpeningSignal
from domain.rosters.people import Roster
from domain.site import Site
from domain.values import Json, canonical

AGENT = "agent."  # begins the source of what an agent answered


@dataclass(frozen=True, slots=True)
class Recorded:
    """A signal as intake saw it. `exception`: the recorded exception of this definition that it belongs to.

    may_join, may_open: not where the record has it in an exception of another definition that came first; what holds
    for a definition about safety is its own in any case.
    key, held: what a version in the shadow made of it at the time; None where nothing watched.
    """

    signal: OpeningSignal
    exception: str = ""
    may_join: bool = True
    may_open: bool = True
    key: str | None = None
    held: bool | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person did about a task; `taken` False when somebody else had been quicker, or it was refused."""

    task: str
    person: str
    verb: str
    at: datetime
    fields: Mapping[str, Json] = field(default_factory=dict)
    channel: str = ""
    taken: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that asked or told a person. kind: task | approve | notify."""

    at: datetime
    person: str
    task: str
    kind: str


@dataclass(frozen=True, slots=True)
class Decided:
    at: datetime
    task: str
    verdict: str
    option: str
    person: str


@dataclass(frozen=True, slots=True)
class Posted:
    """`outcomes`: kinds, as `hold_lot + set_order_status`. status: posted | rejected | posting."""

    at: datetime
    system: str
    outcomes: str
    status: str


@dataclass(frozen=True, slots=True)
class Fact:
    """What a system answered: `source` is the query, `planning.<planner>` or `agent.<name>`."""

    source: str
    where: str
    value: Json

    @staticmethod
    def asked(where: Json) -> str:
        """The question in a form that can be compared."""
        return canonical(where)


@dataclass(frozen=True, slots=True)
class History:
    """What was recorded of one exception beside its signals."""

    pages: tuple[Asked, ...] = ()
    answers: tuple[Answer, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """An exception: as it happened, or as a version would have handled it.

    `signals`: inbox numbers, the one that opened it first. `received_at`: of that signal. `closed_at` None: still open
    at the end of the window. `answered`: page -> how its answer was found (recorded, model, silent).
    """

    key: str
    opened_at: datetime
    received_at: datetime
    closed_at: datetime | None
    ending: str
    signals: tuple[int, ...]
    equipment: str = ""
    record: str = ""
    pages: tuple[Asked, ...] = ()
    decisions: tuple[Decided, ...] = ()
    postings: tuple[Posted, ...] = ()
    answered: tuple[str, ...] = ()
    problem: str = ""
    unplanned: bool = False  # options were asked for, but none are recorded


@dataclass(frozen=True)
class Recording:
    """Signals of a window in inbox order. `histories`: by the id of the recorded exception. `happened`: what the
    record tells of this definition's exceptions; None when it tells nothing (a file). `parents`: definition and key ->
    when its exceptions were open. `left_out`: reason -> how many signals are not replayed for it."""

    definition: str
    since: datetime
    until: datetime
    signals: tuple[Recorded, ...]
    histories: Mapping[str, History] = field(default_factory=dict)
    happened: tuple[Case, ...] | None = None
    parents: Mapping[tuple[str, str], tuple[tuple[datetime, datetime | None], ...]] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True)
class Place:
    """Where it is replayed: today's site and people."""

    site: Site
    roster: Roster
