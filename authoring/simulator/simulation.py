"""One exception from its opening to its end, in memory."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar

from activities.contracts.model import Answer, AnswerResult, Command, ExceptionInput, JoinBatch, OpeningSignal
from activities.contracts.saved import Saved
from authoring.simulator.cast import Cast, Deed, Happenings, Page, Silent, Unasked
from authoring.simulator.clock import VirtualLoop
from authoring.simulator.effects import Answered, Effects, Story
from authoring.simulator.plant import Plant
from authoring.simulator.runtime import SimulatedRuntime
from workflows.engine import migrating, saving
from workflows.engine.interpreter import Interpreter
from workflows.engine.runtime import RenewingError

Result = TypeVar("Result")
_NOTHING = Happenings()
_SILENT = Silent()


def simulate(
    given: ExceptionInput,
    plant: Plant,
    cast: Cast = _SILENT,
    happenings: Happenings = _NOTHING,
    *,
    renew_after: int = 0,
    most_turns: int = 1_000_000,
) -> Story:
    """What happens to this exception. `renew_after`: continue as new after so many effects (0 = never).

    Raises EndlessError when it does not come to an end, and whatever the interpreter fails with (a bug).
    """
    loop = VirtualLoop(given.opened_at, most_turns)
    play = _Play(given, loop, Effects(plant), cast, renew_after)
    play.schedule(happenings)
    return loop.run(play.run())


class _Play:
    """The run and everything that comes in meanwhile."""

    def __init__(
        self, given: ExceptionInput, loop: VirtualLoop, effects: Effects, cast: Cast, renew_after: int
    ) -> None:
        self._given, self._loop, self._effects, self._cast = given, loop, effects, cast
        self._runtime = SimulatedRuntime(loop, effects, self._asked, renew_after)
        self._interpreter: Interpreter | None = None
        self._seq = 1_000_000  # inbox numbers of answers: above those of the signals
        self._names = {person.id: person.name for person in effects.plant.roster.people}

    async def run(self) -> Story:
        given, saved, story = self._given, None, self._effects.story
        while True:
            interpreter = self._interpreter = Interpreter(given, self._runtime, saved)
            ending = await interpreter.run()
            if ending:
                break
            state, following = saving.save(interpreter), interpreter.migration
            if following is not None:
                state = migrating.apply(interpreter, state, following.definition)
            saved = Saved.model_validate_json(state.model_dump_json())
            given = following or given
            self._runtime.renewed()
            story.runs += 1
        await self._loop.until(self._runtime.quiet, None)
        story.ending = ending
        return story

    # -- from outside -------------------------------------------------------------------------------------------------

    def schedule(self, happenings: Happenings) -> None:
        for signal in happenings.signals:
            self._at(signal.received_at, self._join, signal)
        for unasked in happenings.unasked:
            self._at(unasked.at, self._unasked, unasked)
        for command in happenings.commands:
            self._at(command.received_at, self._command, command)

    def _asked(self, page: Page) -> None:
        deeds = list(self._cast.asked(page))
        if deeds:
            self._then(page, deeds)

    def _then(self, page: Page, deeds: list[Deed]) -> None:
        """The first deed at its time; the others follow it."""
        first = deeds[0]
        moment = first.at or self._loop.now() + first.after
        self._at(moment, self._chain, page, deeds)

    async def _chain(self, page: Page, deeds: list[Deed]) -> None:
        deed, *others = deeds
        result = await self._answer(page.person, page.task, page.task_id, deed, page.options, page.channels)
        if others and (result.accepted or others[0].anyway):
            self._then(page, others)

    async def _unasked(self, unasked: Unasked) -> None:
        interpreter = self._running()
        tasks = [task for task in interpreter.story.tasks.values() if task.name == unasked.task]
        if tasks:
            newest = tasks[-1]
            await self._answer(unasked.person, unasked.task, newest.id, unasked.deed, tuple(newest.offered), ())

    async def _answer(
        self, person: str, task: str, task_id: str, deed: Deed, options: Sequence[str], channels: Sequence[str]
    ) -> AnswerResult:
        answer = answer_of(deed, person, self._names.get(person, person), task_id, options, channels)
        answer = answer.model_copy(
            update={"seq": deed.seq or self._next(), "received_at": self._loop.now(), "asked": bool(channels)}
        )
        result = await self._delivered(lambda interpreter: interpreter.answer(answer))
        self._effects.story.answers.append(Answered(answer.received_at, person, task, answer.verb, result))
        return result

    async def _join(self, signal: OpeningSignal) -> None:
        await self._delivered(lambda interpreter: interpreter.join(JoinBatch(signals=[signal])))

    async def _command(self, command: Command) -> None:
        result = await self._delivered(lambda interpreter: interpreter.command(command))
        self._effects.story.commands.append(result)

    async def _delivered(self, deliver: Callable[[Interpreter], Coroutine[Any, Any, Result]]) -> Result:
        """Again to the next run when this one is about to end."""
        while True:
            interpreter = self._running()
            self._runtime.busy += 1
            try:
                interpreter.refuse_when_renewing()
                return await deliver(interpreter)
            except RenewingError:
                pass
            finally:
                self._runtime.busy -= 1
            await self._loop.until(lambda: self._interpreter is not interpreter, None)  # noqa: B023

    def _running(self) -> Interpreter:
        assert self._interpreter is not None  # the run begins before the first timer
        return self._interpreter

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _at(self, moment: datetime, deed: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None:
        self._loop.at(moment, lambda: _begin(self._loop, deed(*args)))


def _begin(loop: VirtualLoop, coroutine: Coroutine[Any, Any, None]) -> None:
    loop.create_task(coroutine).add_done_callback(lambda task: task.cancelled() or task.result())


def answer_of(
    deed: Deed, person: str, name: str, task_id: str, options: Sequence[str], channels: Sequence[str]
) -> Answer:
    """A deed as the inbox delivers it; `approve` alone means the first option."""
    verb = f"approve:{options[0]}" if deed.verb == "approve" and options else deed.verb
    channel = deed.channel or (channels[0] if channels else "console")
    return Answer(
        id=f"sim-{task_id}-{person}-{verb}",
        seq=0,
        person=person,
        person_name=name,
        channel=channel,
        task_id=task_id,
        verb=verb,
        fields=deed.fields,
        received_at=_UNSET,
    )


_UNSET = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
