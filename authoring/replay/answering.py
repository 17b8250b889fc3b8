"""How people answer in a replay: as they did when they were asked the same, else as a stated model says."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median_low

from authoring.replay.model import Answer, Asked, History
from authoring.simulator.cast import Deed, Page
from domain.language.definition import ApproveStep, Definition, TaskStep, step_name, walk
from domain.values import Json

_BEHIND = timedelta(seconds=1)  # who was not the first answers after whoever was


@dataclass(frozen=True)
class Model:
    """Assumptions where nothing is recorded: everybody reacts after `reaction` and needs `work` for a task.

    `silent`: nobody answers instead. `recorded`: False = not even what is recorded is replayed.
    """

    reaction: timedelta = timedelta(minutes=4)
    work: timedelta = timedelta(minutes=30)
    silent: bool = False
    recorded: bool = True


@dataclass(frozen=True)
class Manners:
    """Of a task, from its record: the median from the page to the first answer and from that to the last one, and what
    was said, the most frequent first. None and nothing without a record."""

    reaction: timedelta | None = None
    work: timedelta | None = None
    said: Mapping[str, Sequence[str]] = field(default_factory=dict)
    verbs: Sequence[str] = ()


@dataclass
class _Heard:
    """What a record tells of one task."""

    reactions: list[timedelta] = field(default_factory=list)
    works: list[timedelta] = field(default_factory=list)
    said: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    verbs: Counter[str] = field(default_factory=Counter)

    def hear(self, page: datetime | None, answers: Sequence[Answer]) -> None:
        if page is not None:
            self.reactions.append(max(answers[0].at - page, timedelta()))
        if len(answers) > 1 and answers[-1].taken:
            self.works.append(answers[-1].at - answers[0].at)
        self.verbs.update(answer.verb for answer in answers if answer.taken)
        for answer in answers:
            for name, value in answer.fields.items():
                self.said[name][str(value)] += 1

    def manners(self) -> Manners:
        return Manners(
            median_low(self.reactions) if self.reactions else None,
            median_low(self.works) if self.works else None,
            {name: [value for value, _ in values.most_common()] for name, values in self.said.items()},
            [verb for verb, _ in self.verbs.most_common()],
        )


def manners_of(histories: Iterable[History]) -> dict[str, Manners]:
    """By task."""
    found: dict[str, _Heard] = defaultdict(_Heard)
    for history in histories:
        asked = first_pages(history.pages)
        for (task, person), answers in by_asked(history.answers).items():
            found[task].hear(asked.get((task, person)), answers)
    return {task: heard.manners() for task, heard in found.items()}


def first_pages(pages: Iterable[Asked]) -> dict[tuple[str, str], datetime]:
    """When each person was first asked for each task."""
    found: dict[tuple[str, str], datetime] = {}
    for page in sorted(pages, key=lambda one: one.at):
        found.setdefault((page.task, page.person), page.at)
    return found


def by_asked(answers: Iterable[Answer]) -> dict[tuple[str, str], list[Answer]]:
    found: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for answer in sorted(answers, key=lambda one: one.at):
        found[answer.task, answer.person].append(answer)
    return found


class Replayed:
    """The people of one exception. `basis`: how each page that could be answered was."""

    def __init__(
        self,
        steps: Mapping[str, TaskStep | ApproveStep],
        manners: Mapping[str, Manners],
        model: Model,
        history: History,
    ) -> None:
        self._steps, self._manners, self._model = steps, manners, model
        use = history if model.recorded else History()
        self._asked, self._answers = first_pages(use.pages), by_asked(use.answers)
        self.basis: list[str] = []

    def asked(self, page: Page) -> Sequence[Deed]:
        """What this person does about it."""
        step = self._steps.get(page.task)
        if page.kind == "notify" or step is None:
            return ()
        recorded = self._answers.get((page.task, page.person))
        if recorded:
            return self._as("recorded", self._as_recorded(page, step, recorded))
        asked_at = self._asked.get((page.task, page.person))
        quicker = self._quicker(page.task)
        if self._model.silent or (asked_at is not None and quicker is None):
            return self._as("silent", ())
        waits = timedelta()
        if asked_at is not None and quicker is not None:
            waits = max(quicker - asked_at, timedelta()) + _BEHIND
        return self._as("model", self._modelled(page, step, waits))

    def _as(self, basis: str, deeds: Sequence[Deed]) -> Sequence[Deed]:
        self.basis.append(basis)
        return deeds

    def _quicker(self, task: str) -> datetime | None:
        """When somebody first took the task in the record."""
        taken = [one.at for (name, _), answers in self._answers.items() if name == task for one in answers if one.taken]
        return min(taken, default=None)

    def _as_recorded(self, page: Page, step: TaskStep | ApproveStep, answers: list[Answer]) -> list[Deed]:
        """As long after the page as then; who was too late then and is the first now does as the model says after."""
        asked_at = self._asked.get((page.task, page.person), answers[0].at - self._reaction(page.task))
        spans = [max(answers[0].at - asked_at, timedelta()), *(b.at - a.at for a, b in pairwise(answers))]
        deeds = [_deed(answer, span, page) for answer, span in zip(answers, spans, strict=True)]
        if isinstance(step, TaskStep) and not any(answer.taken for answer in answers):
            deeds += self._rest(page, step)
        return deeds

    def _modelled(self, page: Page, step: TaskStep | ApproveStep, waits: timedelta) -> list[Deed]:
        own = self._of(page.task)
        after = max(self._reaction(page.task), waits)
        if isinstance(step, ApproveStep):
            fields: dict[str, Json] = {"comment": "replayed"}
            return [Deed(_usual_verdict(page, own), after, fields=fields, channel=_console(step))]
        return [Deed("accept", after), *self._rest(page, step)]

    def _rest(self, page: Page, step: TaskStep) -> list[Deed]:
        """What is done after a task was accepted."""
        own = self._of(page.task)
        fields = {name: _usual(own, name, ask.kind, ask.choices) for name, ask in step.ask.items()}
        found = [Deed("arrived")] if "arrived" in step.buttons else []
        found += [Deed("answer", fields=fields)] if fields else []
        return found + (
            [Deed("done", self._model.work if own.work is None else own.work)]
            if "done" in step.buttons or not step.ask
            else []
        )

    def _reaction(self, task: str) -> timedelta:
        known = self._of(task).reaction
        return self._model.reaction if known is None else known

    def _of(self, task: str) -> Manners:
        return self._manners.get(task) or Manners()


def answerable(definition: Definition) -> dict[str, TaskStep | ApproveStep]:
    """The steps that people answer, by name; those of the definitions that it calls too."""
    found: dict[str, TaskStep | ApproveStep] = {}
    for one in (definition, *definition.bundled.values()):
        for _, step in walk(one.steps):
            if isinstance(step, TaskStep | ApproveStep):
                found.setdefault(step_name(step), step)
    return found


def _deed(answer: Answer, after: timedelta, page: Page) -> Deed:
    verb = answer.verb
    if verb.startswith("approve:") and verb.removeprefix("approve:") not in page.options:
        verb = "approve"  # that option is not offered now: the first one
    return Deed(verb, after, fields=dict(answer.fields), channel=answer.channel, anyway=True)


def _usual_verdict(page: Page, own: Manners) -> str:
    offered = [f"approve:{option}" for option in page.options]
    usual = [verb for verb in own.verbs if verb in (*offered, "reject")]
    return usual[0] if usual else "approve"


def _usual(own: Manners, name: str, kind: str, choices: Sequence[str]) -> str:
    said = own.said.get(name, ())
    if kind == "choice":
        return next((value for value in said if value in choices), choices[0])
    return said[0] if said else {"duration": "1h"}.get(kind, "replayed")


def _console(step: ApproveStep) -> str:
    return "console" if step.risk == "high" else ""
