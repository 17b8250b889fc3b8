"""One scenario played with a definition that is still being written: the expectations, the timeline, and the drawing
with the way that it went. And the scenarios that ship, to begin from."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from authoring.drawing import Drawing, draw
from authoring.drawing_story import Event, Happened, overlay
from authoring.scenarios import reading
from authoring.scenarios.coverage import coverage_of
from authoring.scenarios.playing import Played, offset, play
from authoring.scenarios.setting import Setting
from authoring.scenarios.timeline import timeline
from domain.language.definition import Definition
from domain.language.definition_text import Marks

_FIRST_LINE = re.compile(r"^scenario:\s*(.+?)\s*$", re.M)
_ABOUT = re.compile(r"^definition:.*$", re.M)
_STARTER = """scenario: What happens, in a few words
definition: {name}
starts: mon 09:00
signals:
  - {{at: 0s, type: machine.state, equipment: lathe-1, state: aborted}}
answers: {{}}
expect:
  ends: completed
"""


@dataclass(frozen=True)
class Example:
    """A scenario to begin from: of which definition, what it tells, its text."""

    definition: str
    title: str
    text: str


@dataclass(frozen=True)
class Tried:
    """`lines`: the timeline, with `+` and `-` before what was expected. `missed`: what of the definition it did not go
    through; `drawing`: the way it went, None when nothing was opened."""

    title: str
    passed: bool
    opened: bool
    expectations: Sequence[tuple[str, bool, str]]
    lines: Sequence[str]
    took: str
    steps: tuple[int, int]
    ways: tuple[int, int]
    missed: Sequence[str]
    drawing: Drawing | None


def examples(definition: str) -> list[Example]:
    """The shipped scenarios as scenarios of this definition; its own first, and one to write from nothing."""
    starter = Example(definition, "An empty one", _STARTER.format(name=definition))
    found = [
        Example(one.definition, one.title, _ABOUT.sub(f"definition: {definition}", one.text, count=1))
        for one in _shipped()
    ]
    return [*sorted(found, key=lambda one: one.definition != definition), starter]


@lru_cache(maxsize=1)
def _shipped() -> tuple[Example, ...]:
    return tuple(_read())


def _read() -> Iterator[Example]:
    folder = files("workflows") / "definitions" / "scenarios"
    for own in sorted(folder.iterdir(), key=lambda one: one.name):
        for file in sorted(own.iterdir(), key=lambda one: one.name):
            text = file.read_text(encoding="utf-8")
            title = _FIRST_LINE.search(text)
            if file.name.endswith(".yaml") and title:
                yield Example(own.name, title[1].strip("\"'"), text)


def try_out(definition: Definition, scenario: str, setting: Setting, marks: Marks | None = None) -> Tried:
    """Raises ScenarioError with what is wrong in the scenario, EndlessError when it comes to no end."""
    read = reading.load(scenario, "scenario", definition, setting)
    coverage = coverage_of(definition)
    played = play(read, coverage)
    gone, steps, taken, ways = coverage.counts()
    return Tried(
        title=read.title,
        passed=played.passed,
        opened=played.story is not None,
        expectations=[(one.text, result.ok, result.got) for one, result in played.results],
        lines=timeline(played),
        took=_took(played),
        steps=(gone, steps),
        ways=(taken, ways),
        missed=coverage.missing(),
        drawing=_went(played, marks),
    )


def _took(played: Played) -> str:
    end = played.story.closed_at if played.story else None
    return offset(end, played.scenario.start) if end else ""


def _went(played: Played, marks: Marks | None) -> Drawing | None:
    story, scenario = played.story, played.scenario
    if story is None:
        return None
    names = {person.id: person.name for person in scenario.plant.roster.people}
    events = [
        Event(entry.at, entry.kind, entry.step, names.get(entry.person or "", ""), entry.data)
        for entry in story.entries
    ]
    happened = Happened(scenario.start, story.closed_at, events)
    return overlay(draw(scenario.definition, marks), happened)
