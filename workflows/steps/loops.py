"""`for_each` and `repeat`: steps again, for every element or until a condition holds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from domain.errors import ConfigError
from domain.language.definition import ForEachStep, RepeatStep
from domain.values import Json
from workflows.engine.stepping import forget, run_steps
from workflows.engine.story import empty_results

if TYPE_CHECKING:
    from workflows.engine.frame import Place


async def run_for_each(place: Place, step: ForEachStep) -> None:
    """The result is a list: for each element what the steps inside gave. More elements than `at_most` are refused."""
    if "elements" not in place.kept:
        elements = place.frame.resolve(step.in_)
        if not isinstance(elements, list) or len(elements) > step.at_most:
            count = len(elements) if isinstance(elements, list) else "no list"
            raise ConfigError(f"'{step.for_each}': at most {step.at_most} elements, this is {count}")
        place.kept.update(elements=elements, results=[None] * len(elements))
    gate = asyncio.Semaphore(step.together)
    async with asyncio.TaskGroup() as group:
        for index in range(len(place.kept["elements"])):
            if place.kept["results"][index] is None:
                group.create_task(_turn(place, step, index, gate))
    place.frame.put(step.for_each, place.kept["results"])


async def _turn(place: Place, step: ForEachStep, index: int, gate: asyncio.Semaphore) -> None:
    engine = place.engine
    async with gate:
        prefix = place.inside(f"do[{index}]")
        own: dict[str, Json] = {step.each: place.kept["elements"][index], "loop": {"index": index}}
        results = empty_results(step.do)
        definition = place.frame.definition
        frame = engine.frame(prefix, definition, own | results, place.frame)
        await run_steps(frame, engine, step.do, prefix)
        place.kept["results"][index] = {name: frame.values[name] for name in results}
        forget(engine, prefix)


async def run_repeat(place: Place, step: RepeatStep) -> None:
    """The result has `met` and `count`. The condition is looked at after every turn."""
    engine, kept = place.engine, place.kept
    kept.setdefault("count", 0)
    met = False
    while not met and kept["count"] < step.at_most:
        if kept["count"]:
            end = place.deadline(f"pause{kept['count']}", step.every)
            await engine.wait(lambda: False, end - engine.runtime.now())
        prefix = place.inside(f"do[{kept['count']}]")
        await run_steps(place.frame, engine, step.do, prefix)
        met = place.frame.holds(step.until)
        forget(engine, prefix)
        kept["count"] += 1
    place.frame.put(step.repeat, {"met": met, "count": kept["count"]})
    engine.note("repeated", place.path, task=step.repeat, met=met, count=kept["count"])
