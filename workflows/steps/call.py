"""`call`: another definition inside this exception. It sees the world and what it is given, not its caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import ConfigError
from domain.language.definition import CallStep
from workflows.engine.gathering import gather_context
from workflows.engine.stepping import run_steps
from workflows.engine.story import first_values

if TYPE_CHECKING:
    from workflows.engine.frame import Place


async def run(place: Place, step: CallStep) -> None:
    """The result is what the called definition `gives`."""
    definition = place.frame.definition.bundled.get(step.definition)
    if definition is None:
        raise ConfigError(f"'{step.definition}' is not part of this version: publish the definition again")
    if "values" not in place.kept:
        place.kept["values"] = place.frame.resolve(step.values)
    prefix = place.inside("call")
    frame = place.engine.frame(prefix, definition, first_values(definition, place.kept["values"]))
    await gather_context(place.engine, frame)
    await run_steps(frame, place.engine, definition.steps, prefix)
    place.frame.put(step.call, frame.resolve(definition.gives))
