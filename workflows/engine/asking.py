"""Asking people: open a task, ask those who fit, write to some of them again, bring every phone in line."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from activities.contracts.asking import DecisionMade, OwnerCall, Silence
from activities.contracts.model import SettleRequest, Told
from activities.contracts.story import Line
from domain.asking.messages import Standing
from domain.asking.task_choices import choices, inputs
from domain.asking.tasks import LiveTask
from domain.ids import derived_id
from domain.language.definition import ApproveStep, NotifyStep, TaskStep, To, step_name
from domain.rosters.people import Selector
from domain.signals import SignalType
from workflows.engine import deciding, foreseeing
from workflows.engine.changes import ASKS_AGAIN
from workflows.engine.telling import line, tell

if TYPE_CHECKING:
    from workflows.engine.frame import Frame, Place
    from workflows.engine.interpreter import Interpreter


def open_task(place: Place, step: TaskStep | ApproveStep, path: str) -> LiveTask:
    """The live task of a step, under an id that stays the same however often the workflow is replayed, and when the
    step stands at another path in the version that the exception moved to."""
    story = place.engine.story
    known = next((task for task in story.tasks.values() if task.path == path), None)
    again = [str(place.kept["again"])] if "again" in place.kept else []  # after a take-over that was handed back
    task_id = known.id if known else derived_id("tsk", story.given.exception_id, place.engine.identity(path), *again)
    if task_id not in story.tasks:
        task = LiveTask(task_id, step_name(step), path, step)
        if isinstance(step, ApproveStep):
            deciding.offer(task, place.frame.resolve(step.options))
        story.tasks[task_id] = task
        deciding.keep_moves(place.engine, task)
    return story.tasks[task_id]


async def ask(
    place: Place,
    task: LiveTask,
    to: To,
    rung: int,
    deadline: datetime | None,
    owner: OwnerCall | None = None,
    silence: Silence | None = None,
) -> bool:
    """Ask everybody who fits and was not asked before; False when nobody fits. `silence`: what follows then."""
    step = task.step
    budget = step.budget() if isinstance(step, TaskStep) else None
    said = line(place.engine, "asked", "nobody", task.path, task=task.name, rung=rung)
    told = await _tell(place, task, rung, deadline, said.model_copy(update={"reaches": "sent"}), {
        "selector": selector(place.frame, to),
        "at_most": 1 if is_assigned(task) and rung == 0 else 0,
        "already": sorted(task.ever_asked),
        "budget_tasks": budget.tasks if budget else 0,
        "budget_pages": budget.pages if budget else 0,
        "choices": choices(task, mine=False),
        "inputs": inputs(task, mine=False),
        "owner": owner,
        "silence": silence,
    })  # fmt: skip
    task.asked |= told.people
    task.ever_asked |= told.people
    task.shown_hash = told.shown_hash or task.shown_hash
    return bool(told.people)


async def ask_again(
    place: Place, task: LiveTask, people: list[str], why: str, deadline: datetime | None, owner: OwnerCall | None = None
) -> None:
    """Write to these people once more. why: again (it is open again), hand_over (the holder wants them to have it),
    refused (the one who was to have it will not), remind, snoozed, or nobody (everybody's time is over)."""
    engine, mine = place.engine, bool(task.person) and people == [task.person]
    number = place.kept["occasions"] = place.kept.get("occasions", 0) + 1
    kind = "owner_called" if why == "nobody" else "reminded" if why in ("remind", "snoozed") else "asked_again"
    said = line(engine, kind, kind, task.path, task=task.name, why=why)
    await _tell(place, task, 0, deadline, said, {
        "selector": Selector(shift="any"),
        "named": people,
        "occasion": f"{why}-{number}",
        "trouble": "" if why in ("snoozed", "nobody") else why,
        "by": task.person_name if why == "hand_over" else "",
        "standing": Standing.YOURS if mine else Standing.OPEN,
        "choices": choices(task, mine=mine),
        "inputs": inputs(task, mine=mine),
        "owner": owner,
    })  # fmt: skip


async def _tell(
    place: Place, task: LiveTask, rung: int, deadline: datetime | None, said: Line, more: dict[str, Any]
) -> Told:
    engine, step = place.engine, task.step
    return await tell(
        engine,
        said,
        task_id=task.id,
        name=task.name,
        kind=task.kind,
        rung=rung,
        version=task.version,
        wording=engine.story.wording(step, place.frame.definition, place.frame.scope),
        options=task.options,
        drafts=foreseeing.drafts(engine, task),
        authority=step.authority,
        risk=getattr(step, "risk", "low"),
        impacts=deciding.impacts(engine, task),
        deadline_at=deadline,
        **more,
    )


def owner_call(engine: Interpreter, *, always: bool) -> OwnerCall | None:
    """That nobody is left to ask is an exception of its own, but not when this is one."""
    given = engine.story.given
    if given.signals[0].type == SignalType.NOBODY_TO_ASK:
        return None
    return OwnerCall(always=always, equipment=given.equipment.get("id"))


async def notify(place: Place, step: NotifyStep) -> None:
    """Tell everybody who fits; nothing to answer."""
    engine = place.engine
    await engine.turn(start=True)
    told = await tell(
        engine,
        line(engine, "told", "nobody", place.path, task=step.notify, rung=0),
        task_id=derived_id("tsk", engine.story.given.exception_id, engine.identity(place.path)),
        name=step.notify,
        kind="notify",
        selector=selector(place.frame, step.to),
        wording=engine.story.wording(step, place.frame.definition, place.frame.scope),
    )
    place.frame.put(step.notify, {"told": sorted(told.people.values())})


def is_assigned(task: LiveTask) -> bool:
    return isinstance(task.step, TaskStep) and task.step.offer == "assigned"


async def settle(engine: Interpreter, task: LiveTask) -> None:
    """Bring every phone in line with how the task stands now, and keep the decision."""
    frame = engine.frame_of(task.path)
    projection = engine.projection()
    mine = task.standing is Standing.YOURS
    request = SettleRequest(
        task_id=task.id,
        name=task.name,
        kind=task.kind,
        standing=Standing.TAKEN if mine else task.standing,
        person=task.person,
        person_name=task.person_name,
        at=_since(task) or engine.runtime.now(),
        wording=engine.story.wording(task.step, frame.definition, frame.scope),
        choices=choices(task, mine=mine) if not task.finished else [],
        inputs=inputs(task, mine=mine) if not task.finished else [],
        handing=task.handing,
        reopened=engine.generation >= ASKS_AGAIN and "again" in task.calls.values(),
        handing_choices=choices(task, mine=False) if task.handing else [],
        owner=owner_call(engine, always=True) if _unanswered(task) else None,
        options=task.options,
        drafts=foreseeing.drafts(engine, task) if task.version > 1 else [],
        decision=_decision(engine, task, engine.runtime.now()),
        closed=task.finished,
        change=task.change,
        version=task.version,
        projection=projection,
    )
    await engine.effect(engine.runtime.settle(request))
    engine.story.written(projection)


def _unanswered(task: LiveTask) -> bool:
    """Did it end because nobody did anything, which its author did not provide for?"""
    expired = task.standing is Standing.EXPIRED and task.person is None
    return expired and isinstance(task.step, TaskStep) and not task.step.otherwise


def _since(task: LiveTask) -> datetime | None:
    """When the task came to stand as it does."""
    names = {Standing.YOURS: "accepted_at", Standing.DONE: "done_at", Standing.DECIDED: "at"}
    at = task.values.get(names.get(task.standing, ""))
    return datetime.fromisoformat(str(at)) if at else None


def _decision(engine: Interpreter, task: LiveTask, at: datetime) -> DecisionMade | None:
    """A decided approval, or a task done under an authority, is a decision."""
    done = task.standing is Standing.DONE and task.step.authority
    if not (task.standing is Standing.DECIDED or done) or task.person is None:
        return None
    option, granted = task.values.get("option") or {}, deciding.grants(engine, task)
    mine = granted[-1] if granted and granted[-1].get("person") == task.person else {}
    return DecisionMade(
        id=decision_id(engine, engine.frame_of(task.path), task.name),
        verdict=str(task.values.get("verdict", "reported")),
        option=str(option.get("id", "")),
        comment=str(task.values.get("comment", "")),
        authority=task.step.authority,
        person=task.person,
        channel=task.channel,
        at=at,
        shown_hash=str(mine.get("shown_hash") or task.shown_hash),
        granted=granted,
        signature=str(mine.get("signature", "")),
    )


def decision_id(engine: Interpreter, frame: Frame, step: str) -> str:
    """The id of the decision of a step: the same wherever it is named, another in each turn of a loop."""
    return derived_id("dec", engine.story.given.exception_id, frame.owner(step).prefix + step)


def selector(frame: Frame, to: To) -> Selector:
    """Who is meant, now."""
    return Selector(**frame.resolve(dict(to)))
