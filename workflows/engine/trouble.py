"""When something goes wrong that a person should know: the definition's owner is told, and whoever decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.contracts.model import Wording
from domain.ids import derived_id
from domain.rosters.people import Selector
from domain.values import Json
from workflows.engine.runtime import EffectFailedError
from workflows.engine.story import named
from workflows.engine.telling import line, tell

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
    known: dict[str, Json] = {"task": what, "rung": 0}
    said = False
    for selector in selectors:
        wording = Wording(
            definition=definition.definition, step=what, title=definition.title, text="", facts={}, gaps=[],
            scope=named(engine.root.scope, definition.title_words), priority=story.priority,
        )  # fmt: skip
        last = line(engine, "told", "nobody", place.path, **known, trouble=code)
        last = last.model_copy(update={"before": sorted(told.values())})
        try:
            found = await tell(
                engine,
                last if selector is selectors[-1] else None,
                task_id=derived_id("tsk", story.given.exception_id, engine.identity(place.path), code, str(number)),
                name=what, kind="notify", selector=selector, already=sorted(told), wording=wording, trouble=code,
                reason=reason,
            )  # fmt: skip
            told |= found.people
            said = selector is selectors[-1]
        except EffectFailedError as error:  # a title that can't be rendered must not make it worse
            engine.note("nobody", place.path, people=[], reason=error.message, **known)
    if not said:
        kind = "told" if told else "nobody"
        engine.note(kind, place.path, people=sorted(told.values()), trouble=code, **known)
