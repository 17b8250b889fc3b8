"""Limits, stops and a system's own "slow down": what counts, for whom, and who is the last that they let pass."""

import asyncio
from typing import Any

import pytest

from activities.posting_life import Life
from activities.posting_rules import WaitingError
from activities.world import World
from admin.actors import Actor
from admin.books import ledger as admin
from domain.books.ledger import Control, State
from store.tables import LedgerRow
from tests.support.plant import utcnow

BOSS = Actor("sofia", signed_in=False)


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


async def test_an_attempt_does_not_wait_for_itself(world: World) -> None:
    await control(world, "system:erp", per_hour=1)
    await (await drafted(world, "a", status="posting", sent_at=utcnow())).pass_gates()
