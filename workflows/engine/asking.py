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
    from workflows.engine.frame import Frame, Place
    from workflows.engine.interpreter import Interpreter

_ONE_AFTER_THE_OTHER = "5m"  # an assigned person has this long, when the author says nothing


def open_task(place: Place, step: TaskStep | ApproveStep, path: str) -> LiveTask:
    """The live task of a step, under an id that stays the same however often the workflow is replayed, and when the
    step stands at another path in the version that the exception moved to."""
    story = place.engine.story
    known = next((task for task in story.tasks.values() if task.path == path), None)
    task_id = known.id if known else derived_id("tsk", story.given.exception_id, place.engine.identity(path))
    if task_id not in story.tasks:
        task = LiveTask(task_id, step_name(step), path, step)
        if isinstance(step, ApproveStep):
            offered = place.frame.resolve(step.options)
            task.offered = {str(option["id"]): option for option in offered}
            task.options = [OptionCard.model_validate(option) for option in offered]
        story.tasks[task_id] = task
    return story.tasks[task_id]


async def ask(place: Place, task: LiveTask, to: To, rung: int, deadline: datetime | None) -> bool:
    """Ask everybody who fits and was not asked before; False when nobody fits."""
    engine, step = place.engine, task.step
    projection = engine.projection()
    request = TellRequest(
        task_id=task.id,
        name=task.name,
        kind=task.kind,
        selector=selector(place.frame, to),
        at_most=1 if _assigned(task) and rung == 0 else 0,
        already=sorted(task.ever_asked),
        rung=rung,
        version=task.version,
        wording=engine.story.wording(step, place.frame.definition.title, place.frame.scope),
        choices=tasks.choices(task, mine=False),
        inputs=tasks.inputs(task, mine=False),
        options=task.options,
        authority=step.authority,
        risk=getattr(step, "risk", "low"),
        deadline_at=deadline,
        projection=projection,
    )
    told = await engine.effect(engine.runtime.tell(request))
    engine.story.written(projection)
    task.asked |= told.people
    task.ever_asked |= told.people
    task.shown_hash = told.shown_hash or task.shown_hash
    if told.people:
        engine.story.reached("sent", engine.runtime.now())
    people = sorted(told.people.values())
    engine.note("asked" if told.people else "nobody", task.path, task=task.name, people=people, rung=rung)
    return bool(told.people)


async def notify(place: Place, step: NotifyStep) -> None:
    """Tell everybody who fits; nothing to answer."""
    engine = place.engine
    await engine.turn(start=True)
    projection = engine.projection()
    request = TellRequest(
        task_id=derived_id("tsk", engine.story.given.exception_id, engine.identity(place.path)),
        name=step.notify,
        kind="notify",
        selector=selector(place.frame, step.to),
        wording=engine.story.wording(step, place.frame.definition.title, place.frame.scope),
        projection=projection,
    )
    told = await engine.effect(engine.runtime.tell(request))
    engine.story.written(projection)
    people = sorted(told.people.values())
    place.frame.put(step.notify, {"told": people})
    engine.note("told" if people else "nobody", place.path, task=step.notify, people=people, rung=0)


class Follower:
    """One task while it is open. What it did already it keeps in the step's cell: when the phones were last brought
    in line (`settled`), how far the ladder was climbed (`rung`), since when and until when it runs."""

    def __init__(self, place: Place, task: LiveTask, to: To, *, keep_asking: bool) -> None:
        self._place, self._task, self._to, self._keep_asking = place, task, to, keep_asking
        self._engine, self._kept = place.engine, place.kept

    async def follow(self, within: str) -> None:
        """Until the task is finished: carry changes to the phones, climb the ladder while nobody has it, end in time.

        With `keep_asking` the rest of the ladder is climbed at the deadline, and it goes on waiting.
        """
        await self._engine.turn(start="asked" not in self._kept)
        sent, end = self._place.deadline("sent", "0s"), self._place.deadline("end", within)
        if "asked" not in self._kept:
            await self._ask(self._to, 0, self._shown_deadline(sent) or end)
        while not self._settled():
            await self._one_turn(sent, end)

    def _settled(self) -> bool:
        return self._task.finished and self._kept.get("settled", 0) == self._task.change

    async def _one_turn(self, sent: datetime, end: datetime) -> None:
        engine, seen, held = self._engine, self._kept.get("settled", 0), self._engine.held
        what, due = ("", None) if held else self._next(sent, end)  # while it is held, answers count and nothing is due
        pause = None if due is None else max(due - engine.runtime.now(), _ZERO)
        await engine.runtime.wait(lambda: self._task.change > seen or engine.held != held, pause)
        await engine.turn()
        if self._task.change > seen:
            now = self._task.change
            await settle(engine, self._task)
            self._kept["settled"] = now
        elif held or engine.held:
            return
        elif what == "rung":
            rung = self._kept.get("rung", 0)
            await self._ask(self._task.step.ladder[rung].to, rung + 1, self._deadline(end))
            self._kept["rung"] = rung + 1
        elif what == "another":
            found = await self._ask(self._to, 0, self._deadline(end))
            self._kept["exhausted"] = not found
        elif self._keep_asking:
            self._engine.note("overdue", self._task.path, task=self._task.name)
            self._kept["overdue"] = True
        else:
            self._task.end(Standing.EXPIRED)

    async def _ask(self, to: To, rung: int, deadline: datetime | None) -> bool:
        found = await ask(self._place, self._task, to, rung, deadline)
        self._kept["asked"] = self._engine.runtime.now().isoformat()
        return found

    def _deadline(self, end: datetime) -> datetime | None:
        return None if self._kept.get("overdue") else end

    def _next(self, sent: datetime, end: datetime) -> tuple[str, datetime | None]:
        """What is to be done without a change, and when: the next rung or person (while nobody has it), or the end."""
        task, now = self._task, self._engine.runtime.now()
        nobody = not task.asked and task.person is None
        found: list[tuple[datetime, str]] = []
        if _assigned(task) and task.person is None and not self._kept.get("exhausted"):
            step = task.step
            span = (step.accept_within if isinstance(step, TaskStep) else None) or _ONE_AFTER_THE_OTHER
            asked = datetime.fromisoformat(self._kept["asked"])
            found.append((now if nobody else self._after(asked, span), "another"))
        rung = self._kept.get("rung", 0)
        if rung < len(task.step.ladder) and task.person is None:
            at_once = self._kept.get("overdue") or (nobody and not found)
            found.append((now if at_once else self._after(sent, task.step.ladder[rung].after), "rung"))
        if not self._kept.get("overdue"):
            found.append((end, "end"))
        if not found:
            return "", None
        due, what = min(found)
        return what, due

    def _after(self, start: datetime, text: str) -> datetime:
        return self._place.frame.after(start, text, self._engine.calendar)

    def _shown_deadline(self, sent: datetime) -> datetime | None:
        """People are asked to accept a task by then; the ladder acts on its own times."""
        step = self._task.step
        within = step.accept_within if isinstance(step, TaskStep) else None
        return self._after(sent, within) if within else None


_ZERO = timedelta()


def _assigned(task: LiveTask) -> bool:
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
        wording=engine.story.wording(task.step, frame.definition.title, frame.scope),
        choices=tasks.choices(task, mine=mine) if not task.finished else [],
        inputs=tasks.inputs(task, mine=mine) if not task.finished else [],
        options=task.options,
        decision=_decision(engine, task, engine.runtime.now()),
        closed=task.finished,
        change=task.change,
        projection=projection,
    )
    await engine.effect(engine.runtime.settle(request))
    engine.story.written(projection)


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
    option = task.values.get("option") or {}
    return DecisionMade(
        id=decision_id(engine, engine.frame_of(task.path), task.name),
        verdict=str(task.values.get("verdict", "reported")),
        option=str(option.get("id", "")),
        comment=str(task.values.get("comment", "")),
        authority=task.step.authority,
        person=task.person,
        channel=task.channel,
        at=at,
        shown_hash=task.shown_hash,
    )


def decision_id(engine: Interpreter, frame: Frame, step: str) -> str:
    """The id of the decision of a step: the same wherever it is named, another in each turn of a loop."""
    return derived_id("dec", engine.story.given.exception_id, frame.owner(step).prefix + step)


def selector(frame: Frame, to: To) -> Selector:
    """Who is meant, now."""
    return Selector.model_validate(frame.resolve(to.model_dump(mode="json")))
