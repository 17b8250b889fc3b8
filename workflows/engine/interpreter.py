"""The interpreter: follows one definition for one exception, and takes what comes in meanwhile.

Its whole state can be saved between two effects and taken up again, by a later run of the same workflow or by another
version of the definition: every step keeps in its cell what it must not do twice.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from activities.contracts.model import (
    Answer,
    AnswerResult,
    CloseRequest,
    Command,
    CommandResult,
    ExceptionInput,
    JoinBatch,
    JoinResult,
)
from activities.contracts.saved import Saved
from activities.contracts.story import Projection
from domain.asking.messages import Standing
from domain.asking.tasks import LiveTask
from domain.errors import MosError
from domain.language.definition import Definition, step_at
from domain.signals import SignalType
from domain.values import Json
from workflows.engine import answering, control, deciding, gathering, saving, stepping
from workflows.engine.asking import settle
from workflows.engine.changes import LIMIT_ON_DEMAND
from workflows.engine.foreseeing import Foreseen
from workflows.engine.frame import Cell, Frame, Place
from workflows.engine.generations import steps_of
from workflows.engine.limit import Limit
from workflows.engine.runtime import RenewingError, Runtime
from workflows.engine.standing import standing
from workflows.engine.story import Story, first_values

Result = TypeVar("Result")
_FIRST_OTHERS = 20  # turns of the loop: more than any step needs from waking up to its effect
_NONE, _MOMENT = timedelta(), timedelta(seconds=2)
_NORMAL = "running"  # PackML Execute, as sources name it (connectors.packml)


class Interpreter:
    """One exception from opening to closing. `join`, `answer` and `command` may be called at any time between."""

    def __init__(self, given: ExceptionInput, runtime: Runtime, saved: Saved | None = None) -> None:
        self.runtime, self.generation, self.kinds = runtime, given.generation, steps_of(given.generation)
        self.story = Story(given)
        self.definition = given.definition
        self.calendar = given.calendar
        self.cells: dict[str, Cell] = {}
        self.frames: dict[str, Frame] = {}
        self.running: dict[str, asyncio.Task[None]] = {}
        self.extras: dict[str, asyncio.Task[None]] = {}
        self.waiting_extras: list[str] = []  # tried again in an earlier run, not yet in this one
        self.undoable: list[str] = []
        self.gathered: set[str] = set()
        self.answers: dict[int, AnswerResult] = {}
        self.commands: dict[int, CommandResult] = {}
        self.phase, self.ending, self.by_hand = "steps", "", ""
        self.paused, self.closed = False, False
        self.cleared_at: datetime | None = None
        self.resumed_at: datetime | None = None
        self.migration: ExceptionInput | None = None
        self.runs, self.migrations = 1, 0
        self.moved = self._shown = 0  # how often a step began, ended or failed, and how much of that was written
        self.carried = False  # an effect wrote its line itself: is all that happened since then written, too?
        self._effects, self._full = 0, False
        self.limit = Limit(self)
        self._complained: set[str] = set()
        self._steps: dict[str, object | None] = {}
        self.foreseen: dict[tuple[str, str], Foreseen] = {}  # task path, option
        if saved is not None:
            saving.restore(self, saved)
        self.root = self.frame("", given.definition, first_values(given.definition, given.parameters))

    # -- the procedure ------------------------------------------------------------------------------------------------

    async def run(self) -> str:
        """Follow the definition to its end. The result says how it ended: completed, returned, expired, cancelled,
        undone, failed, closed_by_hand; or it is empty: this run is full, go on with `saving.save` in a new one."""
        if self.story.numbered == 0:
            self.note("opened", key=self.story.given.key, signals=len(self.story.given.signals))
        scribe, watch = asyncio.ensure_future(self._keep_written()), asyncio.ensure_future(self._until_full())
        if self.phase == "steps":
            await self._until_it_ends()
        if self.phase == "closing":
            await self._until_renewed(asyncio.ensure_future(self._wind_up()))
        await _stopped(scribe, watch)
        if not self.closed:
            await self.runtime.wait(lambda: self._idle() and self.runtime.quiet(), None)
        return self.ending if self.closed else ""

    async def _until_it_ends(self) -> None:
        """The steps run to their end, or something else ends them: the source is clear, time is up, a person."""
        work = asyncio.ensure_future(self._work())
        clear = asyncio.ensure_future(self._cleared())
        limit = self.root.after(self.story.given.opened_at, self.definition.closes.within, self.calendar)
        if self.generation >= LIMIT_ON_DEMAND:
            left, watch = None, [asyncio.ensure_future(self.limit.watch(limit))]
        else:
            left, watch = max(limit - self.runtime.now(), _NONE), []
        in_time = await self.runtime.wait(
            lambda: work.done() or clear.done() or self._is_to_end() or (self.renewing and self._idle()), left
        )
        if work.done():
            self.ending = self.ending or "completed"
        elif clear.done():
            self.ending = self.ending or "returned"
        elif self.limit.reached or not in_time:
            self.ending = self.ending or "expired"
        await _stopped(clear, *watch, *([] if work.done() else [work]), *self.running.values(), *self.extras.values())
        if work.done() and not work.cancelled():
            work.result()
        self.phase = "closing" if self.ending else "steps"

    def _is_to_end(self) -> bool:
        return bool(self.ending) or self.limit.reached

    async def _until_renewed(self, work: "asyncio.Future[None]") -> None:
        await self.runtime.wait(lambda: work.done() or (self.renewing and self._idle()), None)
        if work.done():
            work.result()
        await _stopped(work)

    async def _work(self) -> None:
        """Gather, then the steps, then what a person asked to be tried again."""
        await gathering.gather_context(self, self.root)
        while self.waiting_extras:
            stepping.go_on_beside(self, self.waiting_extras.pop())
        await stepping.run_steps(self.root, self, self.definition.steps, "")
        await self.runtime.wait(lambda: not self.extras and not self.by_hand, None)

    async def _cleared(self) -> None:
        """Until the condition that ends it has held for the off-delay."""
        closes = self.definition.closes
        await self.runtime.wait(lambda: bool(closes.when) and not self.by_hand and self.met(closes.when), None)
        while True:
            self.cleared_at = self.cleared_at or self.runtime.now()
            held = self.root.after(self.cleared_at, closes.off_delay, self.calendar) - self.runtime.now()
            if held.total_seconds() <= 0:
                return
            if not await self.wait(lambda: not self.met(closes.when), held):
                return
            self.cleared_at = None
            await self.runtime.wait(lambda: self.met(closes.when), None)

    async def _wind_up(self) -> None:
        """Take back what is to be taken back, withdraw what is open, close."""
        if self.ending in ("cancelled", "undone"):
            await stepping.undo(self)
        await self.withdraw("")
        await self._close()

    async def withdraw(self, path: str) -> None:
        """End the open tasks at and below a path (empty: all): nobody needs to answer them any more."""
        for task in list(self.story.tasks.values()):
            if not task.finished and (not path or f"{task.path}.".startswith(f"{path}.")):
                task.end(Standing.WITHDRAWN)
                await settle(self, task)

    async def _close(self) -> None:
        """The closing activity refuses while signals are on their way here: they are taken first."""
        self.story.handling = "cancelled" if self.ending == "cancelled" else "closed"
        if "closed" not in self.story.milestones:  # an earlier run may have said it
            self.story.reached("closed", self.runtime.now())
            self.note("closed", ending=self.ending)
        while not self.closed:
            projection = self.projection()
            seen = self.story.highest_seq
            request = CloseRequest(projection=projection, highest_seq=seen, at=self.runtime.now())
            self.closed = (await self.effect(self.runtime.close(request))).closed
            self.story.written(projection)
            if not self.closed:
                await self.runtime.wait(lambda: self.story.highest_seq > seen, _MOMENT)  # noqa: B023

    # -- what steps use -----------------------------------------------------------------------------------------------

    @property
    def renewing(self) -> bool:
        """This run is full, or the exception moves to another version: no step begins anything new."""
        return self._full or self.migration is not None

    async def _until_full(self) -> None:
        """Noticed by a wait, never by looking: what a refused message sees must leave no trace (it is not in the
        history), and nothing else would wake the run to its end."""
        await self.runtime.wait(self.runtime.full, None)
        self._full = True

    def _idle(self) -> bool:
        return self._effects == 0

    async def turn(self, *, start: bool = False) -> None:
        """Pass unless this run is to end; `start`: unless somebody paused the exception. From here to the effect that
        follows nothing else happens, so what is noted before it is saved with it."""
        if self._blocked(start=start):
            await self.runtime.wait(lambda: not self._blocked(start=start), None)

    def _blocked(self, *, start: bool) -> bool:
        return self.renewing or (start and self.held)

    @property
    def held(self) -> bool:
        """Did somebody pause it or take it over? What is to be taken back at the end is not held up by that."""
        return not self.ending and (self.paused or bool(self.by_hand))

    async def effect(self, call: Awaitable[Result], within: timedelta | None = None) -> Result:
        """Await an effect that has to end before this run does. `within`: how long it takes at most with all its
        tries, if it is more than database work."""
        self._effects += 1
        try:
            with self.limit.effect(within):
                return await call
        finally:
            self._effects -= 1

    async def wait(self, until: Callable[[], bool], within: timedelta | None = None) -> bool:
        """True as soon as the condition holds, False when the time is up. It wakes the exception, so that its limit
        needs no timer of its own meanwhile."""
        with self.limit.wakes(within):
            return await self.runtime.wait(until, within)

    def frame(self, prefix: str, definition: Definition, values: dict[str, Json], parent: Frame | None = None) -> Frame:
        """The scope of the steps under this prefix: as it was saved, or new."""
        if prefix not in self.frames:
            outer = (lambda: parent.scope) if parent else (lambda: self.story.world)
            self.frames[prefix] = Frame(prefix, definition, values, outer, parent)
        return self.frames[prefix]

    def frame_of(self, path: str) -> Frame:
        """The innermost scope around a step."""
        around = [prefix for prefix in self.frames if path.startswith(prefix)]
        return self.frames[max(around, key=len)]

    def place(self, frame: Frame, path: str) -> Place:
        return Place(self, frame, path)

    def identity(self, path: str) -> str:
        """What ids and keys are made of: a path means another step after the exception moved to another version."""
        return f"{path}@{self.migrations}" if self.migrations else path

    def step(self, path: str) -> object:
        """The authored step at a path. Raises KeyError when there is none."""
        step = self.step_or_none(path)
        if step is None:
            raise KeyError(path)
        return step

    def step_or_none(self, path: str) -> object | None:
        """The same for a path that may lead past the end of a sequence. Looked up once."""
        if path not in self._steps:
            try:
                self._steps[path] = step_at(self.definition, path)
            except KeyError:
                self._steps[path] = None
        return self._steps[path]

    def publish(self, task: LiveTask) -> None:
        """Let conditions and texts read the task's answers."""
        self.frame_of(task.path).put(task.name, answering.result(self, task))
        self.story.changes += 1

    def met(self, condition: str, frame: Frame | None = None) -> bool:
        return (frame or self.root).met(condition, self._complain)

    def _complain(self, condition: str, error: MosError) -> None:
        if condition not in self._complained:
            self._complained.add(condition)
            self.note("condition_failed", code=error.code, reason=error.message)

    def note(self, kind: str, step: str = "", person: str | None = None, *, seq: int = 0, **data: Json) -> None:
        """Add a line to the story, now."""
        self.story.note(self.runtime.now(), kind, step, person, seq=seq, **data)

    def projection(self) -> Projection:
        self._shown = self.moved
        return self.story.projection(paused=self.paused, by_hand=self.by_hand, steps=standing(self))

    async def record(self) -> None:
        """Write what is not yet written."""
        projection = self.projection()
        await self.effect(self.runtime.record(projection))
        self.story.written(projection)

    async def _keep_written(self) -> None:
        """What happens while everybody waits is written at once, so that the console tells it."""
        while True:
            await self.runtime.wait(lambda: (self.story.untold or self.carried) and not self.renewing, None)
            for _ in range(_FIRST_OTHERS):  # an effect that comes anyway takes it along
                await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop, no time
            stale, self.carried = self.carried and self.moved > self._shown, False
            if (self.story.untold or stale) and not self.renewing:
                await self.record()

    # -- what comes in ------------------------------------------------------------------------------------------------

    def refuse_when_renewing(self) -> None:
        """Raises RenewingError: what comes now is for the next run."""
        if self.renewing and not self.closed:
            raise RenewingError("the exception continues in a new run: send it again")

    async def join(self, batch: JoinBatch) -> JoinResult:
        """Take signals of this exception; numbers already known are passed over."""
        fresh = [signal for signal in batch.signals if self.story.is_new(signal.seq)]
        if self.closed:
            return JoinResult(highest_seq=self.story.highest_seq, closed=bool(fresh))
        for signal in fresh:
            self.story.heard(signal)
            if signal.type == SignalType.MACHINE_STATE and signal.equipment == self.story.given.equipment.get("id"):
                self.story.world["machine"] = signal.facts
                self.story.condition = "returned" if signal.facts.get("state") == _NORMAL else "active"
        if fresh:
            deciding.look_at_all(self)
            await self.record()
        return JoinResult(highest_seq=self.story.highest_seq)

    async def answer(self, answer: Answer) -> AnswerResult:
        """Apply an answer. The first to accept and the first to decide win here and nowhere else."""
        if answer.seq in self.answers:
            return self.answers[answer.seq]
        result = await answering.take(self, answer)
        saving.remember(self.answers, answer.seq, result)
        return result

    async def command(self, command: Command) -> CommandResult:
        """Steer the exception: pause, resume, retry, skip, take over, close, cancel, migrate."""
        if command.seq in self.commands:
            return self.commands[command.seq]
        result = await control.obey(self, command)
        if not command.preview:
            saving.remember(self.commands, command.seq, result)
        return result


async def _stopped(*tasks: asyncio.Future[None]) -> None:
    """Cancel what runs and wait until it has stopped."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
