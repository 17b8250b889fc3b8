"""The names that a scenario may use, and findings for those that don't exist."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from authoring.scenarios.setting import Setting
from domain.language.definition import AgentStep, ApproveStep, Definition, NotifyStep, TaskStep, walk
from domain.language.definition_text import DefinitionError, Finding, Mark, Marks, Path
from domain.language.steps import step_name
from domain.rosters.people import Roster

_ASIDE = {"reason", "to", "text", "for"}  # what declining, handing over, asking, informing and snoozing may carry


class ScenarioError(DefinitionError):
    """The scenario is refused; `findings` say where and why."""

    code = "mos.scenario.invalid"


@dataclass
class Reader:
    """Collects what is wrong with one scenario document, each at its place."""

    file: str
    marks: Marks
    findings: list[Finding] = field(default_factory=list)

    def place(self, *path: str | int) -> tuple[int, int]:
        """Line and column of the nearest thing that the document has."""
        at: Path = path
        while at and at not in self.marks:
            at = at[:-1]
        mark = self.marks.get(at, Mark(1, 1))
        return mark.line, mark.column

    def wrong(self, message: str, *path: str | int, code: str = "mos.scenario.invalid") -> None:
        line, column = self.place(*path)
        self.findings.append(Finding(line, column, message, code))

    def known(self, what: str, name: str, names: Iterable[str], *path: str | int) -> bool:
        """Is it one of these? If not, the nearest is named."""
        all_names = sorted(names)
        if name in all_names:
            return True
        near = difflib.get_close_matches(name, all_names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there is {', '.join(all_names) or 'none'}"
        self.wrong(f"no {what} '{name}': {hint}", *path, code="mos.scenario.unknown_name")
        return False

    def check(self) -> None:
        """Raises ScenarioError when anything is wrong."""
        if self.findings:
            raise ScenarioError(self.file, sorted(self.findings, key=lambda one: (one.line, one.column)))


@dataclass(frozen=True)
class Names:
    """Everything that the definition (with the parts that it calls) and the setting have names for."""

    asked: dict[str, TaskStep | ApproveStep]
    told: set[str]
    steps: set[str]
    people: set[str]
    agents: set[str]

    def asks(self, task: str) -> set[str]:
        step = self.asked.get(task)
        return (set(step.ask) if isinstance(step, TaskStep) else {"comment"}) | _ASIDE


def names_of(definition: Definition, setting: Setting, roster: Roster) -> Names:
    """The names of one definition at one site. An owner is told of trouble under the step's name."""
    steps = [step for part in _parts(definition) for _, step in walk(part.steps)]
    asked = {step_name(step): step for step in steps if isinstance(step, TaskStep | ApproveStep)}
    told = {step_name(step) for step in steps if isinstance(step, NotifyStep)}
    names = {step_name(step) for step in steps} - {""}
    agents = {step_name(step) for step in steps if isinstance(step, AgentStep)}
    return Names(asked, told, names, {person.id for person in roster.people}, agents)


def _parts(definition: Definition) -> Iterator[Definition]:
    yield definition
    for called in definition.bundled.values():
        yield from _parts(called)
