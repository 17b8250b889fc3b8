"""How an exception ends: early by its own condition, and never with a signal on its way to it."""

import asyncio
from collections.abc import Sequence

import pytest

from activities.contracts.model import Answer, JoinResult
from intake.deliver import Deliverer
from store.db import Database
from store.tables import ExceptionRow, InboxRow
from tests.support.plant import ABORTED, RUNNING, Plant, publish_all, run_plant, utcnow
from tests.support.servers import Temporal

EARLY = "\ncloses: {when: machine.state == 'running', within: 72h}\n"


async def test_closes_when_its_condition_holds(database: Database, temporal: Temporal) -> None:
    await publish_all(database, edit=lambda text: text + EARLY if "definition: breakdown" in text else text)
    async with run_plant(database, await temporal.client()) as plant:
        exception = await plant.break_machine()
        await plant.press("jonas", "repair", "accept")
        await plant.state("lathe-1", RUNNING)
        row = await plant.closed(exception)
        assert row.condition == "returned"
        line = await plant.told(exception, "closed")
        assert line.data["ending"] == "returned"
        assert (await plant.task("repair")).standing == "withdrawn"
        assert (await plant.press("jonas", "repair", "done"))["code"] == "withdrawn"
        assert not plant.erp.posted


async def test_a_signal_on_its_way_is_taken_before_the_row_closes(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    exception = await plant.break_machine("lathe-2")
    await plant.press("jonas", "repair", "answer:estimate:2h")
    await plant.press("lena", "plan_decision", "reject")
    gate, join = asyncio.Event(), Deliverer.join

    async def late(self: Deliverer, row: ExceptionRow, signals: Sequence[InboxRow]) -> JoinResult | None:
        await gate.wait()
        return await join(self, row, signals)

    monkeypatch.setattr(Deliverer, "join", late)
    signal = await plant.state("lathe-2", RUNNING)
    assert await plant.opened_by(signal) == exception
    done = await answer_past_the_pump(plant, exception, "jonas", "done")
    assert done == "done"
    await plant.told(exception, "closed")
    assert (await plant.exception(exception)).closed_at is None
    gate.set()
    await plant.closed(exception)
    assert (await plant.outcome(signal))["code"] == "joined"
    await plant.told(exception, "signal", type="machine.state")


async def answer_past_the_pump(plant: Plant, exception: str, person: str, verb: str) -> str:
    task = await plant.task("repair")
    answer = Answer(
        id="direct", seq=10_000, person=person, person_name=person, channel="slack", task_id=task.id, verb=verb,
        received_at=utcnow(),
    )  # fmt: skip
    result = await Deliverer(plant.client).answer(await plant.exception(exception), answer)
    assert result is not None
    return result.code


async def test_a_signal_that_finds_its_workflow_ended_opens_anew(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the closing activity prevents, should it happen all the same (a closed workflow answers `closed`)."""
    first = await plant.break_machine()
    await plant.task("repair")
    refusals = iter([JoinResult(highest_seq=1, closed=True)])
    join = Deliverer.join

    async def ended(self: Deliverer, row: ExceptionRow, signals: Sequence[InboxRow]) -> JoinResult | None:
        refused = next(refusals, None)
        return refused or await join(self, row, signals)

    monkeypatch.setattr(Deliverer, "join", ended)
    await plant.state("lathe-1", 8)
    signal = await plant.state("lathe-1", ABORTED)
    assert (await plant.outcome(signal))["code"] == "joined"
    assert await plant.opened_by(signal) == first
