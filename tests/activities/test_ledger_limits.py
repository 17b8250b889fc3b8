"""Limits, stops and a system's own "slow down": what counts, for whom, and who is the last that they let pass."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.contracts.model import PostRequest
from activities.posting import PostingActivities
from activities.posting_life import Life
from activities.posting_rules import WaitingError
from activities.world import World
from admin.actors import Actor
from admin.books import ledger as admin
from domain.books.ledger import Control, State, Window
from domain.books.outcomes import OutcomeTransaction, Receipt, SetPriority
from domain.errors import OutcomeUnknownError, RateLimitedError
from store.tables import LedgerRow
from store.write.books import ledger
from tests.support.plant import utcnow
from tests.support.systems import FakeSystem

BOSS = Actor("sofia", signed_in=False)


@dataclass
class Clock:
    """The world's time, moved by hand."""

    start: datetime = field(default_factory=utcnow)
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return self.start + self.ahead


class Slow(FakeSystem):
    """It asks for 17 seconds."""

    slow = True

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        if self.slow:
            self.tries.append(transaction.key)
            raise RateLimitedError("slow down", retry_after=17)
        return await super().post(transaction)


async def request(world: World, name: str) -> PostRequest:
    """Decided, on an order of its own."""
    said = {"exception_id": "exc_1", "step": "0", "task_id": "", "channel": "console", "verdict": "approved"}
    more = {"authority": "reschedule", "shown_hash": "", "at": utcnow(), "person": "lena", "id": f"dec_{name}"}
    async with world.database.transaction() as session:
        await ledger.add_decision(session, {**said, **more})
    drafted: dict[str, Any] = {"id": f"txn_{name}", "key": f"exc_1:{name}:1", "exception_id": "exc_1"}
    wanted = [SetPriority(job_orders=[name], priority=7)]
    transaction = OutcomeTransaction(**drafted, system="erp", outcomes=wanted, decision=f"dec_{name}")
    return PostRequest(transaction=transaction, step=name)


async def drafted(world: World, name: str, **values: Any) -> Life:
    """Looked at, and ready to be sent."""
    about: dict[str, Any] = {
        "exception_id": "exc_1",
        "step": "0",
        "system": "erp",
        "outcomes": [],
        "drafted_at": utcnow(),
    }
    about |= {"objects": [f"order:{name}"], "definition": "breakdown", "status": State.RECHECKED.value}
    row = LedgerRow(id=f"txn_{name}", key=f"exc_1:{name}:1", **about | values)
    async with world.database.transaction() as session:
        session.add(row)
    return Life(world, row)


async def control(world: World, scope: str, **values: Any) -> None:
    await admin.set_control(world.database, Control(scope=scope, reason="because", **values), by=BOSS, now=utcnow())


async def test_two_workers_are_never_both_the_last_that_a_limit_lets_pass(world: World) -> None:
    await control(world, "system:erp", per_hour=1)
    lives = [await drafted(world, name) for name in ("a", "b")]
    for life in lives:
        await life.pass_gates()
    sent = await asyncio.gather(*(life.begin_sending() for life in lives), return_exceptions=True)
    (held,) = [one for one in sent if one is not None]
    assert isinstance(held, WaitingError)
    assert held.held
    assert held.held.why == "per_hour"
    assert sorted(life.row.status for life in lives) == ["posting", "rechecked"]


async def test_a_stop_counts_until_the_moment_of_sending(world: World) -> None:
    life = await drafted(world, "a")
    await life.pass_gates()
    await control(world, "system:erp", stopped=True)
    with pytest.raises(WaitingError):
        await life.begin_sending()
    assert life.row.status == "rechecked"


async def test_a_definition_is_limited_by_what_it_sent_itself(world: World) -> None:
    await control(world, "definition:breakdown", per_hour=1)
    now = utcnow()
    for number in range(3):
        await drafted(world, f"other{number}", definition="rush_order", status="posted", sent_at=now)
    await (await drafted(world, "a")).begin_sending()
    with pytest.raises(WaitingError):
        await (await drafted(world, "b")).pass_gates()


async def test_a_system_that_asks_for_time_is_left_alone_by_all(world: World) -> None:
    """A 429 to one is not asked for again by the next, and nothing is lost of either."""
    erp, clock = Slow("erp", {}), Clock()
    worker = PostingActivities(World(world.database, {"erp": erp}, clock.now, world.randomness, ""))
    first, second = await request(world, "a"), await request(world, "b")
    told = await worker.post(first)
    assert (told.status, told.detail, told.again_s) == ("waiting", "slow_down", 17)
    assert (await worker.post(second)).status == "waiting"
    assert erp.tries == ["exc_1:a:1"]
    clock.ahead, erp.slow = timedelta(seconds=18), False
    assert [(await worker.post(one)).status for one in (first, second)] == ["posted", "posted"]


class Asleep(FakeSystem):
    """It loses the answer of a posting, then asks for 17 seconds before it is looked up."""

    slow = True

    async def find(self, key: str) -> Receipt | None:
        if self.slow:
            raise RateLimitedError("slow down", retry_after=17)
        return await super().find(key)


async def test_a_look_up_that_is_asked_for_time_gives_it(world: World) -> None:
    """The first attempt is told so as a wait, not as an error whose pause nobody reads."""
    erp, clock = Asleep("erp", {}), Clock()
    worker = PostingActivities(World(world.database, {"erp": erp}, clock.now, world.randomness, ""))
    wanted = await request(world, "a")
    erp.trouble.append("swallow_question")
    with pytest.raises(OutcomeUnknownError):
        await worker.post(wanted)
    told = [await worker.post(wanted), await worker.post(wanted)]
    assert [(one.status, one.detail, one.again_s) for one in told] == [("waiting", "slow_down", 17)] * 2
    clock.ahead, erp.slow = timedelta(seconds=18), False
    assert (await worker.post(wanted)).status == "posted"


async def test_a_maintenance_window_holds_everything_until_it_opens(world: World) -> None:
    clock = Clock()
    closed = Window(since=clock.now() - timedelta(hours=1), until=clock.now() + timedelta(hours=2))
    await control(world, "system:erp", windows=(closed,))
    erp = FakeSystem("erp", {})
    worker = PostingActivities(World(world.database, {"erp": erp}, clock.now, world.randomness, ""))
    wanted = await request(world, "a")
    told = await worker.post(wanted)
    assert (told.status, told.detail, told.again_s, erp.tries) == ("waiting", "window", 7200, [])
    clock.ahead = timedelta(hours=2)
    assert (await worker.post(wanted)).status == "posted"


async def test_an_attempt_does_not_wait_for_itself(world: World) -> None:
    await control(world, "system:erp", per_hour=1)
    await (await drafted(world, "a", status="posting", sent_at=utcnow())).pass_gates()
