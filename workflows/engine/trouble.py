"""When something goes wrong that a person should know: the definition's owner is told, and whoever decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.contracts.model import TellRequest, Wording
from domain.ids import derived_id
from domain.language.texts import every
from domain.rosters.people import Selector
from workflows.engine.runtime import EffectFailedError
from workflows.engine.story import named

if TYPE_CHECKING:
    from workflows.engine.frame import Place
    from workflows.engine.interpreter import Interpreter


async def tell_owner(engine: Interpreter, place: Place, code: str, what: str, reason: str, person: str = "") -> None:
    """One message to the role that owns the definition (any shift: somebody must know), and to `person`."""
    story, definition = engine.story, engine.definition
    number = place.kept.get("troubles", 0) + 1
    place.kept["troubles"] = number
    selectors = [Selector(role=definition.owner, shift="any")]
    selectors += [Selector(person=person, shift="any")] if person else []
    told: dict[str, str] = {}
    for selector in selectors:
        wording = Wording(
            definition=definition.definition, step=what, title=definition.title, text="", facts={}, gaps=[],
            scope=named(engine.root.scope, *every(definition.title)), priority=story.priority,
        )  # fmt: skip
        projection = engine.projection()
        request = TellRequest(
            task_id=derived_id("tsk", story.given.exception_id, engine.identity(place.path), code, str(number)),
            name=what, kind="notify", selector=selector, already=sorted(told), wording=wording, trouble=code,
            reason=reason, projection=projection,
        )  # fmt: skip
        try:
            told |= (await engine.effect(engine.runtime.tell(request))).people
            story.written(projection)
        except EffectFailedError as error:  # a title that can't be rendered must not make it worse
            engine.note("nobody", place.path, task=what, people=[], rung=0, reason=error.message)
    engine.note("told" if told else "nobody", place.path, task=what, people=sorted(told.values()), rung=0, trouble=code)
