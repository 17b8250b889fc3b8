"""`propose`: the decision layer works out options. A failure is a result too: no options, and the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.contracts.model import ProposeRequest
from domain.definition import ProposeStep
from workflows.engine.runtime import EffectFailedError

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

_NOTHING = {"options": [], "orders": [], "late_orders": [], "staging": [], "planned_start": "", "planned_end": ""}


async def run(engine: Interpreter, step: ProposeStep, path: str) -> None:
    """The result is the planner's response, with at most four options."""
    story = engine.story
    projection = story.projection()
    where = engine.resolve(step.where)
    try:
        response = await engine.runtime.propose(ProposeRequest(using=step.using, where=where, projection=projection))
    except EffectFailedError as error:
        story.scope[step.propose] = {**_NOTHING, "failed": error.message, **where}
        raise
    story.written(projection)
    story.scope[step.propose] = response
    titles = [option["title"] for option in response["options"]]
    story.note(engine.runtime.now(), "proposed", path, options=titles, orders=response["orders"])
