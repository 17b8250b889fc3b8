"""One exception from its opening to its end, in memory."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, TypeVar

from activities.contracts.model import Answer, AnswerResult, Command, ExceptionInput, JoinBatch, OpeningSignal
from activities.contracts.saved import Saved
from authoring.simulator.cast import Cast, Deed, Happenings, Page, Silent, Unasked
from authoring.simulator.clock import VirtualLoop
from authoring.simulator.effects import Answered, Effects, Story, channels_of, name_steps
from authoring.simulator.plant import Plant
from authoring.simulator.runtime import SimulatedRuntime
from workflows.engine import migrating, saving
from workflows.engine.interpreter import Interpreter
from workflows.engine.runtime import RenewingError
from workflows.steps.registry import STEPS

Result = TypeVar("Result")
Kinds = Mapping[str, Callable[[Any, Any], Awaitable[None]]]
_NOTHING = Happenings()
_SILENT = Silent()


def simulate(
    given: ExceptionInput,
    plant: Plant,
    cast: Cast = _SILENT,
    happenings: Happenings = _NOTHING,
    *,
    renew_after: int = 0,
    kinds: Kinds = STEPS,
    most_turns: int = 1_000_000,
    interpreter: type[Interpreter] = Interpreter,
) -> Story:
    """What happens to this exception. `renew_after`: continue as new after so many effects (0 = never). `kinds`: what
    runs each kind of step, for those who want to look on. `interpreter`: one that tells less of itself, say.

    Raises EndlessError when it does not come to an end, and whatever the interpreter fails with (a bug).
    """
    loop = VirtualLoop(given.opened_at, most_turns)
    play = _Play(given, loop, Effects(plant), cast, (renew_after, kinds, interpreter))
    play.schedule(happenings)
    return loop.run(play.run())


class _Play:
    """The run and everything that comes in meanwhile."""

    def __init__(
        self,
        given: ExceptionInput,
        loop: VirtualLoop,
        effects: Effects,
        cast: Cast,
        how: tuple[int, Kinds, type[Interpreter]],
    ) -> None:
        renew_after, self._kinds, self._made = how
        self._given, self._loop, self._effects, self._cast = given, loop, effects, cast
        self._runtime = SimulatedRuntime(loop, effects, self._asked, renew_after)
        self._interpreter: Interpreter | None = None
        self._seq = 1_000_000  # inbox numbers of answers: above those of the signals
        self._people = {person.id: person for person in effects.plant.roster.people}

    async def run(self) -> Story:
        given, saved, story = self._given, None, self._effects.story
        while True:
            interpreter = self._interpreter = self._made(given, self._runtime, saved)
            interpreter.kinds = dict(self._kinds)
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
        name_steps(story, interpreter.definition)
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
        result = await self._answer(page, deed)
        if others and (result.accepted or others[0].anyway):
            self._then(page, others)

    async def _unasked(self, unasked: Unasked) -> None:
        tasks = [task for task in self._running().story.tasks.values() if task.name == unasked.task]
        if tasks:
            newest, person = tasks[-1], self._people.get(unasked.person)
            page = Page(
                self._loop.now(), unasked.person, "", channels_of(person), newest.name, newest.kind, newest.id,
                options=tuple(newest.offered),
            )  # fmt: skip
            await self._chain(page, list(unasked.deeds))

    async def _answer(self, page: Page, deed: Deed) -> AnswerResult:
        person = self._people.get(page.person)
        answer = answer_of(
            deed, page, person.name if person else page.person, deed.seq or self._next(), self._loop.now()
        )
        result = await self._delivered(lambda interpreter: interpreter.answer(answer))
        self._effects.story.answers.append(Answered(answer.received_at, page.person, page.task, answer.verb, result))
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


def answer_of(deed: Deed, page: Page, name: str, seq: int, now: datetime) -> Answer:
    """A deed as the inbox delivers it; `approve` alone means the first option."""
    verb = f"approve:{page.options[0]}" if deed.verb == "approve" and page.options else deed.verb
    return Answer(
        id=f"answer-{seq}",
        seq=seq,
        asked=bool(page.name),
        person=page.person,
        person_name=name,
        channel=deed.channel or (page.channels[0] if page.channels else "console"),
        task_id=page.task_id,
        verb=verb,
        fields=deed.fields,
        received_at=now,
    )
