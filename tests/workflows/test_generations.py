"""The interpreter changes while exceptions run: upgraded in the middle of one, and rolled back."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from activities.contracts.model import Answer, AnswerResult, ExceptionInput, OpeningSignal
from domain.language.definition import Definition, NotifyStep
from tests.support.effects import Effects, worker
from tests.support.eventually import eventually
from tests.support.servers import Temporal
from workflows.engine import asking, generations
from workflows.engine.frame import Place
from workflows.steps.registry import STEPS

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DEFINITION = {
    "definition": "small",
    "title": "Small",
    "owner": "planner",
    "opens": {"on": ["machine.state"], "one_per": ["signal.equipment"]},
    "steps": [
        {"task": "look", "to": {"role": "maintenance_technician"}},
        {"notify": "news", "to": {"role": "planner"}},
    ],
}


async def told_and_written(place: Place, step: NotifyStep) -> None:
    """What the next release does: one more command."""
    await asking.notify(place, step)
    await place.engine.record()


OLD = {1: STEPS}
NEW = {1: STEPS, 2: {**STEPS, "notify": told_and_written}}


@pytest.fixture
async def client(temporal: Temporal) -> Client:
    return await temporal.client()


async def opened(client: Client, key: str, generation: int) -> WorkflowHandle[Any, str]:
    signal = OpeningSignal(
        seq=1, type="machine.state", subject=key, equipment=None, occurred_at=NOW, received_at=NOW, facts={}
    )
    given = ExceptionInput(
        exception_id=f"exc_{key}", site="brno", version="v1", definition=Definition.model_validate(DEFINITION),
        key=key, priority="high", opened_at=NOW, signals=[signal], equipment={}, parameters={}, site_facts={},
        generation=generation,
    )  # fmt: skip
    await client.start_workflow("small", given, id=key, task_queue="mos")
    return client.get_workflow_handle(key, result_type=str)


async def asked(effects: Effects, key: str) -> str:
    """The id of this exception's task, once people were asked."""

    async def found() -> str | None:
        fitting = [one for one in effects.told if one.name == "look" and one.projection.exception_id == f"exc_{key}"]
        return fitting[0].task_id if fitting else None

    task = await eventually(found, "somebody is asked to look")
    assert task is not None
    return task


async def done(handle: WorkflowHandle[Any, str], task: str) -> str:
    press = Answer(
        id="press", seq=9, asked=True, person="jonas", person_name="Jonas Weber", channel="slack", task_id=task,
        version=1, verb="done", received_at=NOW,
    )  # fmt: skip
    assert (await handle.execute_update("answer", press, id="answer-9", result_type=AnswerResult)).accepted
    return await handle.result()


async def test_an_upgrade_in_the_middle_of_an_exception(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    effects = Effects()
    monkeypatch.setattr(generations, "GENERATIONS", OLD)
    async with worker(client, effects):
        before = await opened(client, "before", 1)
        task = await asked(effects, "before")
    monkeypatch.setattr(generations, "GENERATIONS", NEW)
    async with worker(client, effects):
        after = await opened(client, "after", 2)
        assert await done(before, task) == "completed"
        assert await done(after, await asked(effects, "after")) == "completed"
    assert await commands(after) - await commands(before) == 1, "the new way has one command more, the old one has not"


async def test_a_release_taken_back_goes_on_with_what_the_newer_one_opened(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    effects = Effects()
    monkeypatch.setattr(generations, "GENERATIONS", NEW)
    async with worker(client, effects):
        newer = await opened(client, "newer", 2)
        task = await asked(effects, "newer")
    async with worker(client, effects):  # the release before: it knows generation 2, and opens with 1
        older = await opened(client, "older", 1)
        assert await done(newer, task) == "completed"
        assert await done(older, await asked(effects, "older")) == "completed"
    assert await commands(newer) - await commands(older) == 1


async def test_a_release_that_is_too_old_loses_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    effects = Effects()
    monkeypatch.setattr(generations, "GENERATIONS", NEW)
    async with worker(client, effects):
        handle = await opened(client, "newer", 2)
        task = await asked(effects, "newer")
    monkeypatch.setattr(generations, "GENERATIONS", OLD)
    async with worker(client, effects):
        pressing = asyncio.create_task(done(handle, task))
        await eventually(lambda: failure(handle), "the workflow task fails and says why")
    monkeypatch.setattr(generations, "GENERATIONS", NEW)
    async with worker(client, effects):
        assert await pressing == "completed"


async def failure(handle: WorkflowHandle[Any, str]) -> bool:
    history = await handle.fetch_history()
    failed = [event.workflow_task_failed_event_attributes.failure.message for event in history.events]
    return any("opened by a newer release" in message for message in failed)


async def commands(handle: WorkflowHandle[Any, str]) -> int:
    """How many local activities the workflow called."""
    history = await handle.fetch_history()
    return sum(1 for event in history.events if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED)
