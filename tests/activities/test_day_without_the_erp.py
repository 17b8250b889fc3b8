"""The ERP is away for a day while people go on deciding: afterwards the line is drained in order, nothing twice, and
somebody was told once. The driver and its tables are the real ones, its time is made up: a transaction is looked at
when its workflow would look (its own pauses, the activity's retries, the nudges), and nothing happens between.
Each hour costs its looks: by default it is a morning, with `make chaos` the whole day."""

import heapq
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from activities.contracts import calls
from activities.contracts.model import PostRequest
from activities.posting import PostingActivities
from activities.watching import Watch
from activities.world import World
from domain.books.booking import FieldChange, Preview
from domain.books.outcomes import OutcomeTransaction, Receipt, SetPriority
from domain.errors import OutcomeUnknownError, TransientError
from store.db import Database
from store.read.books import ledger as ledger_read
from store.tables import InboxRow, LedgerRow
from store.write.books import ledger
from workflows.transaction import pause_of

BEGIN = datetime(2026, 11, 23, 6, tzinfo=UTC)
DAY, LOOK = timedelta(hours=24), timedelta(minutes=30)
RETRY = calls.POST.retry


class Books:
    """An ERP that books whatever it is given, twice if it is asked twice. Some of its first answers are lost."""

    name = "erp"

    def __init__(self, lost: int) -> None:
        self.booked: list[OutcomeTransaction] = []
        self.down, self.calls, self._lost = True, 0, lost

    async def preview(self, transaction: OutcomeTransaction) -> Preview:
        self._answer()
        (outcome,) = transaction.outcomes
        assert isinstance(outcome, SetPriority)
        return Preview(changes=[FieldChange(record=outcome.job_orders[0], field="priority", after=outcome.priority)])

    async def find(self, key: str) -> Receipt | None:
        self._answer()
        return next((Receipt(key=key, documents=[key]) for one in self.booked if one.key == key), None)

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        self._answer()
        self.booked.append(transaction)
        if self._lost:
            self._lost -= 1
            raise OutcomeUnknownError("no answer came")
        return Receipt(key=transaction.key, documents=[transaction.key])

    def _answer(self) -> None:
        self.calls += 1
        if self.down:
            raise TransientError("nobody answers")


@dataclass
class Line:
    """What Temporal would do for each transaction, on a clock of its own."""

    world: World
    books: Books
    now: datetime = BEGIN
    looks: int = 0
    _due: list[tuple[datetime, int, str]] = field(default_factory=list)
    _turn: dict[str, int] = field(default_factory=dict)  # the look that counts: an earlier one was overtaken by a nudge
    _waits: Counter[str] = field(default_factory=Counter)
    _tries: Counter[str] = field(default_factory=Counter)
    requests: dict[str, PostRequest] = field(default_factory=dict)

    def at(self, moment: datetime, name: str) -> None:
        self._turn[name] = self._turn.get(name, 0) + 1
        heapq.heappush(self._due, (moment, self._turn[name], name))

    async def until(self, end: datetime) -> None:
        """Everything that is due before then."""
        while self._due and self._due[0][0] <= end:
            await self._next()
        self.now = end

    async def drain(self) -> None:
        while self._turn:
            await self._next()

    async def _next(self) -> None:
        moment, turn, name = heapq.heappop(self._due)
        if turn == self._turn.get(name):
            self.now = max(self.now, moment)
            await self._look(name)

    async def _look(self, name: str) -> None:
        self.looks += 1
        try:
            result = await PostingActivities(self.world).post(self.requests[name])
        except (TransientError, OutcomeUnknownError):
            pause = min(RETRY.initial_interval * 2 ** min(self._tries[name], 20), RETRY.maximum_interval or DAY)
            self._tries[name] += 1
            self.at(self.now + pause, name)
            return
        self._tries[name] = 0
        if result.status == "waiting":
            self.at(self.now + pause_of(result.again_s, self._waits[name]), name)
            self._waits[name] += 1
            return
        assert result.status == "posted", result
        del self._turn[name]
        await self._nudges()

    async def _nudges(self) -> None:
        async with self.world.database.transaction() as session:
            rows = await ledger_read.to_nudge(session, self.now, limit=10_000)
            await ledger.nudged(session, [(row.id, row.nudge_at) for row in rows if row.nudge_at])
        for row in rows:
            if row.id in self._turn:
                self.at(self.now, row.id)


@pytest.fixture
async def line(published: Database) -> Line:
    books = Books(lost=3)
    found = Line(World(published, {}, lambda: found.now, os.urandom, "https://mos.example"), books)
    found.world.systems["erp"] = books  # type: ignore[index]
    return found


async def decide(line: Line, number: int, objects: int) -> str:
    """Somebody decided it, and its workflow begins."""
    name = f"txn_{number:05}"
    said = {"exception_id": "exc_1", "step": "0", "task_id": "", "channel": "console", "verdict": "approved"}
    decision = {"id": f"dec_{number}", "authority": "reschedule", "shown_hash": "", "at": line.now, "person": "lena"}
    async with line.world.database.transaction() as session:
        await ledger.add_decision(session, said | decision)
    outcome = SetPriority(job_orders=[f"JO-{number % objects}"], priority=number % 99 + 1)
    transaction = OutcomeTransaction.model_validate(
        {"id": name, "key": f"exc_1:{number}:1", "exception_id": "exc_1", "system": "erp"}
        | {"outcomes": [outcome], "decision": f"dec_{number}"}
    )
    line.requests[name] = PostRequest(transaction=transaction, step=str(number))
    line.at(line.now, name)
    return name


async def told(database: Database) -> list[tuple[str, str]]:
    """Kind and subject of every trouble that people hear of."""
    statement = select(InboxRow).where(col(InboxRow.kind) == "mos.ledger_difference").order_by(col(InboxRow.seq))
    async with database.transaction() as session:
        rows = (await session.scalars(statement)).all()
    return [(row.body["kind"], row.body["subject"]) for row in rows]


@pytest.mark.parametrize(
    "number, objects, away",
    [
        (12, 3, timedelta(hours=3)),
        pytest.param(2000, 200, DAY, marks=[pytest.mark.full, pytest.mark.timeout(3600)]),
    ],
)
async def test_a_day_without_the_erp(line: Line, number: int, objects: int, away: timedelta) -> None:
    watch, begun = Watch(line.world), time.monotonic()
    decided = [BEGIN + away * nth / number for nth in range(number)]
    looks = [BEGIN + LOOK * nth for nth in range(int(away / LOOK) + 1)]
    for moment, nth in sorted([(moment, nth) for nth, moment in enumerate(decided)] + [(look, -1) for look in looks]):
        await line.until(moment)
        if nth < 0:
            await watch.look()
        else:
            await decide(line, nth, objects)
    assert line.books.booked == []
    assert await told(line.world.database) == [("waiting", "erp:outage")]
    calls_away, looks_away, line.books.down = line.books.calls, line.looks, False
    await line.drain()
    took = line.now - BEGIN - away
    print(f"{number} postings of {objects} orders: {looks_away} looks and {calls_away} calls in {away}, "
          f"drained {took} after it was back, {time.monotonic() - begun:.0f} s real")  # fmt: skip
    keys = [one.key for one in line.books.booked]
    assert len(keys) == len(set(keys)) == number
    for order in range(objects):
        mine = [int(key.split(":")[1]) for key in keys if int(key.split(":")[1]) % objects == order]
        assert mine == sorted(mine)
    async with line.world.database.transaction() as session:
        states = set(await session.scalars(select(col(LedgerRow.status)).distinct()))
    assert states == {"posted"}
    assert await told(line.world.database) == [("waiting", "erp:outage"), ("settled", "erp:outage")]
    assert took < timedelta(minutes=15)
