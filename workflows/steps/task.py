"""`task`: people do something. Ends when it is done, or at `within` with the `otherwise` values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.definition import TaskStep
from domain.messages import Standing
from workflows.engine.asking import follow, open_task

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

_WITHOUT_LIMIT = "24h"


async def run(engine: Interpreter, step: TaskStep, path: str) -> None:
    """Ask, climb the ladder while nobody accepts, take the answers."""
    task = open_task(engine, step, path)
    await follow(engine, task, engine.span(step.within or _WITHOUT_LIMIT), keep_asking=False)
    if task.standing is Standing.EXPIRED:
        task.values |= {**step.otherwise, **{k: v for k, v in task.values.items() if v is not None}}
    engine.story.publish(task)
