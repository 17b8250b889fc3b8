"""`approve`: people decide. The first authorised answer decides; silence escalates, or ends as `expired`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.definition import ApproveStep
from domain.messages import Standing
from workflows.engine.asking import follow, open_task

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter


async def run(engine: Interpreter, step: ApproveStep, path: str) -> None:
    """The result has `verdict` (approved | rejected | expired), `option`, `by`, `at`, `comment`."""
    task = open_task(engine, step, path)
    await follow(engine, task, engine.span(step.within), keep_asking=step.on_timeout == "escalate")
    if task.standing is Standing.EXPIRED:
        task.values["verdict"] = "expired"
    engine.story.publish(task)
