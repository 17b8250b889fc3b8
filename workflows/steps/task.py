"""`task`: people do something. Ends when it is done, or at `within` with the `otherwise` values."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from activities.contracts.model import WhoRequest
from domain.asking.messages import Standing
from domain.language.definition import TaskStep, To
from workflows.engine.asking import selector
from workflows.engine.following import followed

if TYPE_CHECKING:
    from workflows.engine.frame import Place


_WITHOUT_LIMIT = "24h"


async def run(place: Place, step: TaskStep) -> None:
    """Ask, climb the ladder while nobody accepts, take the answers."""
    if step.offer == "everyone":
        await _everyone(place, step)
    else:
        await _one(place, step, step.to)


async def _one(place: Place, step: TaskStep, to: To) -> None:
    task = await followed(place, step, to, step.within or _WITHOUT_LIMIT, keep_asking=False)
    if task.standing is Standing.EXPIRED:
        otherwise = place.frame.resolve(step.otherwise)
        task.values |= {**otherwise, **{k: v for k, v in task.values.items() if v is not None}}
    place.engine.publish(task)


async def _everyone(place: Place, step: TaskStep) -> None:
    """A task of their own for each who fits now; nobody there: the ladder is climbed with one task for them all."""
    engine = place.engine
    if "people" not in place.kept:
        await engine.turn(start=True)
        found = await engine.effect(engine.runtime.who(WhoRequest(selector=selector(place.frame, step.to))))
        place.kept["people"] = sorted(found.people)
    if not place.kept["people"]:
        await _one(place, step, step.to)
        return
    async with asyncio.TaskGroup() as group:
        for index, person in enumerate(place.kept["people"]):
            own = engine.place(place.frame, f"{place.path}.person[{index}]")
            group.create_task(_one(own, step, To(person=person, shift="any")))
