"""`approve`: people decide. Silence escalates, or ends as `expired`; it is never a yes or a no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.asking.messages import Standing
from domain.language.definition import ApproveStep
from workflows.engine.following import followed

if TYPE_CHECKING:
    from workflows.engine.frame import Place


async def run(place: Place, step: ApproveStep) -> None:
    """The result has `verdict` (approved | rejected | expired), `option`, `by`, `at`, `comment`."""
    task = await followed(place, step, step.to, step.within, keep_asking=step.on_timeout == "escalate")
    if task.standing is Standing.EXPIRED:
        task.values["verdict"] = "expired"
    place.engine.publish(task)
