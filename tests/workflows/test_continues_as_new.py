"""A flood of signals and answers over several runs of one workflow: nothing lost, nothing doubled."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError

from activities.contracts.model import Answer, AnswerResult, ExceptionInput, JoinBatch, JoinResult, OpeningSignal
from domain.language.definition import Definition
from tests.support.effects import Effects, worker
from tests.support.eventually import eventually
from tests.support.servers import Temporal, temporal_server
from workflows.engine.generations import OPENS_WITH

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
BATCH = 4
VERBS = ("accept", "arrived", "answer:estimate:2h", "answer:cause:belt", "done")


@dataclass(frozen=True)
class Size:
    """Turns of the loop, each a task with an answer a verb; signals that join; after how many events of its history
    the server suggests that a run ends."""

    turns: int
    signals: int
    events: int


SMALL, FULL = Size(20, 400, 500), Size(100, 5000, 4096)  # 4096: the server's own value


def definition(size: Size) -> Definition:
    repair = {
        "task": "repair",
        "to": {"role": "maintenance_technician"},
        "ask": {"estimate": {"kind": "duration"}, "cause": {"kind": "text"}},
        "buttons": ["arrived", "done"],
    }
    steps = [
        {"repeat": "rounds", "at_most": size.turns, "until": "false", "do": [repair]},
        {"wait": "all_joined", "until": f"machine.number > {size.signals}", "within": "10m"},
    ]
    opens = {"on": ["machine.state"], "one_per": ["signal.equipment"]}
    head = {"definition": "flood", "title": "Flood", "owner": "maintenance_lead", "opens": opens}
    return Definition.model_validate(head | {"steps": steps})


def signal(seq: int) -> OpeningSignal:
    return OpeningSignal(
        seq=seq, type="machine.state", subject="lathe-2", equipment="lathe-2", occurred_at=NOW, received_at=NOW,
        facts={"number": seq},
    )  # fmt: skip


def given(size: Size) -> ExceptionInput:
    return ExceptionInput(
        exception_id="exc_1", site="brno", version="v1", definition=definition(size),
        key="lathe-2", priority="high", opened_at=NOW, signals=[signal(1)], equipment={"id": "lathe-2"}, parameters={},
        site_facts={}, generation=OPENS_WITH,
    )  # fmt: skip


class Sender:
    """Sends as the pump does: with an id, again when the run is about to end, in order."""

    def __init__(self, handle: WorkflowHandle[Any, Any]) -> None:
        self._handle = handle

    async def send(self, name: str, argument: Any, update_id: str, result: type[Any]) -> Any:
        while True:
            try:
                return await self._handle.execute_update(name, argument, id=update_id, result_type=result)
            except WorkflowUpdateFailedError as error:
                if getattr(error.cause, "type", "") != "mos.renewing":
                    raise
                await asyncio.sleep(0.02)


async def answer_all(size: Size, sender: Sender, effects: Effects, given_answers: list[AnswerResult]) -> None:
    """Every turn's task is answered with five presses; each boundary is followed by the same press once more."""
    seq = 1_000_000
    for turn in range(size.turns):

        async def asked(turn: int = turn) -> bool:
            return sum(1 for told in effects.told if told.name == "repair") > turn

        await eventually(asked, "the next task is asked")
        task = [told for told in effects.told if told.name == "repair"][turn].task_id
        for verb in VERBS:
            seq += 1
            press = Answer(
                id=f"press-{seq}", seq=seq, asked=True, person="jonas", person_name="Jonas Weber", channel="slack",
                task_id=task, version=1, verb=verb, received_at=NOW,
            )  # fmt: skip
            result = await sender.send("answer", press, f"answer-{seq}", AnswerResult)
            again = await sender.send("answer", press, f"answer-{seq}-again", AnswerResult)
            assert again == result
            given_answers.append(result)


async def join(sender: Sender, begin: int, end: int) -> None:
    """Signals from `begin` to before `end`, in batches; every tenth batch is sent once more."""
    for first in range(begin, end, BATCH):
        batch = JoinBatch(signals=[signal(seq) for seq in range(first, min(first + BATCH, end))])
        highest = batch.signals[-1].seq
        assert (await sender.send("join", batch, f"join-{highest}", JoinResult)).highest_seq == highest
        again = await sender.send("join", batch, f"join-{highest}-again", JoinResult) if first % 40 < BATCH else None
        assert again is None or again.highest_seq == highest


async def runs_of(client: Client, workflow_id: str) -> int:
    return len([run async for run in client.list_workflows(f"WorkflowId = '{workflow_id}'")])


@pytest.fixture(params=[SMALL, pytest.param(FULL, marks=pytest.mark.full)], ids=["small", "full"])
def size(request: pytest.FixtureRequest) -> Size:
    found: Size = request.param
    return found


@pytest.fixture
def server(size: Size) -> Iterator[Temporal]:
    """Suggests the end of a run after as many events as `size` says."""
    with temporal_server("--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={size.events}") as started:
        yield started


@pytest.mark.timeout(300)
async def test_nothing_is_lost_from_run_to_run(size: Size, server: Temporal) -> None:
    client, effects = await server.client(), Effects()
    async with worker(client, effects):
        handle = await client.start_workflow("flood", given(size), id="brno/flood/lathe-2/exc_1", task_queue="mos")
        sender, answers = Sender(handle), list[AnswerResult]()
        last = size.signals + 2 - BATCH  # with it the exception is over, and nothing can be sent again
        await asyncio.gather(answer_all(size, sender, effects, answers), join(sender, 2, last))
        await join(sender, last, size.signals + 2)
        assert await client.get_workflow_handle("brno/flood/lathe-2/exc_1", result_type=str).result() == "completed"

        async def listed() -> bool:
            return await runs_of(client, "brno/flood/lathe-2/exc_1") >= 4

        await eventually(listed, "at least three times it continued as new")
    assert not effects.rewritten, "a line of the story was told in two ways"
    assert sorted(effects.entries) == list(range(1, len(effects.entries) + 1))
    came = [entry.mark for entry in effects.story() if entry.kind in ("signal", "answer")]
    assert len(set(came)) == len(came)
    assert all(mark.startswith("inbox ") for mark in came)
    heard = Counter(entry.data["facts"]["number"] for entry in effects.story() if entry.kind == "signal")
    assert heard == Counter(range(2, size.signals + 2))
    kinds = Counter(effects.kinds())
    assert kinds["answer"] == size.turns * len(VERBS) == len(answers)
    assert all(answer.accepted for answer in answers)
    assert kinds["asked"] == size.turns
    assert len({told.task_id for told in effects.told if told.name == "repair"}) == size.turns
