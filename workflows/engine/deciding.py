"""Deciding: on what is still so (C20), with authority now (C10), by distinct people (C11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from activities.contracts.model import Answer, AuthoriseRequest
from domain.asking.messages import OptionCard
from domain.asking.tasks import LiveTask, Reply
from domain.authority.matrix import requesters
from domain.errors import MosError
from domain.language import expressions
from domain.language.definition import ApproveStep
from domain.language.texts import plain_option
from domain.values import Json
from workflows.engine import foreseeing, gathering

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

_MOVES = "moves"  # there as well: what each option was to move when people were asked
_GRANTED = "granted"  # in the step's cell, which outlives the run: person -> the grant under which they voted


async def refused(engine: Interpreter, task: LiveTask, answer: Answer, authority: str) -> Reply | None:
    """Ask whether this person may, now; what was granted is kept for the decision. None when they may."""
    version = task.version
    granted = await engine.effect(engine.runtime.authorise(_request(engine, task, answer, authority)))
    if not granted.allowed:
        return Reply(False, granted.code)
    if task.version != version:  # what was shown changed while authority was looked up
        return Reply(False, "superseded")
    if isinstance(task.step, ApproveStep) and granted.quorum > task.step.quorum:
        task.step = task.step.model_copy(update={"quorum": granted.quorum})
    if granted.granted and not task.finished:
        kept = engine.place(engine.frame_of(task.path), task.path).kept
        kept.setdefault(_GRANTED, {})[answer.person] = granted.granted
    return None


def _request(engine: Interpreter, task: LiveTask, answer: Answer, authority: str) -> AuthoriseRequest:
    step = task.step
    not_by = acted(engine, step.not_by) if isinstance(step, ApproveStep) else set()
    option = answer.verb.removeprefix("approve:") if answer.verb.startswith("approve:") else ""
    return AuthoriseRequest(
        person=answer.person,
        authority=authority,
        area=str(engine.story.given.equipment.get("area", "")),
        channel=answer.channel,
        risk=getattr(step, "risk", "low"),
        task_id=task.id,
        version=task.version,
        verb=answer.verb,
        press=answer.id,
        impact=impact(engine, task, option),
        others=sorted({*not_by, *task.votes}),
        requesters=requesters((signal.type, signal.facts) for signal in engine.story.given.signals),
    )


def acted(engine: Interpreter, steps: list[str]) -> set[str]:
    """Everybody who did or decided one of these steps."""
    found: set[str] = set()
    for task in engine.story.tasks.values():
        if task.name in steps:
            those = {task.person, task.values.get("by"), task.values.get("done_by"), *task.votes}
            found |= {person for person in those if person}
    return found


def impact(engine: Interpreter, task: LiveTask, option: str) -> dict[str, Json]:
    """What this option moves, worked out now: what its postings declare, as far as they are foreseen, and what the
    author says of it. What can't be worked out is not known."""
    step = task.step
    if not isinstance(step, ApproveStep) or option not in task.offered:
        return {}
    scope = engine.frame_of(task.path).scope | {"option": task.offered[option]}
    found = foreseeing.moves(engine, task, option)
    for name, value in step.impact.items():
        try:
            found[name] = expressions.resolve(value, scope)
        except MosError:
            continue
    return found


def impacts(engine: Interpreter, task: LiveTask) -> list[dict[str, Json]]:
    """The same of every option."""
    return [impact(engine, task, option) for option in task.offered]


def grants(engine: Interpreter, task: LiveTask) -> list[dict[str, Json]]:
    """Under which grants it was decided: of everybody who voted for what was chosen, the decider last."""
    kept = engine.place(engine.frame_of(task.path), task.path).kept.get(_GRANTED, {})
    chosen = (task.values.get("option") or {}).get("id")
    voters = [person for person, option in task.votes.items() if option == chosen and person != task.person]
    return [kept[person] for person in (*voters, task.person) if person in kept]


def offer(task: LiveTask, options: list[dict[str, Json]]) -> None:
    """Put these options to people."""
    task.offered = {str(option["id"]): plain_option(option) for option in options}
    task.options = [OptionCard.model_validate(option) for option in options]


async def looked_again(engine: Interpreter, task: LiveTask) -> bool:
    """Before an answer counts: what the step names in `refresh` is asked once more, then the options are compared."""
    if isinstance(task.step, ApproveStep) and task.step.refresh and not task.finished:
        await gathering.look_up(engine, engine.frame_of(task.path), task.step.refresh)
    return look_again(engine, task)


def look_again(engine: Interpreter, task: LiveTask) -> bool:
    """Do the options still read as they were shown? If not, they are offered anew under the next version: votes for the
    old ones are void, their presses are refused, and everybody is shown the new ones."""
    if task.finished or not isinstance(task.step, ApproveStep):
        return False
    try:
        now = engine.frame_of(task.path).resolve(task.step.options)
    except MosError:  # they can't be worked out any more: what was shown stands
        return False
    kept, before = engine.place(engine.frame_of(task.path), task.path).kept, dict(task.offered)
    offer(task, now)
    moves = impacts(engine, task)
    if task.offered == before and moves == kept.get(_MOVES, moves):
        return False
    kept[_MOVES] = moves
    task.votes.clear()
    task.values.pop("votes", None)
    kept.pop(_GRANTED, None)
    task.version += 1
    task.change += 1
    engine.note("superseded", task.path, task=task.name, version=task.version)
    return True


def keep_moves(engine: Interpreter, task: LiveTask) -> None:
    """Remember what the options were to move when people were asked."""
    if isinstance(task.step, ApproveStep) and task.step.impact:
        engine.place(engine.frame_of(task.path), task.path).kept[_MOVES] = impacts(engine, task)


def look_at_all(engine: Interpreter) -> None:
    """Facts came in: is what people are asked still so?"""
    for task in list(engine.story.tasks.values()):
        look_again(engine, task)
