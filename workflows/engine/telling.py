"""Telling people, and the line of the story that says who was told: the effect that finds them writes it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from activities.contracts.model import TellRequest, Told
from activities.contracts.story import Line
from domain.values import Json
from workflows.engine.changes import LINES_WITH_EFFECTS
from workflows.engine.runtime import EffectFailedError

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter


def line(engine: Interpreter, kind: str, otherwise: str, step: str, **data: Json) -> Line:
    """What the story is to say: `kind`, or `otherwise` when nobody is found. It gets its number when it is carried."""
    return Line(number=0, at=engine.runtime.now(), kind=kind, otherwise=otherwise, step=step, data=data)


async def tell(engine: Interpreter, said: Line | None, **request: Any) -> Told:
    """Ask or tell; `said`: the line of it. Raises EffectFailedError: nobody was told, and the story has no line."""
    story = engine.story
    carried = said is not None and engine.generation >= LINES_WITH_EFFECTS
    line = story.numbered_line(said) if said is not None and carried else None
    projection = engine.projection()
    try:
        told = await engine.effect(engine.runtime.tell(TellRequest(**request, line=line, projection=projection)))
    except EffectFailedError:
        if line is not None:
            story.line_failed(line)
        raise
    except asyncio.CancelledError:
        if line is not None:
            story.line_lost(line)
        raise
    story.written(projection)
    engine.carried = engine.carried or carried
    if said is not None and said.reaches and told.people:
        story.reached(said.reaches, engine.runtime.now())
    if said is not None and not carried:
        entry = said.entry(told.people.values())
        engine.note(entry.kind, entry.step, **entry.data)
    return told
