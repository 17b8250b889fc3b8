"""What the interpreter costs: one exception by definition and by hand, on one server, in turns.

`python -m bench.interpreter` prints the table of docs/performance.md.

The effects answer at once and are the same for both, so that what differs is the workflow: events and bytes of its
history, and time. Prints ratios; asserts nothing.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.contracts.model import Answer, AnswerResult, ExceptionInput, OpeningSignal
from bench.interpreter_by_hand import ByHand
from bench.machine import described
from domain.ids import derived_id
from domain.language.definition import Definition
from infra.processes.worker import PURE
from tests.support.effects import Effects
from tests.support.servers import TEMPORAL, Temporal
from workflows.engine.generations import OPENS_WITH
from workflows.exception import ExceptionWorkflow
from workflows.transaction import TransactionWorkflow

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
STEPS = 6
DEFINITION = Definition.model_validate(
    {
        "definition": "by_definition",
        "title": "t",
        "owner": "planner",
        "opens": {"on": ["machine.state"], "one_per": ["signal.equipment"]},
        "steps": [
            {"task": "look", "to": {"role": "planner"}, "title": "t"},
            *({"notify": f"news_{number}", "to": {"role": "planner"}, "title": "t"} for number in range(3)),
            {
                "if": "has(look.done_at)",
                "then": [
                    {
                        "post": "first",
                        "to": "erp",
                        "decision": "look",
                        "outcomes": [{"set_priority": {"job_orders": ["JO-1"], "priority": 1}}],
                    }
                ],
            },
        ],
    }
)


@dataclass
class Found:
    """Of one way: history events, history bytes and milliseconds of each exception."""

    events: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)


def _given(key: str) -> ExceptionInput:
    signal = OpeningSignal(
        seq=1, type="machine.state", subject=key, equipment=None, occurred_at=NOW, received_at=NOW, facts={}
    )
    return ExceptionInput(
        exception_id=f"exc_{key}", site="s", version="v1", definition=DEFINITION, key=key, priority="high",
        opened_at=NOW, signals=[signal], equipment={}, parameters={}, site_facts={}, generation=OPENS_WITH,
    )  # fmt: skip


async def _one(client: Client, effects: Effects, kind: str, key: str, found: Found) -> None:
    """From the start to the end of one exception."""
    began = time.perf_counter()
    handle = await client.start_workflow(kind, _given(key), id=key, task_queue="mos", result_type=str)
    asked = f"exc_{key}"
    while not any(  # noqa: ASYNC110 - the effects know no event
        told.projection.exception_id == asked and told.name == "look" for told in effects.told
    ):
        await asyncio.sleep(0.001)
    task = f"exc_{key}_look" if kind == "by_hand" else derived_id("tsk", f"exc_{key}", "0")
    press = Answer(
        id="p", seq=9, asked=True, person="jonas", person_name="Jonas Weber", channel="slack", task_id=task, version=1,
        verb="done", received_at=NOW,
    )  # fmt: skip
    await handle.execute_update("answer", press, id="a-9", result_type=AnswerResult)
    await handle.result()
    found.ms.append((time.perf_counter() - began) * 1000)
    await _weigh(handle, found)
    effects.told.clear()


async def _weigh(handle: WorkflowHandle[object, str], found: Found) -> None:
    history = await handle.fetch_history()
    found.events.append(len(history.events))
    found.size.append(sum(event.ByteSize() for event in history.events))


def _worker(client: Client, effects: Effects) -> Worker:
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PURE)
    return Worker(
        client,
        task_queue="mos",
        workflows=[ExceptionWorkflow, TransactionWorkflow, ByHand],
        activities=list(effects.all()),
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
    )


async def measure(temporal: Temporal, rounds: int, warm: int = 3) -> dict[str, Found]:
    """In turns, the first of each to warm up."""
    client, effects = await temporal.client(), Effects()
    found = {"by_hand": Found(), "by_definition": Found()}
    async with _worker(client, effects):
        for number in range(rounds + warm):
            for kind, kept in found.items():
                await _one(client, effects, kind, f"{kind}-{number}", kept if number >= warm else Found())
    return found


def main(arguments: Sequence[str]) -> int:
    """Print the table of docs/performance.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.interpreter")
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args(arguments)
    with TEMPORAL.use() as temporal:
        found = asyncio.run(measure(temporal, options.rounds))
    hand, mos = found["by_hand"], found["by_definition"]
    machine = described()
    print(f"{machine['cpu']}, {machine['cores']} cores ({machine['versions']})")
    print(f"{options.rounds} exceptions of each, in turns; {STEPS} steps")
    print("| | by hand, median | by definition, median | ratio |\n|---|---|---|---|")
    for name, of in (("history events", "events"), ("history bytes", "size"), ("ms an exception", "ms")):
        left, right = statistics.median(getattr(hand, of)), statistics.median(getattr(mos, of))
        print(f"| {name} | {left:.0f} | {right:.0f} | {right / left:.2f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
