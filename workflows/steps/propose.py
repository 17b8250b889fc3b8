"""`propose`: the decision layer works out options. A failure is a result too: no options, and the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.contracts import calls
from activities.contracts.model import ProposeRequest
from domain.language.definition import ProposeStep
from workflows.engine.runtime import EffectFailedError

if TYPE_CHECKING:
    from workflows.engine.frame import Place


_NOTHING = {"options": [], "orders": [], "late_orders": [], "staging": [], "planned_start": "", "planned_end": ""}


async def run(place: Place, step: ProposeStep) -> None:
    """The result is the planner's response, with at most four options."""
    engine = place.engine
    await engine.turn()
    projection = engine.projection()
    where = place.frame.resolve(step.where)
    request = ProposeRequest(using=step.using, where=where, projection=projection)
    try:
        response = await engine.effect(engine.runtime.propose(request), calls.PROPOSE.within)
    except EffectFailedError as error:
        place.frame.put(step.propose, {**_NOTHING, "failed": error.message, **where})
        raise
    engine.story.written(projection)
    place.frame.put(step.propose, response)
    titles = [option["title"] for option in response["options"]]
    engine.note("proposed", place.path, options=titles, orders=response["orders"])
