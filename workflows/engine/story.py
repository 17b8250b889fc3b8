"""The state of one exception while it runs, and its story as far as it is told."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

from activities.contracts.model import ExceptionInput, OpeningSignal, Wording
from activities.contracts.story import Entry, Line, Projection
from domain.asking.tasks import LiveTask
from domain.language.definition import ApproveStep, Definition, ForEachStep, NotifyStep, TaskStep, children, step_name
from domain.language.provenance import Provenance, provenance
from domain.values import Json, iso
from workflows.engine.marks import Marks
from workflows.engine.proposed import proposals

_SITE = "site"
_RECENT = 50
_TAKEN = 1000  # inbox numbers kept against second deliveries: the pump has far fewer under way


class Story:
    """The live tasks, the milestones, the gaps, and the entries not yet written."""

    def __init__(self, given: ExceptionInput) -> None:
        self.given = given
        self.version = given.version
        self.tasks: dict[str, LiveTask] = {}
        self.gaps: dict[str, str] = {}
        self.handling, self.condition, self.priority = "open", "active", given.priority
        self.highest_seq = max(signal.seq for signal in given.signals)
        self.recent: list[OpeningSignal] = []
        self.taken = [signal.seq for signal in given.signals]
        self.milestones: dict[str, Json] = {"opened": iso(given.opened_at)}
        self.changes = 0
        self.rev = 0
        self.numbered = 0
        self.unwritten: list[Entry] = []
        self.marks = Marks()
        self.askers: dict[str, str] = {}  # who asked for information and has got no answer: person id -> name
        self.underway = 0  # the highest entry that an effect carries already
        first = given.signals[0]
        self.milestones |= {"signal": iso(first.occurred_at), "received": iso(first.received_at)}
        self.world: dict[str, Json] = {
            "signal": first.facts,
            "equipment": given.equipment,
            "exception": {"id": given.exception_id, "definition": given.definition.definition, "key": given.key},
            "opened_at": iso(given.opened_at),
            "machine": first.facts if first.equipment else {},
            "site": given.site_facts,
        }

    def note(
        self, at: datetime, kind: str, step: str = "", person: str | None = None, *, seq: int = 0, **data: Json
    ) -> None:
        """Add a line to the story; it is written with the next effect. `seq`: of the inbox, where it tells of that."""
        self.numbered += 1
        mark = self.marks.of_inbox(seq, kind) if seq else self.marks.of_line(self.numbered, kind, step, data)
        entry = Entry(number=self.numbered, at=at, kind=kind, step=step, person=person, data=data, mark=mark)
        self.unwritten.append(entry)
        self.changes += 1

    def numbered_line(self, line: Line) -> Line:
        """A line that the next effect writes itself: under the next number."""
        self.numbered += 1
        self.changes += 1
        mark = self.marks.of_effect(self.numbered, line.step)
        return line.model_copy(update={"number": self.numbered, "mark": mark})

    def line_failed(self, line: Line) -> None:
        """The effect gave up, so its line was not written: the number is the next line's, unless there is one."""
        if line.number == self.numbered:
            self.numbered -= 1
            self.underway = min(self.underway, self.numbered)
        else:
            self.line_lost(line)

    def line_lost(self, line: Line) -> None:
        """The effect was cancelled, and nobody knows whether its line was written. If not, this one stands in its
        place: of two lines with one mark the first stays."""
        data = line.data | {"people": line.before, "withdrawn": True}
        instead = Entry(number=line.number, at=line.at, kind="nobody", step=line.step, data=data, mark=line.mark)
        self.unwritten = sorted([*self.unwritten, instead], key=lambda entry: entry.number)
        self.underway = min(self.underway, line.number - 1)

    def reached(self, milestone: str, at: datetime) -> None:
        """The first time counts."""
        self.milestones.setdefault(milestone, iso(at))

    def heard(self, signal: OpeningSignal) -> None:
        """A signal joined; the last few are kept for steps that wait for one."""
        self.highest_seq = max(signal.seq, self.highest_seq)
        self.taken = [*self.taken, signal.seq][-_TAKEN:]
        self.recent = [*self.recent, signal][-_RECENT:]
        self.note(signal.received_at, "signal", seq=signal.seq, type=signal.type, subject=signal.subject,
                  facts=signal.facts)  # fmt: skip

    def is_new(self, seq: int) -> bool:
        """Was this inbox number not taken yet? A signal that waited may come after younger ones."""
        if seq > self.highest_seq:
            return True
        return seq not in self.taken and (len(self.taken) < _TAKEN or seq > min(self.taken))

    @property
    def untold(self) -> bool:
        """Are there entries that no effect carries yet?"""
        return self.numbered > self.underway

    def projection(self, *, paused: bool = False, by_hand: str = "", steps: Sequence[Json] = ()) -> Projection:
        """The state as of now with everything not yet written; a higher `rev` always wins."""
        self.rev += 1
        self.underway = self.numbered
        tasks = {
            task.name: {"standing": task.standing.value, "person": task.person_name} for task in self.tasks.values()
        }
        state: dict[str, Json] = {"tasks": tasks, "gaps": self.gaps, "steps": list(steps)}
        state |= {"paused": True} if paused else {}
        state |= {"by_hand": by_hand} if by_hand else {}
        return Projection(
            exception_id=self.given.exception_id,
            rev=self.rev,
            handling=self.handling,
            condition=self.condition,
            priority=self.priority,
            version=self.version,
            milestones=self.milestones,
            state=state,
            entries=list(self.unwritten),
        )

    def written(self, projection: Projection) -> None:
        """The effect that carried this projection was committed."""
        written = {entry.number for entry in projection.entries}
        self.unwritten = [entry for entry in self.unwritten if entry.number not in written]

    def wording(
        self, step: TaskStep | NotifyStep | ApproveStep, definition: Definition, scope: dict[str, Json]
    ) -> Wording:
        """The step's texts with just the values that they name: a whole plan is too much for a message. All of it was
        validated when the definition was read."""
        return Wording.model_construct(
            definition=self.given.definition.definition,
            step=step_name(step),
            title=step.title or definition.title,
            text=step.text,
            facts=step.facts,
            asks=step.ask if isinstance(step, TaskStep) else {},
            gaps=sorted(self.gaps),
            scope=named(scope, step.words if step.title else step.words | definition.title_words),
            priority=self.priority,
            proposals=proposals(self.provenance, step, scope),
        )

    @cached_property
    def provenance(self) -> Provenance:
        """Where agents' proposals go in the definition."""
        return provenance(self.given.definition)


def named(scope: dict[str, Json], mentioned: frozenset[str]) -> dict[str, Json]:
    """The part of the scope that a text's words mention, and the site (times are shown in its zone)."""
    return {name: value for name, value in scope.items() if name in mentioned or name == _SITE}


def first_values(definition: Definition, parameters: dict[str, Json]) -> dict[str, Json]:
    """What a definition's steps may read before anything happened: every step has an empty result."""
    context: dict[str, Json] = {name: query.otherwise for name, query in definition.context.items()}
    return {"params": definition.parameters | parameters, **context, **empty_results(definition.steps)}


def empty_results(steps: Sequence[object]) -> dict[str, Json]:
    """An empty result for every named step here, but not for those inside loops: each turn has its own."""
    found: dict[str, Json] = {}
    for step in steps:
        found |= {step_name(step): {}} if step_name(step) else {}
        if not isinstance(step, ForEachStep):
            for _, _, inner in children(step):
                found |= empty_results(inner)
    return found
