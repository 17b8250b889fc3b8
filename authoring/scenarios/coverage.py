"""Which steps and branches of a definition the scenarios went through."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from authoring.simulator.effects import Story
from domain.language.agents import AgentStep
from domain.language.definition import Definition, walk
from domain.language.definition_text import Marks
from domain.language.steps import (
    ApproveStep,
    DecideStep,
    IfStep,
    PostStep,
    RepeatStep,
    SwitchStep,
    TaskStep,
    WaitStep,
    step_kind,
    step_name,
)
from domain.values import Json
from workflows.steps.registry import STEPS

_TURN = re.compile(r"\[\d+\]")
Point = tuple[str, str]
"""A step path without loop turns, and which way it went; the empty way is the step itself."""


@dataclass
class Coverage:
    """Points of one definition (its own steps; called parts have scenarios of their own) and those gone through."""

    points: list[Point]
    names: dict[str, str]
    seen: set[Point] = field(default_factory=set)

    @property
    def share(self) -> float:
        """0 to 1."""
        return sum(point in self.seen for point in self.points) / len(self.points)

    def counts(self) -> tuple[int, int, int, int]:
        """Steps gone through, steps, branches gone through, branches."""
        steps = [point for point in self.points if not point[1]]
        ways = [point for point in self.points if point[1]]
        return sum(p in self.seen for p in steps), len(steps), sum(p in self.seen for p in ways), len(ways)

    def missing(self) -> list[str]:
        """What no scenario goes through, as its author knows it."""
        return [
            f"{self.names[path]}{': ' + way if way else ''}"
            for path, way in self.points
            if (path, way) not in self.seen
        ]

    def kinds(self) -> Mapping[str, Callable[[Any, Any], Awaitable[None]]]:
        """The kinds of steps, watched."""
        return {kind: self._watched(run) for kind, run in STEPS.items()}

    def watch(self, story: Story) -> None:
        """What is seen from the story: rungs of ladders, reminders."""
        for entry in story.entries:
            if entry.kind == "asked" and entry.data.get("rung"):
                self._saw(entry.step, f"rung {entry.data['rung']}")
            if entry.kind == "overdue":
                self._saw(entry.step, "time is up")

    def _watched(self, run: Callable[[Any, Any], Awaitable[None]]) -> Callable[[Any, Any], Awaitable[None]]:
        async def watched(place: Any, step: Any) -> None:
            self._saw(place.path, "")
            await run(place, step)
            name = step_name(step)
            result = place.frame.scope.get(name) if name else None
            for way in _went(step, place.kept, result):
                self._saw(place.path, way)

        return watched

    def _saw(self, path: str, way: str) -> None:
        static = _TURN.sub("", path).split(".person")[0]
        self.seen.add((static, way))


def coverage_of(definition: Definition, marks: Marks | None = None) -> Coverage:
    """Nothing seen yet."""
    points: list[Point] = []
    names: dict[str, str] = {}
    for path, step in walk(definition.steps):
        names[path] = step_name(step) or f"{step_kind(step)} at step {path}"
        points.append((path, ""))
        points += [(path, way) for way in _ways(step)]
    return Coverage(points, names)


def _ways(step: Any) -> Iterator[str]:
    """Which ways a step can go."""
    if isinstance(step, IfStep):
        yield from ("then", "else")
    elif isinstance(step, SwitchStep):
        yield from (*(f"case {name}" for name in step.cases), "else")
    elif isinstance(step, DecideStep):
        yield from (*(f"rule {number}" for number in range(1, len(step.table()) + 1)), "no rule")
    elif isinstance(step, RepeatStep):
        yield from ("met", "given up")
    elif isinstance(step, WaitStep):
        yield "met"
        if step.until or step.signal:
            yield "time is up"
    elif isinstance(step, TaskStep):
        yield "done"
        if step.within:
            yield "time is up"
    elif isinstance(step, ApproveStep):
        yield from ("approved", "rejected", "time is up")
    elif isinstance(step, PostStep | AgentStep):
        yield from ("posted",) if isinstance(step, PostStep) else ("proposed", "no proposal")
    if isinstance(step, TaskStep | ApproveStep):
        yield from (f"rung {number}" for number in range(1, len(step.ladder) + 1))


def _went(step: Any, kept: dict[str, Json], result: Json) -> Iterator[str]:
    """Which way it went, as far as that can be told when it ends."""
    if isinstance(step, IfStep):
        yield str(kept["chosen"])
    elif isinstance(step, SwitchStep):
        yield f"case {kept['chosen']}" if kept["chosen"] in step.cases else "else"
    elif isinstance(step, DecideStep):
        rules = [one["rule"] for one in result["all"]] if step.hit == "collect" else [result["rule"]]
        yield from (f"rule {number}" if number else "no rule" for number in rules or [0])
    elif isinstance(step, RepeatStep):
        yield "met" if result["met"] else "given up"
    elif isinstance(step, WaitStep):
        yield "met" if result["met"] else "time is up"
    elif isinstance(step, TaskStep):
        yield "done" if "done_at" in result else "time is up"
    elif isinstance(step, AgentStep):
        yield "proposed" if result["source"] == "agent" else "no proposal"
    elif isinstance(step, ApproveStep):
        yield "time is up" if result["verdict"] == "expired" else result["verdict"]
    elif isinstance(step, PostStep):
        yield "posted"
