"""One task while it is open: its ladder, its reminders, every change to the readers' phones, until it is finished."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from activities.contracts.asking import Silence
from domain.asking import tasks
from domain.asking.messages import Standing
from domain.asking.tasks import LiveTask
from domain.language.definition import ApproveStep, TaskStep, To
from domain.values import Json, iso
from workflows.engine.asking import ask, ask_again, is_assigned, open_task, owner_call, settle
from workflows.engine.changes import ASKS_AGAIN, CALLS_OWNER, HANDS_BACK

if TYPE_CHECKING:
    from activities.contracts.asking import OwnerCall
    from workflows.engine.frame import Place

_ONE_AFTER_THE_OTHER = "5m"  # an assigned person has this long, when the author says nothing
_ZERO = timedelta()
_MOVABLE = ("call", "snooze", "remind", "release", "nobody")
"""What may not be due any more when its time comes: the holder was heard meanwhile."""


async def followed(place: Place, step: TaskStep | ApproveStep, to: To, within: str, *, keep_asking: bool) -> LiveTask:
    """The task of a step, once it is finished; see `Follower`. Asked anew when somebody took the exception over and
    handed it back."""
    while True:
        task = open_task(place, step, place.path)
        await Follower(place, task, to, keep_asking=keep_asking).follow(within)
        if task.standing is not Standing.WITHDRAWN or place.engine.generation < HANDS_BACK:
            return task
        await place.engine.turn(start=True)
        _forget(place, task)


def _forget(place: Place, task: LiveTask) -> None:
    """The next one is another task, with times of its own: what was sent for this one answers nothing any more."""
    kept = place.kept
    stays: dict[str, Json] = {name: kept[name] for name in ("wanted", "refreshed", "people") if name in kept}
    stays["again"] = kept.get("again", 0) + 1
    kept.clear()
    kept.update(stays)
    place.engine.story.tasks.pop(task.id)


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
            last = not self._task.step.ladder and not is_assigned(self._task)
            await self._ask(self._to, 0, self._shown_deadline(sent) or end, self._owner(last))
        while not self._settled():
            await self._one_turn(sent, end)

    def _settled(self) -> bool:
        return self._task.finished and self._kept.get("settled", 0) == self._task.change

    async def _one_turn(self, sent: datetime, end: datetime) -> None:
        engine, task, seen, held = self._engine, self._task, self._kept.get("settled", 0), self._engine.held
        what, due = ("", None) if held else self._next(sent, end)  # while it is held, answers count and nothing is due
        pause, stirs = None if due is None else max(due - engine.runtime.now(), _ZERO), task.stirs
        await engine.wait(lambda: task.change > seen or engine.held != held or task.stirs != stirs, pause)
        await engine.turn()
        if task.change > seen:
            now = task.change
            await settle(engine, task)
            self._kept["settled"] = now
        elif held or engine.held or task.stirs != stirs:
            return
        elif what not in _MOVABLE or self._is_due(what, sent, end):
            await self._do(what, end)

    def _is_due(self, what: str, sent: datetime, end: datetime) -> bool:
        now_first, due = self._next(sent, end)
        return now_first == what and due is not None and due <= self._engine.runtime.now()

    async def _do(self, what: str, end: datetime) -> None:
        if what == "rung":
            await self._climb(end)
        elif what == "another":
            found = await self._ask(self._to, 0, self._deadline(end), self._owner(not self._task.step.ladder))
            self._kept["exhausted"] = not found
        elif what in _MOVABLE:
            await self._write(what, end)
        elif self._keep_asking:
            self._engine.note("overdue", self._task.path, task=self._task.name)
            self._kept["overdue"] = True
        else:
            self._task.end(Standing.EXPIRED)

    async def _climb(self, end: datetime) -> None:
        rung, ladder = self._kept.get("rung", 0), self._task.step.ladder
        owner = self._owner(rung + 1 == len(ladder), always=bool(self._kept.get("overdue")))
        await self._ask(ladder[rung].to, rung + 1, self._deadline(end), owner)
        self._kept["rung"] = rung + 1

    async def _ask(self, to: To, rung: int, deadline: datetime | None, owner: OwnerCall | None) -> bool:
        silence = None if self._kept.get("overdue") else self._silence(rung)
        found = await ask(self._place, self._task, to, rung, deadline, owner, silence)
        self._kept["asked"] = self._engine.runtime.now().isoformat()
        if owner is not None and (owner.always or not found):
            self._kept["owner"] = True
        return found

    def _silence(self, climbed: int) -> Silence:
        """What happens when nobody of those asked now answers."""
        step, sent, end = self._task.step, *(datetime.fromisoformat(self._kept[name]) for name in ("sent", "end"))
        if climbed < len(step.ladder):
            rung = step.ladder[climbed]
            due = self._after(sent, rung.after)
            if due < end:
                return Silence(code="next", role=str(self._place.frame.resolve(rung.to.role)), at=due)
        if is_assigned(self._task):
            return Silence(code="another")
        if isinstance(step, TaskStep):
            return Silence(code="goes_on" if step.otherwise else "owner", at=end)
        return Silence(code="escalates" if self._keep_asking else "expires", at=end)

    def _owner(self, last: bool, *, always: bool = False) -> OwnerCall | None:
        """Who hears of it when this is the last call and finds nobody."""
        return owner_call(self._engine, always=always) if last and not self._kept.get("owner") else None

    async def _write(self, what: str, end: datetime) -> None:
        """Write to some of its people again; what is kept for that goes first, so that it is done once."""
        task, engine, deadline = self._task, self._engine, self._deadline(end)
        if what == "release":
            person = task.person or ""
            tasks.silent(task)
            engine.publish(task)
            engine.note("released", task.path, person, task=task.name)
        elif what == "remind":
            task.reminded = True
            await ask_again(self._place, task, [task.person or ""], "remind", deadline)
        elif what == "snooze":
            now = iso(engine.runtime.now())
            due = sorted(person for person, at in task.snoozed.items() if at <= now)
            task.snoozed = {person: at for person, at in task.snoozed.items() if person not in due}
            await ask_again(self._place, task, due, "snoozed", deadline)
        elif what == "nobody":
            self._kept["owner"] = True
            owner = owner_call(engine, always=True)
            await ask_again(self._place, task, [], "nobody", deadline, owner)
        else:
            why = min(self._calls().values())
            people = sorted(person for person, reason in task.calls.items() if reason == why)
            task.calls = {person: reason for person, reason in task.calls.items() if reason != why}
            await ask_again(self._place, task, people, why, deadline)

    def _calls(self) -> dict[str, str]:
        calls = self._task.calls
        if self._engine.generation >= ASKS_AGAIN:
            return calls
        return {person: why for person, why in calls.items() if why != "again"}

    def _deadline(self, end: datetime) -> datetime | None:
        return None if self._kept.get("overdue") else end

    def _next(self, sent: datetime, end: datetime) -> tuple[str, datetime | None]:
        """What is to be done without a change, and when: the next rung or person (while nobody has it), a reminder, or
        the end."""
        task, now = self._task, self._engine.runtime.now()
        if self._calls():
            return "call", now
        nobody = not task.asked and task.person is None
        found: list[tuple[datetime, str]] = [*self._reminders()]
        waiting = is_assigned(task) and task.person is None and not self._kept.get("exhausted")
        if waiting:
            step = task.step
            span = (step.accept_within if isinstance(step, TaskStep) else None) or _ONE_AFTER_THE_OTHER
            asked = datetime.fromisoformat(self._kept["asked"])
            found.append((now if nobody else self._after(asked, span), "another"))
        rung, climbs = self._kept.get("rung", 0), task.person is None
        if rung < len(task.step.ladder) and climbs:
            at_once = self._kept.get("overdue") or (nobody and not waiting)
            found.append((now if at_once else self._after(sent, task.step.ladder[rung].after), "rung"))
        elif climbs and not waiting and self._calls_owner(nobody):
            found.append((now, "nobody"))
        if not self._kept.get("overdue"):
            found.append((end, "end"))
        if not found:
            return "", None
        due, what = min(found)
        return what, due

    def _calls_owner(self, nobody: bool) -> bool:
        """Is nobody left to ask, or everybody's time over, and does the site's owner not know it yet?"""
        if self._engine.generation < CALLS_OWNER or self._kept.get("owner"):
            return False
        return (nobody or bool(self._kept.get("overdue"))) and owner_call(self._engine, always=True) is not None

    def _reminders(self) -> list[tuple[datetime, str]]:
        """What people wanted to be reminded of, and the silence of the one who has it."""
        task, step = self._task, self._task.step
        found = [(datetime.fromisoformat(at), "snooze") for at in task.snoozed.values()]
        if task.person is None or not isinstance(step, TaskStep) or not task.silent_from:
            return found
        since = datetime.fromisoformat(task.silent_from)
        if self._engine.resumed_at is not None:  # nobody is to blame for a pause
            since = max(since, self._engine.resumed_at)
        if step.remind_after and not task.reminded:
            found.append((self._after(since, step.remind_after), "remind"))
        if step.release_after:
            found.append((self._after(since, step.release_after), "release"))
        return found

    def _after(self, start: datetime, text: str) -> datetime:
        return self._place.frame.after(start, text, self._engine.calendar)

    def _shown_deadline(self, sent: datetime) -> datetime | None:
        """People are asked to accept a task by then; the ladder acts on its own times."""
        step = self._task.step
        within = step.accept_within if isinstance(step, TaskStep) else None
        return self._after(sent, within) if within else None
