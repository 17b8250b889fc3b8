"""`if`: one branch or the other; what is not known yet does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.definition import IfStep

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter


async def run(engine: Interpreter, step: IfStep, path: str) -> None:
    """The condition is looked at once, when the step is reached."""
    if engine.holds(step.if_):
        await engine.run_steps(step.then, f"{path}.then.")
    else:
        await engine.run_steps(step.else_, f"{path}.else.")
