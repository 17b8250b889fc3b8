"""Runs of the reconciliation on a database, with a system whose books somebody changes."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from activities.reconciling import PLAN, Reconciliation
from activities.world import World
from admin.actors import Actor
from admin.books import reconciliation as admin
from domain.books.booking import Booked, FieldStanding, ReadBack
from domain.books.outcomes import OutcomeTransaction, Receipt, SetPriority
from domain.errors import ConflictError, InvalidPayloadError, NotFoundError, TransientError
from store.tables import AuditRow, DifferenceRow, InboxRow, LedgerRow, ReconciliationRow
from store.write.books import reconciliation as write
from tests.support.plant import utcnow
from tests.support.systems import FakeSystem

BOSS = Actor("lena", signed_in=False)


class Books(FakeSystem):
    """Priorities by key; `broken`: what reading this key back raises."""

    def __init__(self) -> None:
        super().__init__("erp", {})
        self.stands: dict[str, int] = {}
        self.broken: dict[str, Callable[[], Exception]] = {}

    async def read_back(self, transaction: OutcomeTransaction, receipt: Receipt) -> ReadBack:
        if transaction.key in self.broken:
            raise self.broken[transaction.key]()
        (outcome,) = transaction.outcomes
        assert isinstance(outcome, SetPriority)
        stands = self.stands.get(transaction.key)
        field = FieldStanding(record="order", field="priority", posted=outcome.priority, stands=stands)
        return ReadBack(known=stands is not None, fields=[field])

    async def postings_since(self, moment: Any) -> list[Booked]:
        return [Booked(key=key, at=utcnow(), documents=[f"posting {key}"]) for key in self.stands]


@pytest.fixture
async def books(world: World) -> Books:
    """Three postings of the last hour, all as they should be, and one that was dropped."""
    system = Books()
    world.systems["erp"] = system  # type: ignore[index]
    rows = [await posted(world, n) for n in range(3)]
    system.stands |= {row.key: row.outcomes[0]["priority"] for row in rows}
    await posted(world, 9, status="rejected", posted_at=None)
    return system


async def posted(world: World, n: int, **values: Any) -> LedgerRow:
    outcome = SetPriority(job_orders=[f"JO-{n}"], priority=n + 1).model_dump(mode="json")
    key, then = f"exc_1:s{n}:1", utcnow() - timedelta(hours=1)
    about: dict[str, Any] = {"exception_id": "exc_1", "step": f"s{n}", "system": "erp", "outcomes": [outcome]}
    about |= {"status": "posted", "receipt": {"key": key, "documents": [f"order {n}"]}, "posted_at": then}
    about |= {"documents": [f"order {n}"], "drafted_at": then, "objects": [f"order:JO-{n}"], "read_back_at": then}
    async with world.database.transaction() as session:
        session.add(row := LedgerRow(id=f"txn_{n}", key=key, **about | values))
    return row


async def look(world: World) -> ReconciliationRow:
    """Somebody asks, a worker does it."""
    day = utcnow() - timedelta(days=1)
    run = await admin.look_again(world.database, "erp", day, by=BOSS, now=utcnow())
    assert await Reconciliation(world).next() == run
    async with world.database.transaction() as session:
        return await session.get_one(ReconciliationRow, run)


async def differences(world: World, state: str = "open") -> list[tuple[str, str]]:
    async with world.database.transaction() as session:
        wanted = select(DifferenceRow).where(col(DifferenceRow.state) == state).order_by(col(DifferenceRow.key))
        return [(row.kind, row.key) for row in await session.scalars(wanted)]


async def signals(world: World) -> list[str]:
    async with world.database.transaction() as session:
        wanted = select(InboxRow).where(col(InboxRow.kind) == "mos.ledger_difference").order_by(col(InboxRow.seq))
        return [row.body["kind"] for row in await session.scalars(wanted)]


async def test_a_run_says_who_asked_and_how_many_it_compared(world: World, books: Books) -> None:
    run = await look(world)
    assert (run.status, run.asked_by, run.compared, run.booked, run.found) == ("done", "lena", 3, 3, {})
    assert run.started_at
    assert run.ended_at
    async with world.database.transaction() as session:
        mine = select(col(AuditRow.kind)).where(col(AuditRow.kind).startswith("ledger.")).order_by(col(AuditRow.id))
        kinds = list(await session.scalars(mine))
    assert kinds == ["ledger.reconcile", "ledger.reconciled"]
    assert await signals(world) == []


async def test_what_stands_as_before_is_only_seen_again(world: World, books: Books) -> None:
    await look(world)

    async def row() -> LedgerRow:
        async with world.database.transaction() as session:
            return await session.get_one(LedgerRow, "txn_1")

    first = await row()
    assert first.status == "reconciled"
    assert (await look(world)).compared == 3
    again = await row()
    assert first.read_back_at
    assert again.read_back_at
    assert (again.read_back_at > first.read_back_at, again.read_back) == (True, first.read_back)
    async with world.database.transaction() as session:
        kinds = select(col(AuditRow.kind)).where(col(AuditRow.subject) == "txn_1")
        assert list(await session.scalars(kinds)) == ["transaction.reconciled"]


async def test_each_kind_of_difference_is_found_once_and_told(world: World, books: Books) -> None:
    del books.stands["exc_1:s0:1"]
    books.stands |= {"exc_1:s1:1": 77, "exc_1:s9:1": 9, "somebody:else:1": 5}
    run = await look(world)
    assert run.found == {"changed": 1, "missing": 1, "stranger": 1, "unbooked": 1}
    expected = [("missing", "exc_1:s0:1"), ("changed", "exc_1:s1:1"), ("unbooked", "exc_1:s9:1")]
    assert await differences(world) == [*expected, ("stranger", "somebody:else:1")]
    assert sorted(await signals(world)) == ["changed_since", "missing", "unexpected", "unexpected"]
    again = await look(world)
    assert again.found == run.found
    assert len(await signals(world)) == 4  # no news


async def test_what_is_mended_there_is_gone(world: World, books: Books) -> None:
    books.stands |= {"exc_1:s1:1": 77, "somebody:else:1": 5}
    await look(world)
    del books.stands["somebody:else:1"]
    books.stands["exc_1:s1:1"] = 2
    assert (await look(world)).found == {}
    assert (await differences(world), len(await differences(world, "gone"))) == ([], 2)
    assert (await signals(world))[-1] == "settled"
    books.stands["exc_1:s1:1"] = 77
    await look(world)
    assert await differences(world) == [("changed", "exc_1:s1:1")]  # again, and a new one


async def test_what_is_explained_is_news_only_with_another_value(world: World, books: Books) -> None:
    books.stands["exc_1:s1:1"] = 77
    await look(world)
    async with world.database.transaction() as session:
        number = (await session.scalars(select(DifferenceRow))).one().id
    with pytest.raises(InvalidPayloadError):
        await admin.explain(world.database, number, " ", by=BOSS, now=utcnow())
    await admin.explain(world.database, number, "Planned anew by hand", by=BOSS, now=utcnow())
    with pytest.raises(ConflictError):
        await admin.explain(world.database, number, "Again", by=BOSS, now=utcnow())
    await look(world)
    assert (await differences(world), await differences(world, "explained")) == ([], [("changed", "exc_1:s1:1")])
    async with world.database.transaction() as session:
        assert (await session.get_one(LedgerRow, "txn_1")).status == "reconciled"
    books.stands["exc_1:s1:1"] = 78
    await look(world)
    assert await differences(world) == [("changed", "exc_1:s1:1")]


async def test_one_that_can_not_be_read_does_not_stop_the_run(world: World, books: Books) -> None:
    books.broken["exc_1:s0:1"] = lambda: NotFoundError("no such model")
    run = await look(world)
    assert (run.status, run.compared, run.unread) == ("done", 2, 1)


async def test_a_system_that_is_away_fails_the_run_and_touches_nothing(world: World, books: Books) -> None:
    books.broken = {f"exc_1:s{n}:1": lambda: TransientError("nobody answers") for n in range(3)}
    run = await look(world)
    assert (run.status, run.error) == ("failed", "nobody answers")
    assert await differences(world) == []


async def test_a_system_that_can_not_be_read_back_says_so(world: World) -> None:
    run = await look(world)
    assert (run.status, run.found) == ("impossible", {})


@pytest.mark.parametrize(
    "said, found",
    [
        ({"preview": {"changes": [{"record": "order", "field": "priority"}]}}, {}),
        ({"read_back": {"known": True, "fields": [{"record": "order", "field": "priority"}]}}, {}),
        ({}, {}),  # its system never says what it sets
        ({"preview": {"changes": [{"record": "order", "field": "note"}]}}, {"changed": 1}),
    ],
)
async def test_a_later_transaction_explains_what_it_has_set_and_no_more(
    world: World, books: Books, said: dict[str, Any], found: dict[str, int]
) -> None:
    """A note on an order must not hide that somebody moved it."""
    books.stands["exc_1:s1:1"] = 77
    later = await posted(world, 20, objects=["order:JO-1"], status="reversed", **said)
    books.stands[later.key] = 21
    assert (await look(world)).found == found


@pytest.mark.parametrize("status", ["posting", "unknown"])
async def test_what_our_own_way_back_may_have_changed_is_looked_at_later(
    world: World, books: Books, status: str
) -> None:
    await look(world)
    del books.stands["exc_1:s0:1"]
    books.stands["exc_1:s1:1"] = 50
    back = await posted(world, 20, status=status, posted_at=None, reverses="txn_0", objects=[])
    await posted(world, 21, status=status, posted_at=None, objects=["order:JO-1"])  # sets it anew
    run = await look(world)
    assert (run.found, await differences(world), await signals(world)) == ({}, [], [])
    async with world.database.transaction() as session:
        assert [(await session.get_one(LedgerRow, f"txn_{n}")).status for n in (0, 1)] == ["reconciled"] * 2
        (await session.get_one(LedgerRow, back.id)).status = "dead_lettered"
    await look(world)
    assert await differences(world) == [("missing", "exc_1:s0:1")], "it was not us"


async def test_a_slow_run_is_not_taken_for_dead(world: World, books: Books) -> None:
    begun, heard = asyncio.Event(), asyncio.Event()

    async def slow(moment: Any) -> list[Booked]:
        begun.set()
        await heard.wait()
        return []

    books.postings_since = slow  # type: ignore[method-assign]
    looking = asyncio.create_task(look_often(world))
    await begun.wait()
    async with world.database.transaction() as session:
        run = (await session.scalars(select(ReconciliationRow))).one()
        run.alive_at = long_ago = utcnow() - timedelta(minutes=3)
    async with asyncio.timeout(60):
        while run.alive_at == long_ago:
            await asyncio.sleep(0.01)
            async with world.database.transaction() as session:
                run = await session.get_one(ReconciliationRow, run.id)
    async with world.database.transaction() as session:
        assert await write.claim(session, ["erp"], utcnow()) is None
    heard.set()
    assert await looking == run.id


async def look_often(world: World) -> str:
    async with world.database.transaction() as session:
        await write.ask(session, "erp", utcnow() - timedelta(days=1), "lena", utcnow())
    return await Reconciliation(world, beat_s=0.01).next()


async def test_runs_are_planned_and_one_at_a_time(world: World, books: Books) -> None:
    books_of = Reconciliation(world)
    await books_of.plan()
    await books_of.plan()  # no second one beside it
    async with world.database.transaction() as session:
        run = (await session.scalars(select(ReconciliationRow))).one()
        assert (run.asked_by, run.asked_at - run.since) == ("", PLAN[0][0])
        first = await write.claim(session, ["erp"], utcnow())
        assert first
        await write.ask(session, "erp", utcnow(), "lena", utcnow())
        assert await write.claim(session, ["erp"], utcnow()) is None
        first.alive_at = utcnow() - timedelta(minutes=3)  # its worker was killed
        await session.flush()
        again = await write.claim(session, ["erp"], utcnow())
        assert again
        assert again.id == first.id
