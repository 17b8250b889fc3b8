"""An effect writes its own line of the story, under a number of the workflow's: no number is left out, and none is used
twice, when the effect fails, is cancelled, or is tried again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from temporalio import activity

from activities.contracts import calls
from activities.contracts.model import Command, CommandResult, ExceptionInput, OpeningSignal, TellRequest, Told
from activities.contracts.story import Entry
from domain.errors import ConfigError, TransientError
from domain.language.definition import Definition
from domain.values import Json
from tests.support.effects import Effects, worker
from tests.support.servers import Temporal
from workflows.engine.generations import OPENS_WITH

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
PLANNER: Json = {"role": "planner"}
Telling = Callable[[TellRequest], Awaitable[None]]


class Troubled(Effects):
    """Something happens before people are told."""

    def __init__(self, before: Telling) -> None:
        super().__init__()
        self._before = before

    @activity.defn(name=calls.TELL.name)
    async def tell(self, request: TellRequest) -> Told:
        await self._before(request)
        told: Told = await super().tell(request)
        return told


def given(steps: list[Json]) -> ExceptionInput:
    signal = OpeningSignal(
        seq=1, type="machine.state", subject="lathe-2", equipment=None, occurred_at=NOW, received_at=NOW, facts={}
    )
    opens = {"on": ["machine.state"], "one_per": ["signal.equipment"]}
    head: Json = {"definition": "told", "title": "t", "owner": "planner", "opens": opens, "steps": steps}
    return ExceptionInput(
        exception_id="exc_1", site="brno", version="v1", definition=Definition.model_validate(head), key="lathe-2",
        priority="high", opened_at=NOW, signals=[signal], equipment={}, parameters={}, site_facts={},
        generation=OPENS_WITH,
    )  # fmt: skip


async def run(temporal: Temporal, effects: Effects, steps: list[Json], cancelled_after: asyncio.Event) -> list[Entry]:
    """The story of an exception of these steps; cancelled by a person once the event is set, if it ever is."""
    client = await temporal.client()
    async with worker(client, effects):
        handle = await client.start_workflow("told", given(steps), id="told", task_queue="mos", result_type=str)
        steering = asyncio.create_task(_cancel(handle, cancelled_after))
        await handle.result()
        steering.cancel()
    assert not effects.rewritten
    assert sorted(effects.entries) == list(range(1, len(effects.entries) + 1))
    return effects.story()


async def _cancel(handle: object, after: asyncio.Event) -> None:
    await after.wait()
    command = Command(id="c", seq=5, kind="cancel", person="lena", person_name="Lena", reason="tried", received_at=NOW)
    await handle.execute_update("command", command, id="c", result_type=CommandResult)  # type: ignore[attr-defined]


async def test_a_line_whose_effect_failed_leaves_no_gap_beside_others(temporal: Temporal) -> None:
    """While the first is being told, the second is; then the first fails, and its number is taken."""
    second = asyncio.Event()

    async def fail(request: TellRequest) -> None:
        if request.name == "broken" and not request.trouble:
            await second.wait()
            raise ConfigError("its text can't be rendered")
        second.set()

    steps = [{"parallel": {"a": [{"notify": "broken", "to": PLANNER}], "b": [{"notify": "fine", "to": PLANNER}]}}]
    story = await run(temporal, Troubled(fail), steps, asyncio.Event())
    kinds = [entry.kind for entry in story]
    assert kinds.count("step_failed") == 1
    assert [entry.data["task"] for entry in story if entry.kind == "told"] == ["fine", "broken"]  # then: of the trouble


async def test_a_line_whose_effect_was_cancelled_says_so(temporal: Temporal) -> None:
    asked = asyncio.Event()

    async def hang(request: TellRequest) -> None:
        asked.set()
        await asyncio.Event().wait()

    story = await run(temporal, Troubled(hang), [{"task": "look", "to": PLANNER}], asked)
    (line,) = [entry for entry in story if entry.data.get("task") == "look"]
    assert (line.kind, line.data["people"], line.data["withdrawn"]) == ("nobody", [], True)
    assert line.mark == f"0 told {line.step} 1", "it would stand beside the line that the effect has written after all"
    assert "inbox 5 control.cancel" in [entry.mark for entry in story]


async def test_an_effect_that_is_tried_again_writes_its_line_once(temporal: Temporal) -> None:
    tries: list[str] = []

    async def flicker(request: TellRequest) -> None:
        tries.append(request.name)
        if len(tries) == 1:
            raise TransientError("the database is away")

    story = await run(temporal, Troubled(flicker), [{"notify": "news", "to": PLANNER}], asyncio.Event())
    assert (len(tries), [entry.kind for entry in story].count("told")) == (2, 1)
