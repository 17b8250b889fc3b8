"""The cases of a version: its exceptions, simulated key by key, in this process or side by side in several."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from activities.contracts.model import OpeningSignal
from activities.contracts.story import Projection
from authoring.replay import correlating
from authoring.replay.answering import Manners, Model, Replayed, answerable, manners_of
from authoring.replay.correlating import Seen
from authoring.replay.model import Asked, Case, Decided, History, Place, Posted, Recorded, Recording
from authoring.replay.world import Remembered
from authoring.simulator.cast import Happenings
from authoring.simulator.effects import Story
from authoring.simulator.opening import Look, Opener
from authoring.simulator.simulation import simulate
from domain.errors import MosError
from domain.ids import derived_id
from domain.language.definition import Definition
from domain.values import Json
from workflows.engine.interpreter import Interpreter

_MOST_TURNS = 200_000  # an exception that needs more does not come to an end
_PARTS_EACH = 4  # parts that a process is given one after the other: keys differ in length
_NOTHING = History()


@dataclass(frozen=True)
class Side:
    """What one side of the comparison is, and its cases in the order of their opening.

    `listened`: signals that it was asked about. `problems`: what could not be done, how often. `unfinished`: how many
    signals were not looked at because the time was up.
    """

    label: str
    cases: tuple[Case, ...]
    listened: int = 0
    problems: Mapping[str, int] = field(default_factory=dict)
    simulated: bool = True
    seconds: float = 0.0
    processes: int = 1
    unfinished: int = 0


@dataclass(frozen=True)
class Stage:
    """What every exception of a replay needs; travels to the other processes."""

    definition: Definition
    place: Place
    model: Model
    manners: Mapping[str, Manners]
    until: datetime


@dataclass(frozen=True)
class Effort:
    """`processes`: so many at a time, in `pool` (see `crew`). `most`: so many exceptions at most, `within_s`: for so
    long at most (seconds); both only without a pool."""

    processes: int = 1
    pool: Executor | None = None
    most: int = 0
    within_s: float = 0.0


@contextmanager
def crew(processes: int) -> Iterator[Executor | None]:
    """So many processes for as long as the block lasts; None for one: then it is done here."""
    if processes < 2:
        yield None
        return
    with pool_of(processes) as pool:
        yield pool


def pool_of(processes: int) -> Executor:
    """So many processes; the caller shuts it down."""
    context = multiprocessing.get_context("spawn")  # a fork would copy threads and connections in odd states
    return ProcessPoolExecutor(processes, mp_context=context)


def happened(recording: Recording) -> Side:
    """What the record tells."""
    return Side("what happened", recording.happened or (), len(recording.signals), simulated=False)


def replay(
    definition: Definition,
    recording: Recording,
    place: Place,
    *,
    label: str,
    model: Model | None = None,
    effort: Effort | None = None,
) -> Side:
    """What this definition would have done with the recorded signals."""
    model, effort, begun = model or Model(), effort or Effort(), time.monotonic()
    calendar = place.site.calendar.model_copy(update={"shifts": place.roster.shifts})
    parameters = place.site.parameters.get(definition.definition, {})
    opener = Opener(definition, place.site, parameters, calendar)
    looked = correlating.look(opener, recording)
    manners = manners_of(recording.histories.values()) if model.recorded else {}
    stage = Stage(definition, place, model, manners, recording.until)
    told, left = _told(stage, list(looked.chains.values()), recording.histories, effort, begun)
    cases = sorted(told, key=lambda case: (case.opened_at, case.signals))
    problems = looked.problems + Counter(case.problem for case in cases if case.problem)
    return Side(
        label,
        tuple(cases),
        looked.listened,
        problems,
        seconds=time.monotonic() - begun,
        processes=effort.processes,
        unfinished=left,
    )


def _told(
    stage: Stage,
    chains: Sequence[Sequence[Seen]],
    histories: Mapping[str, History],
    effort: Effort,
    begun: float,
) -> tuple[list[Case], int]:
    """The cases of these keys, and how many signals were left when the time was up."""
    if effort.pool is not None:
        parts = [(stage, part, _of(part, histories)) for part in _parts(chains, effort.processes * _PARTS_EACH)]
        return [case for told in effort.pool.map(_tell_part, parts) for case in told], 0
    cases: list[Case] = []
    tell = _teller(stage, histories)
    for done, chain in enumerate(chains):
        late = effort.within_s and time.monotonic() - begun > effort.within_s
        if late or (effort.most and len(cases) >= effort.most):
            return cases, sum(len(one) for one in chains[done:])
        cases += tell(chain)
    return cases, 0


def _parts(chains: Sequence[Sequence[Seen]], many: int) -> list[list[Sequence[Seen]]]:
    """So many parts of about the same number of signals, those with the longest keys first."""
    parts: list[list[Sequence[Seen]]] = [[] for _ in range(many)]
    sizes = [0] * many
    for chain in sorted(chains, key=len, reverse=True):
        smallest = sizes.index(min(sizes))
        parts[smallest].append(chain)
        sizes[smallest] += len(chain)
    return [part for part in parts if part]


def _of(part: Iterable[Sequence[Seen]], histories: Mapping[str, History]) -> dict[str, History]:
    names = {seen.recorded.exception for chain in part for seen in chain}
    return {name: histories[name] for name in names if name in histories}


_Part = tuple[Stage, list[Sequence[Seen]], dict[str, History]]


def _tell_part(part: _Part) -> list[Case]:
    stage, chains, histories = part
    tell = _teller(stage, histories)
    return [case for chain in chains for case in tell(chain)]


def _teller(stage: Stage, histories: Mapping[str, History]) -> Callable[[Sequence[Seen]], list[Case]]:
    one = _One(stage, histories)
    return lambda chain: correlating.tell(chain, one.simulate)


class _Brief(Interpreter):
    """Leaves out which steps stand where, and writing the story while everybody waits: nobody looks at either, and they
    are half of the work."""

    def projection(self) -> Projection:
        return self.story.projection(paused=self.paused, by_hand=self.by_hand)

    async def _keep_written(self) -> None:
        await self.runtime.wait(lambda: False, None)


class _One:
    """Simulates one exception after the other."""

    def __init__(self, stage: Stage, histories: Mapping[str, History]) -> None:
        self._stage, self._histories = stage, histories
        place, definition = stage.place, stage.definition
        calendar = place.site.calendar.model_copy(update={"shifts": place.roster.shifts})
        parameters = place.site.parameters.get(definition.definition, {})
        self._opener = Opener(definition, place.site, parameters, calendar)
        self._steps = answerable(definition)

    def simulate(
        self, signal: OpeningSignal, look: Look, at: datetime, joins: Sequence[OpeningSignal], recorded: Recorded
    ) -> Case:
        """The case of the exception that this signal opens then."""
        stage = self._stage
        history = self._histories.get(recorded.exception, _NOTHING)
        people = Replayed(self._steps, stage.manners, stage.model, history)
        world = Remembered(history)
        given = self._opener.given(derived_id("exc", look.key, str(signal.seq)), signal, look, at)
        try:
            story = simulate(
                given,
                world.plant(stage.place),
                people,
                Happenings(signals=joins),
                most_turns=_MOST_TURNS,
                interpreter=_Brief,
            )
        except MosError as error:
            story = Story(ending="broken", closed_at=at)
            return _case(story, signal, look, at, recorded, self._stage.until, problem=error.message)
        return _case(
            story, signal, look, at, recorded, stage.until, answered=tuple(people.basis), unplanned=world.unplanned
        )


def _case(
    story: Story,
    signal: OpeningSignal,
    look: Look,
    at: datetime,
    recorded: Recorded,
    until: datetime,
    **more: Json,
) -> Case:
    """What is kept of an exception; what would come after the end of the window is left out."""
    closed = story.closed_at if story.closed_at and story.closed_at <= until else None
    return Case(
        key=look.key,
        opened_at=at,
        received_at=signal.received_at,
        closed_at=closed,
        ending=story.ending if closed else "open",
        signals=(signal.seq,),
        equipment=signal.equipment or "",
        record=recorded.exception,
        pages=tuple(Asked(page.at, page.person, page.task, page.kind) for page in story.pages if page.at <= until),
        decisions=tuple(_decisions(story, until)),
        postings=tuple(_postings(story, until)),
        **more,
    )


def _decisions(story: Story, until: datetime) -> Iterator[Decided]:
    for made in story.decisions:
        if made.at <= until:
            yield Decided(made.at, story.decided.get(made.id, ""), made.verdict, made.option, made.person)


def _postings(story: Story, until: datetime) -> Iterator[Posted]:
    for posting in story.postings:
        if posting.at <= until:
            transaction = posting.transaction
            kinds = " + ".join(outcome.kind for outcome in transaction.outcomes)
            yield Posted(posting.at, transaction.system.value, kinds, posting.status)
