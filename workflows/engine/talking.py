"""People talk beside their tasks: a question goes to those who can know, a note to those who asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.contracts.model import Answer, WhoRequest, Wording
from domain.asking.messages import Standing
from domain.asking.tasks import LiveTask
from domain.ids import derived_id
from domain.language.definition import To
from domain.language.texts import words
from domain.rosters.people import Selector
from domain.values import Json
from workflows.engine.asking import selector
from workflows.engine.runtime import EffectFailedError
from workflows.engine.story import named
from workflows.engine.telling import line, tell

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

_SAID = {"ask": "question", "inform": "note"}  # sentences of the words' `trouble` table


async def pass_on(engine: Interpreter, task: LiveTask, answer: Answer) -> None:
    """Carry a question or a note to the others. The story has it already."""
    people = _asked(engine, answer) if answer.verb == "ask" else _answered(engine, task, answer)
    if answer.verb == "inform" and not people:
        return
    known: dict[str, Json] = {"task": task.name, "rung": 0}
    try:
        await tell(
            engine,
            line(engine, "passed_on", "nobody", task.path, **known),
            task_id=derived_id("tsk", engine.story.given.exception_id, "talk", str(answer.seq)),
            name=task.name,
            kind="notify",
            selector=Selector(role=engine.definition.owner, shift="any"),
            already=[] if people else [answer.person],
            named=sorted(people) or None,
            wording=_wording(engine, task),
            trouble=_SAID[answer.verb],
            reason=str(answer.fields.get("text", ""))[:500],
            by=answer.person_name,
        )
    except EffectFailedError:  # a title that can't be rendered: the story has what was said
        engine.note("nobody", task.path, people=[], **known)


def _asked(engine: Interpreter, answer: Answer) -> set[str]:
    """Who may know: those who have something to do here, else those who decide; none: the definition's owner."""
    engine.story.askers[answer.person] = answer.person_name
    live = [task for task in engine.story.tasks.values() if not task.finished]
    holders = {task.person for task in live if task.standing is Standing.YOURS and task.person} - {answer.person}
    others = {person for task in live if task.kind == "approve" for person in task.asked} - {answer.person}
    return holders or others


def _answered(engine: Interpreter, task: LiveTask, answer: Answer) -> set[str]:
    """Who waits for it: all who asked, and who has the task."""
    askers = set(engine.story.askers) - {answer.person}
    engine.story.askers = {person: name for person, name in engine.story.askers.items() if person == answer.person}
    return askers | ({task.person} if task.person and task.person != answer.person else set())


def _wording(engine: Interpreter, task: LiveTask) -> Wording:
    """The task's title alone."""
    frame = engine.frame_of(task.path)
    title = task.step.title or frame.definition.title
    return Wording(
        definition=engine.story.given.definition.definition, step=task.name, title=title, text="", facts={}, gaps=[],
        scope=named(frame.scope, words(title)), priority=engine.story.priority,
    )  # fmt: skip


async def successor(engine: Interpreter, task: LiveTask, fields: dict[str, Json]) -> dict[str, Json] | None:
    """The fields of a hand-over with the name of the person who is to have it; None when that person does not fit."""
    to, frame = str(fields.get("to") or "").strip(), engine.frame_of(task.path)
    if not to:
        return fields
    wanted: list[To] = [task.step.to, *(rung.to for rung in task.step.ladder)]
    selectors = [selector(frame, one) for one in wanted]
    fitting = [one.model_copy(update={"person": to}) for one in selectors if one.person in ("", to)]
    if not fitting:
        return None
    request = WhoRequest(selector=fitting[0], others=fitting[1:])
    found = (await engine.effect(engine.runtime.who(request))).people
    return {**fields, "to": to, "to_name": found[to]} if to in found else None
