"""`parallel`: named branches side by side; the step ends with the last of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from domain.language.definition import ParallelStep
from workflows.engine.stepping import run_steps

if TYPE_CHECKING:
    from workflows.engine.frame import Place


async def run(place: Place, step: ParallelStep) -> None:
    """A branch that is cancelled cancels the others with it."""
    async with asyncio.TaskGroup() as group:
        for name, branch in step.parallel.items():
            group.create_task(run_steps(place.frame, place.engine, branch, place.inside(name)))
