"""The state of one exception while it runs, and its story as far as it is told."""

import re
from datetime import datetime

from activities.contracts.model import Entry, ExceptionInput, Projection, Wording
from domain.definition import ApproveStep, NotifyStep, TaskStep, step_name, walk
from domain.tasks import LiveTask
from domain.values import Json, iso

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Story:
    """What conditions and texts may read (`scope`), the live tasks, the milestones, and the entries not yet written."""

    def __init__(self, given: ExceptionInput) -> None:
        self.given = given
        self.tasks: dict[str, LiveTask] = {}
        self.gaps: dict[str, str] = {}
        self.handling, self.condition = "open", "active"
        self.highest_seq = max(signal.seq for signal in given.signals)
        self.milestones: dict[str, Json] = {"opened": iso(given.opened_at)}
        self.changes = 0
        self._rev = 0
        self._numbered = 0
        self._unwritten: list[Entry] = []
        self._underway = 0  # the highest entry that an effect carries already
        self.scope: dict[str, Json] = self._first_scope(given)

    def _first_scope(self, given: ExceptionInput) -> dict[str, Json]:
        first = given.signals[0]
        steps: dict[str, Json] = {step_name(step): {} for _, step in walk(given.definition.steps) if step_name(step)}
        context: dict[str, Json] = {name: query.otherwise for name, query in given.definition.context.items()}
        self.milestones |= {"signal": iso(first.occurred_at), "received": iso(first.received_at)}
        return {
            "signal": first.facts,
            "equipment": given.equipment,
            "exception": {"id": given.exception_id, "definition": given.definition.definition, "key": given.key},
            "opened_at": iso(given.opened_at),
            "params": given.definition.parameters | given.parameters,
            "machine": first.facts if first.equipment else {},
            "site": given.site_facts,
            **context,
            **steps,
        }

    def note(self, at: datetime, kind: str, step: str = "", person: str | None = None, **data: Json) -> None:
        """Add a line to the story; it is written with the next effect."""
        self._numbered += 1
        self._unwritten.append(Entry(number=self._numbered, at=at, kind=kind, step=step, person=person, data=data))
        self.changes += 1

    def reached(self, milestone: str, at: datetime) -> None:
        """The first time counts."""
        self.milestones.setdefault(milestone, iso(at))

    def publish(self, task: LiveTask) -> None:
        """Let conditions and texts read the task's answers."""
        self.scope[task.name] = dict(task.values)
        self.changes += 1

    @property
    def untold(self) -> bool:
        """Are there entries that no effect carries yet?"""
        return self._numbered > self._underway

    def projection(self) -> Projection:
        """The state as of now with everything not yet written; a higher `rev` always wins."""
        self._rev += 1
        self._underway = self._numbered
        tasks = {
            task.name: {"standing": task.standing.value, "person": task.person_name} for task in self.tasks.values()
        }
        return Projection(
            exception_id=self.given.exception_id,
            rev=self._rev,
            handling=self.handling,
            condition=self.condition,
            milestones=self.milestones,
            state={"tasks": tasks, "gaps": self.gaps},
            entries=list(self._unwritten),
        )

    def written(self, projection: Projection) -> None:
        """The effect that carried this projection was committed."""
        last = projection.entries[-1].number if projection.entries else 0
        self._unwritten = [entry for entry in self._unwritten if entry.number > last]

    def wording(self, step: TaskStep | NotifyStep | ApproveStep) -> Wording:
        """The step's texts with just the values that they name: a whole plan is too much for a message."""
        definition = self.given.definition
        texts = [step.title or definition.title, step.text, *step.facts.values()]
        return Wording(
            definition=definition.definition,
            step=step_name(step),
            title=texts[0],
            text=step.text,
            facts=step.facts,
            gaps=sorted(self.gaps),
            scope=self.named(*texts),
            priority=self.given.priority,
        )

    def named(self, *texts: str) -> dict[str, Json]:
        """The part of the scope that these texts mention, and the site (times are shown in its zone)."""
        words = {word for text in texts for word in _WORD.findall(text)} | {"site"}
        return {name: value for name, value in self.scope.items() if name in words}
