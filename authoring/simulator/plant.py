"""The world of a simulated exception: its people, and systems that answer, are down, are slow or refuse."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from domain.books.outcomes import OutcomeTransaction
from domain.errors import NotFoundError, RejectedError, TransientError
from domain.rosters.people import Roster
from domain.values import Json

if TYPE_CHECKING:
    from authoring.simulator.agents import SimulatedAgent

Question = Callable[[Mapping[str, Json], datetime], Json]


@dataclass(frozen=True)
class Outage:
    """Down from `begin` until `end`; without `end` for good. Aware UTC."""

    begin: datetime
    end: datetime | None = None

    def covers(self, now: datetime) -> bool:
        return self.begin <= now and (self.end is None or now < self.end)


@dataclass
class SimulatedSystem:
    """ERP, MES, machine, roster or history. `answers`: query -> its answer, or a function of the question and the time.

    takes: how long an answer takes. refuses: kind of outcome (or `*`) -> why. Postings are counted for their numbers.
    """

    name: str
    answers: Mapping[str, Json | Question] = field(default_factory=dict)
    outages: Sequence[Outage] = ()
    takes: timedelta = timedelta()
    refuses: Mapping[str, str] = field(default_factory=dict)

    def check_up(self, now: datetime) -> None:
        """Raises TransientError while it is down."""
        if any(outage.covers(now) for outage in self.outages):
            raise TransientError(f"{self.name} is down")

    def query(self, query: str, where: Mapping[str, Json], now: datetime) -> Json:
        """Raises TransientError while it is down, NotFoundError for a question that it has no answer to."""
        self.check_up(now)
        if query not in self.answers:
            raise NotFoundError(f"{self.name} knows no query {query}")
        answer = self.answers[query]
        return answer(where, now) if callable(answer) else answer

    def check_takes(self, transaction: OutcomeTransaction) -> None:
        """Raises RejectedError for what it does not book."""
        for outcome in transaction.outcomes:
            why = self.refuses.get(outcome.kind) or self.refuses.get("*")
            if why:
                raise RejectedError(why)


def _idle(_: datetime) -> Mapping[str, int]:
    return {}


@dataclass(frozen=True)
class Plant:
    """`systems` by name (erp, mes, machine, roster, history), `agents` by theirs. `proposals`: step-independent answers
    of the decision layer by planner, instead of its computing with `mes.plan`, `erp.sales_demand`, `mes.staging` of the
    systems.
    `load`: open tasks by person that other exceptions hold at a moment (people with `at_most` are chosen by it).
    `renders`: authored texts are rendered as they would be shown, and fail as they would.
    """

    roster: Roster
    timezone: str = "UTC"
    systems: Mapping[str, SimulatedSystem] = field(default_factory=dict)
    proposals: Mapping[str, Json | Question] = field(default_factory=dict)
    load: Callable[[datetime], Mapping[str, int]] = _idle
    renders: bool = True
    agents: "Mapping[str, SimulatedAgent]" = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def system(self, name: str) -> SimulatedSystem:
        """An unknown one has no answer to anything, but books what it is given."""
        return self.systems.get(name) or SimulatedSystem(name)
