"""How a task stands is told by text and shown in Slack; nobody is called for it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import col
from temporalio.testing import ActivityEnvironment

from activities.contracts.model import SettleRequest, Wording
from activities.contracts.story import Projection
from activities.people import PeopleActivities
from activities.world import World
from domain.asking.messages import Choice, Message, MessageKind, Standing
from store.tables import OutboxRow, TaskRow

NOTHING = Projection(exception_id="exc_1", rev=1, handling="open", condition="active")


async def asked(world: World, person: str) -> None:
    """A task, and one message about it by voice and one by SMS, both sent."""
    now = world.now() - timedelta(minutes=1)
    shown = Message(kind=MessageKind.TASK, definition="d", exception_id="exc_1", title="t", task="tsk_v:1", code="K7QP")
    row: dict[str, Any] = {"exception_id": "exc_1", "task_id": "tsk_v", "person": person, "purpose": "task"}
    row |= {"payload": shown.model_dump(mode="json"), "state": "sent", "next_at": now, "created_at": now}
    task: dict[str, Any] = {"exception_id": "exc_1", "step": "repair", "kind": "task", "code": "K7QP"}
    task |= {"asked": [person], "shown": shown.model_dump(mode="json"), "opened_at": now}
    async with world.database.transaction() as session:
        session.add(TaskRow(id="tsk_v", **task))
        for channel in ("voice", "sms"):
            session.add(OutboxRow(id=f"msg_{channel}", channel=channel, address="+420601000001", **row))


async def settled(world: World, standing: Standing, times: int = 1) -> list[str]:
    """The channels on which somebody is still told, after the same change was made so many times."""
    wording = Wording(
        definition="d", step="repair", title="t", text="", facts={}, gaps=[], scope={}, priority="critical"
    )
    request = SettleRequest(
        task_id="tsk_v",
        name="repair",
        kind="task",
        standing=standing,
        person="amira",
        person_name="Amira",
        at=world.now(),
        wording=wording,
        choices=[Choice(verb="arrived")],
        closed=standing is not Standing.TAKEN,
        change=1,
        projection=NOTHING,
    )
    for _ in range(times):
        await ActivityEnvironment().run(PeopleActivities(world).settle, request)
    async with world.database.transaction() as session:
        mine = select(OutboxRow).where(col(OutboxRow.task_id) == "tsk_v", col(OutboxRow.state) == "pending")
        return [row.channel for row in await session.scalars(mine)]


@pytest.mark.parametrize("standing", [Standing.TAKEN, Standing.DONE, Standing.WITHDRAWN])
async def test_never_a_page_after_somebody_has_accepted(world: World, standing: Standing) -> None:
    await asked(world, "amira")
    assert await settled(world, standing) == (["sms"] if standing is Standing.TAKEN else [])


async def test_a_change_that_a_worker_died_over_tells_its_taker_all_the_same(world: World) -> None:
    """Committed, and made once more since nobody heard of it: it takes back what others were to get, not its own."""
    await asked(world, "amira")
    assert await settled(world, Standing.TAKEN, times=2) == ["sms"]


async def test_who_is_not_reached_any_more_is_asked_again_when_it_is_handed_back(world: World) -> None:
    """What is being sent, in vain or not, was taken back when somebody accepted: nobody can count on it."""
    await asked(world, "jonas")
    async with world.database.transaction() as session:
        await session.execute(update(OutboxRow).values(state="sending", unwanted=True))
    assert len(await settled(world, Standing.OPEN)) == 1
