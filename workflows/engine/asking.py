"""Asking people: open a task, climb its ladder, follow every change to the readers' phones, until it is finished."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from activities.contracts.model import DecisionMade, SettleRequest, TellRequest
from domain import tasks
from domain.definition import ApproveStep, NotifyStep, TaskStep, To, step_name
from domain.ids import derived_id
from domain.messages import OptionCard, Standing
from domain.people import Selector
from domain.tasks import LiveTask

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter


def open_task(engine: Interpreter, step: TaskStep | ApproveStep, path: str) -> LiveTask:
    """A live task under a name that stays the same however often the workflow is replayed."""
    task = LiveTask(derived_id("tsk", engine.story.given.exception_id, path), step_name(step), path, step)
    if isinstance(step, ApproveStep):
        offered = engine.resolve(step.options)
        task.offered = {str(option["id"]): option for option in offered}
        task.options = [OptionCard.model_validate(option) for option in offered]
    engine.story.tasks[task.id] = task
    return task


async def ask(engine: Interpreter, task: LiveTask, to: To, rung: int, deadline: datetime | None) -> bool:
    """Ask everybody who fits and was not asked before; False when nobody fits."""
    story, step = engine.story, task.step
    projection = story.projection()
    request = TellRequest(
        task_id=task.id,
        name=task.name,
        kind=task.kind,
        selector=_selector(engine, to),
        already=sorted(task.ever_asked),
        rung=rung,
        version=task.version,
        wording=story.wording(step),
        choices=tasks.choices(task, mine=False),
        inputs=tasks.inputs(task, mine=False),
        options=task.options,
        authority=step.authority,
        risk=getattr(step, "risk", "low"),
        deadline_at=deadline,
        projection=projection,
    )
    told = await engine.runtime.tell(request)
    story.written(projection)
    task.asked |= told.people
    task.ever_asked |= told.people
    task.shown_hash = told.shown_hash or task.shown_hash
    now = engine.runtime.now()
    if told.people:
        story.reached("sent", now)
    people = sorted(told.people.values())
    story.note(now, "asked" if told.people else "nobody", task.path, task=task.name, people=people, rung=rung)
    return bool(told.people)


async def notify(engine: Interpreter, step: NotifyStep, path: str) -> None:
    """Tell everybody who fits; nothing to answer."""
    story = engine.story
    projection = story.projection()
    request = TellRequest(
        task_id=derived_id("tsk", story.given.exception_id, path),
        name=step.notify,
        kind="notify",
        selector=_selector(engine, step.to),
        wording=story.wording(step),
        projection=projection,
    )
    told = await engine.runtime.tell(request)
    story.written(projection)
    kind = "told" if told.people else "nobody"
    story.note(engine.runtime.now(), kind, path, task=step.notify, people=sorted(told.people.values()), rung=0)


async def follow(engine: Interpreter, task: LiveTask, within: timedelta, *, keep_asking: bool) -> None:
    """Until the task is finished: carry changes to the phones, climb the ladder while nobody has it, end in time.

    `keep_asking`: at the deadline climb what is left of the ladder and go on waiting, instead of expiring.
    """
    sent, settled, rung = engine.runtime.now(), 0, 0
    deadline: datetime | None = sent + within
    ladder = [(sent + engine.span(step.after), step.to) for step in task.step.ladder]
    await ask(engine, task, task.step.to, 0, _shown_deadline(engine, task, sent) or deadline)
    while True:
        nobody = not task.asked and task.person is None
        due = engine.runtime.now() if nobody and rung < len(ladder) else _next_due(ladder, rung, task, deadline)
        pause = None if due is None else max(due - engine.runtime.now(), _ZERO)
        seen = settled
        changed = await engine.runtime.wait(lambda: task.change > seen, pause)  # noqa: B023
        if changed:
            settled = task.change
            await settle(engine, task)
        elif rung < len(ladder) and due != deadline:
            rung += 1
            await ask(engine, task, ladder[rung - 1][1], rung, deadline)
        elif keep_asking:
            engine.story.note(engine.runtime.now(), "overdue", task.path, task=task.name)
            deadline = None
            ladder = [(engine.runtime.now(), to) for _, to in ladder]
        else:
            task.end(Standing.EXPIRED)
        if task.finished and settled == task.change:
            return


_ZERO = timedelta()


def _shown_deadline(engine: Interpreter, task: LiveTask, sent: datetime) -> datetime | None:
    """People are asked to accept a task by then; the ladder acts on its own times."""
    within = task.step.accept_within if isinstance(task.step, TaskStep) else None
    return sent + engine.span(within) if within else None


def _next_due(
    ladder: list[tuple[datetime, To]], rung: int, task: LiveTask, deadline: datetime | None
) -> datetime | None:
    """When something is to be done without a change: the next rung (while nobody has the task) or the deadline."""
    moments = [ladder[rung][0]] if rung < len(ladder) and task.person is None else []
    moments += [deadline] if deadline else []
    return min(moments, default=None)


async def settle(engine: Interpreter, task: LiveTask) -> None:
    """Bring every phone in line with how the task stands now, and keep the decision."""
    story = engine.story
    projection = story.projection()
    mine = task.standing is Standing.YOURS
    await engine.runtime.settle(
        SettleRequest(
            task_id=task.id,
            name=task.name,
            kind=task.kind,
            standing=Standing.TAKEN if mine else task.standing,
            person=task.person,
            person_name=task.person_name,
            at=_since(task) or engine.runtime.now(),
            wording=story.wording(task.step),
            choices=tasks.choices(task, mine=mine) if not task.finished else [],
            inputs=tasks.inputs(task, mine=mine) if not task.finished else [],
            options=task.options,
            decision=_decision(task, story.given.exception_id, engine.runtime.now()),
            closed=task.finished,
            change=task.change,
            projection=projection,
        )
    )
    story.written(projection)


def _since(task: LiveTask) -> datetime | None:
    """When the task came to stand as it does."""
    names = {Standing.YOURS: "accepted_at", Standing.DONE: "done_at", Standing.DECIDED: "at"}
    at = task.values.get(names.get(task.standing, ""))
    return datetime.fromisoformat(str(at)) if at else None


def _decision(task: LiveTask, exception_id: str, at: datetime) -> DecisionMade | None:
    """A decided approval, or a task done under an authority, is a decision."""
    done = task.standing is Standing.DONE and task.step.authority
    if not (task.standing is Standing.DECIDED or done) or task.person is None:
        return None
    option = task.values.get("option") or {}
    return DecisionMade(
        id=decision_id(exception_id, task.name),
        verdict=str(task.values.get("verdict", "reported")),
        option=str(option.get("id", "")),
        comment=str(task.values.get("comment", "")),
        authority=task.step.authority,
        person=task.person,
        channel=task.channel,
        at=at,
        shown_hash=task.shown_hash,
    )


def decision_id(exception_id: str, step: str) -> str:
    """The id of the decision of a step: the same wherever it is named."""
    return derived_id("dec", exception_id, step)


def _selector(engine: Interpreter, to: To) -> Selector:
    return Selector.model_validate(engine.resolve(to.model_dump(mode="json")))
