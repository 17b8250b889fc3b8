"""`parallel`: named branches side by side; the step ends with the last of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from domain.definition import ParallelStep

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter


async def run(engine: Interpreter, step: ParallelStep, path: str) -> None:
    """A branch that is cancelled cancels the others with it."""
    async with asyncio.TaskGroup() as group:
        for name, branch in step.parallel.items():
            group.create_task(engine.run_steps(branch, f"{path}.{name}."))
