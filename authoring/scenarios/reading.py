"""From a scenario file to something that can be played; every name is checked, every finding has its place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pydantic import ValidationError

from activities.contracts.model import Command, OpeningSignal
from authoring.scenarios import expecting, sentences
from authoring.scenarios.acting import Part, Script, parts_of
from authoring.scenarios.expecting import Expectation
from authoring.scenarios.model import ScenarioDoc, SystemDoc
from authoring.scenarios.naming import Names, Reader, ScenarioError, names_of
from authoring.scenarios.setting import Setting
from authoring.scenarios.signals import signals_of
from authoring.simulator.agents import SimulatedAgent
from authoring.simulator.cast import Happenings
from authoring.simulator.opening import Opener, Opening
from authoring.simulator.plant import Outage, Plant, SimulatedSystem
from domain.calendar import SiteCalendar, check_moment
from domain.language import misfits
from domain.language.definition import AgentStep, Definition, step_name, walk
from domain.language.definition_text import DefinitionError, Finding, Marks, read
from domain.rosters.people import Person, Roster
from domain.values import duration, parse_time

_MONDAY = datetime(2026, 1, 5, tzinfo=UTC)  # the week of scenarios that name no date
_CODES = {"extra_forbidden": "mos.scenario.unknown_field", "missing": "mos.scenario.missing_field"}
SYSTEMS = ("erp", "mes", "machine", "roster", "history")


@dataclass(frozen=True)
class Scenario:
    """A scenario that can be played. `opening` None: its signals open nothing."""

    file: str
    text: str
    title: str
    definition: Definition
    start: datetime
    zone: str
    opening: Opening | None
    plant: Plant
    script: Script
    happenings: Happenings
    expectations: list[Expectation]


def definition_of(text: str, file: str) -> str:
    """Which definition a scenario is about. Raises ScenarioError when that can't be read."""
    data, _ = _read(text, file)
    name = data.get("definition") if isinstance(data, dict) else None
    if not isinstance(name, str):
        raise ScenarioError(file, [Finding(1, 1, "a scenario names its 'definition'", "mos.scenario.invalid")])
    return name


def load(text: str, file: str, definition: Definition, setting: Setting, start: datetime | None = None) -> Scenario:
    """The scenario in this text; `start`: another than its own. Raises ScenarioError with every finding."""
    data, marks = _read(text, file)
    reader = Reader(file, marks)
    try:
        doc = ScenarioDoc.model_validate(data)
    except ValidationError as error:
        for item in error.errors():
            _misfit(reader, dict(item))
        reader.check()
        raise
    return _Loader(text, doc, reader, (definition, setting), start).load()


def _read(text: str, file: str) -> tuple[Any, Marks]:
    try:
        return read(text, file)
    except DefinitionError as error:
        raise ScenarioError(file, error.findings) from error


def _misfit(reader: Reader, error: Mapping[str, Any]) -> None:
    path = tuple(error["loc"])
    reader.wrong(misfits.words(error, ScenarioDoc), *path, code=_CODES.get(error["type"], "mos.scenario.invalid"))


class _Loader:
    """Reads the parts of one document; what is wrong is collected and raised at the end."""

    def __init__(
        self,
        text: str,
        doc: ScenarioDoc,
        reader: Reader,
        of: tuple[Definition, Setting],
        start: datetime | None,
    ) -> None:
        definition, setting = self._definition, self._setting = of
        self._text, self._doc, self._reader = text, doc, reader
        self._zone = setting.site.timezone
        self._clock = SiteCalendar(timezone=self._zone)
        self._start = start or self._starts()
        self._roster = self._people()
        self._names = names_of(definition, setting, self._roster)

    def load(self) -> Scenario:
        doc, reader = self._doc, self._reader
        reader.known("definition", doc.definition, [self._definition.definition], "definition")
        for name in doc.parameters:
            reader.known("parameter", name, self._definition.parameters, "parameters", name)
        signals = signals_of(doc.signals, self._start, self.moment, self._setting.site, reader)
        parts = parts_of(doc.answers, self._names, self.moment, reader)
        plant = self._plant()
        commands = self._commands()
        expectations = expecting.read(doc.expect, self._names, self.moment, reader)
        reader.check()
        opening = self._opening(signals)
        return Scenario(
            file=reader.file,
            text=self._text,
            title=doc.scenario,
            definition=self._definition,
            start=self._start,
            zone=self._zone,
            opening=opening,
            plant=plant,
            script=Script([part for part in parts if part.at is None]),
            happenings=Happenings(
                signals=opening.joins if opening else (),
                unasked=[unasked for part in parts if (unasked := part.unasked()) is not None],
                commands=commands,
            ),
            expectations=expectations,
        )

    def moment(self, text: str) -> datetime:
        """`13m` after the start, `14:00`, `tue 06:00`, or an ISO time. Raises ValueError."""
        if sentences.is_span(text):
            return self._start + duration(text)
        check_moment(text)
        return self._clock.moment(text, self._start)

    def _starts(self) -> datetime:
        text = self._doc.starts
        try:
            check_moment(text)
            return parse_time(text) if text[:4].isdigit() else self._clock.moment(text, _MONDAY)
        except ValueError as error:
            self._reader.wrong(str(error), "starts")
            return _MONDAY

    def _people(self) -> Roster:
        """The site's people with this scenario's changes."""
        known = {} if self._doc.just_these_people else {person.id: person for person in self._setting.roster.people}
        everybody = {person.id: person for person in self._setting.roster.people}
        for name, fields in self._doc.people.items():
            base = everybody[name].model_dump(mode="json") if name in everybody else {"id": name, "name": name}
            try:
                known[name] = Person.model_validate(base | fields)
            except ValidationError as error:
                for item in error.errors():
                    _misfit(self._reader, {**item, "loc": ("people", name, *item["loc"])})
        shifts = {shift.name: shift for shift in [*self._setting.roster.shifts, *self._doc.shifts]}
        for person in known.values():
            for shift in person.shifts:
                self._reader.known("shift", shift, shifts, "people", person.id, "shifts")
        return Roster(shifts=list(shifts.values()), people=list(known.values()))

    def _calendar(self) -> SiteCalendar:
        holidays = [date.fromisoformat(day) for day in self._doc.holidays]
        return SiteCalendar(
            timezone=self._zone,
            shifts=self._roster.shifts,
            business_hours=self._doc.business_hours,
            holidays=holidays,
        )

    def _plant(self) -> Plant:
        given = self._setting.answers(self._start)
        for name in self._doc.systems:
            self._reader.known("system", name, SYSTEMS, "systems", name)
        systems = {
            name: self._system(name, self._doc.systems.get(name, SystemDoc()), given.get(name, {}))
            for name in {*given, *self._doc.systems}
        }
        return Plant(self._roster, self._zone, systems, agents=self._agents())

    def _system(self, name: str, doc: SystemDoc, given: Mapping[str, Any]) -> SimulatedSystem:
        for query in doc.answers:
            if not query.startswith(f"{name}."):
                self._reader.wrong(f"'{query}' is no query of {name}", "systems", name, "answers", query)
        outages = self._outages(doc.down, "systems", name)
        return SimulatedSystem(
            name,
            answers={**given, **{query: sentences.shifted(value, self._start) for query, value in doc.answers.items()}},
            outages=outages,
            takes=duration(doc.takes),
            refuses={"*": doc.refuses} if isinstance(doc.refuses, str) and doc.refuses else dict(doc.refuses or {}),
        )

    def _agents(self) -> dict[str, SimulatedAgent]:
        """By name; both the agents and the steps that ask them have to be in the definition."""
        definitions = [self._definition, *self._definition.bundled.values()]
        steps = [step for one in definitions for _, step in walk(one.steps) if isinstance(step, AgentStep)]
        found = {}
        for name, doc in self._doc.agents.items():
            self._reader.known("agent", name, {step.use for step in steps}, "agents", name)
            asked = {step.agent for step in steps if step.use == name}
            for step in doc.answers:
                self._reader.known("step of this agent", step, asked, "agents", name, "answers", step)
            found[name] = SimulatedAgent(
                answers=doc.answers,
                outages=self._outages(doc.down, "agents", name),
                takes=duration(doc.takes),
                stopped=doc.stopped,
                confidence=doc.confidence,
            )
        return found

    def _outages(self, texts: Sequence[str], *path: str) -> list[Outage]:
        outages = []
        for index, text in enumerate(texts):
            try:
                outages.append(self._outage(text))
            except ValueError as error:
                self._reader.wrong(str(error), *path, "down", index)
        return outages

    def _outage(self, text: str) -> Outage:
        if text == "always":
            return Outage(self._start)
        words = text.removeprefix("from ").split(" to ")
        end = self.moment(words[1]) if len(words) == 2 else None
        return Outage(self.moment(words[0]), end)

    def _commands(self) -> list[Command]:
        return [self._command(index) for index in range(len(self._doc.commands))]

    def _command(self, index: int) -> Command:
        doc = self._doc.commands[index]
        self._reader.known("person", doc.by, self._names.people, "commands", index, "by")
        try:
            at = self.moment(doc.at)
        except ValueError as error:
            self._reader.wrong(str(error), "commands", index, "at")
            at = self._start
        name = next((person.name for person in self._roster.people if person.id == doc.by), doc.by)
        return Command(
            id=f"command-{index}", seq=2_000_000 + index, kind=doc.command, person=doc.by, person_name=name,
            reason=doc.reason, step=self._path(doc.step, index), values=doc.values, received_at=at,
        )  # fmt: skip

    def _path(self, name: str, index: int) -> str:
        """A step is named by its name or its path."""
        paths = paths_of(self._definition)
        if not name or name in paths.values():
            return name
        self._reader.known("step", name, paths, "commands", index, "step")
        return paths.get(name, name)

    def _opening(self, signals: list[OpeningSignal]) -> Opening | None:
        parameters = self._setting.site.parameters.get(self._definition.definition, {}) | self._doc.parameters
        return Opener(self._definition, self._setting.site, parameters, self._calendar()).first(signals)


def paths_of(definition: Definition) -> dict[str, str]:
    """Step name -> path, of the definition's own steps."""
    return {step_name(step): path for path, step in walk(definition.steps) if step_name(step)}


__all__ = ["Names", "Part", "Scenario", "definition_of", "load"]
