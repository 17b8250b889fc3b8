"""A definition as a tree to draw: steps in their order, branches inside them, with kind, title, who and times.

Pure, and no picture yet: a page or a terminal lays it out. `authoring.drawing_story` puts on it what has happened.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from authoring.diff_words import said, who
from domain.language.definition import (
    AgentStep,
    ApproveStep,
    CallStep,
    DecideStep,
    Definition,
    ForEachStep,
    IfStep,
    NotifyStep,
    PostStep,
    ProposeStep,
    RepeatStep,
    SwitchStep,
    TaskStep,
    WaitStep,
    document_path,
    step_kind,
    step_name,
)
from domain.language.definition_text import Marks, shape
from domain.language.steps import children
from domain.language.texts import pick
from domain.values import Json

Status = Literal["done", "running", "waiting", "failed", "next", "passed", "ahead"]
_PARAMETER = re.compile(r"=\s*params\.([a-z][a-z0-9_]*)\s*", re.ASCII)
_DEEPEST = 12  # calls inside calls; publishing refuses circles


@dataclass(frozen=True)
class Detail:
    """One line about a step. `what` is a stable word (to, offer, accept_within, ladder, within ...), which whoever
    lays it out puts into the reader's words; `value` is as authored, with parameters filled in."""

    what: str
    value: str
    who: str = ""


@dataclass(frozen=True)
class State:
    """What became of a step. `since` and `until` are aware; `people`: who has it, else who was asked; `turns`: how
    often a loop around it came by."""

    status: Status
    since: datetime | None = None
    until: datetime | None = None
    people: tuple[str, ...] = ()
    reason: str = ""
    turns: int = 1


@dataclass(frozen=True)
class Branch:
    """A sequence inside a step. `label` is its name in a step path: a parallel branch's name, then, else, case:x, do,
    undo, call."""

    label: str
    steps: tuple["Node", ...]


@dataclass(frozen=True)
class Node:
    """A step. `path` as in the interpreter (`1.planning.0`); `line` is where it stands in the text, 0 when unknown;
    `head`: its condition, list or table in one line."""

    path: str
    kind: str
    name: str
    title: str = ""
    head: str = ""
    details: tuple[Detail, ...] = ()
    branches: tuple[Branch, ...] = ()
    line: int = 0
    state: State | None = None


@dataclass(frozen=True)
class Drawing:
    """The whole. `opens` and `closes` as authored; `live`: it carries what happened."""

    name: str
    title: str
    opens: tuple[Detail, ...]
    context: tuple[Detail, ...]
    steps: tuple[Node, ...]
    closes: tuple[Detail, ...]
    live: bool = False


def draw(definition: Definition, marks: Marks | None = None, parameters: Mapping[str, Json] | None = None) -> Drawing:
    """The tree of a definition; `marks` (of `definition_text.read`) say where its steps stand in the text.
    `parameters`: the site's own values, where they are not the definition's."""
    pen = _Pen(
        definition.model_copy(update={"parameters": {**definition.parameters, **(parameters or {})}}), marks or {}
    )
    return Drawing(
        name=definition.definition,
        title=pick(definition.title),
        opens=tuple(pen.opens()),
        context=tuple(Detail("query", query.from_, name) for name, query in definition.context.items()),
        steps=pen.sequence(definition.steps, ""),
        closes=tuple(pen.closes()),
    )


def as_written(content: Json, text: str) -> Definition:
    """A published version with its parts in the author's order: the database keeps content, and forgets the order of
    keys. A text of an older language, which reads otherwise today, is left aside."""
    stored = Definition.model_validate(content)
    written, _, _ = shape(text, "")
    if written is None:
        return stored
    whole = written.model_copy(update={"bundled": stored.bundled})
    return whole if whole.version() == stored.version() else stored


def nodes(steps: tuple[Node, ...]) -> Iterator[Node]:
    """Every node, parents before what is inside."""
    for node in steps:
        yield node
        for branch in node.branches:
            yield from nodes(branch.steps)


class _Pen:
    """Draws the steps of one definition; of a called one another pen does."""

    def __init__(self, definition: Definition, marks: Marks, above: str = "", depth: int = 0) -> None:
        self._definition, self._marks, self._above, self._depth = definition, marks, above, depth

    def opens(self) -> Iterator[Detail]:
        opens = self._definition.opens
        if opens is None:
            return
        yield Detail("on", ", ".join(opens.on))
        yield from self._given(opens, "when", "settle", unless={"when": "true", "settle": "0s"})
        yield Detail("one_per", ", ".join(opens.one_per))

    def closes(self) -> Iterator[Detail]:
        yield from self._given(self._definition.closes, "when", "off_delay", "within", unless={"off_delay": "0s"})

    def sequence(self, steps: list[Any], prefix: str) -> tuple[Node, ...]:
        return tuple(self._node(step, f"{prefix}{index}") for index, step in enumerate(steps))

    def _node(self, step: Any, path: str) -> Node:
        return Node(
            path=f"{self._above}{path}",
            kind=step_kind(step) or "",
            name=step_name(step),
            title=pick(getattr(step, "title", "")),
            head=self.value(_head(step)),
            details=tuple(self._details(step)),
            branches=tuple(self._branches(step, path)),
            line=self._line(path),
        )

    def _line(self, path: str) -> int:
        found = self._marks.get(document_path(self._definition, path)) if self._marks else None
        return found.line if found else 0

    def _branches(self, step: Any, path: str) -> Iterator[Branch]:
        for label, _, inner in children(step):
            if inner:
                yield Branch(label, self.sequence(inner, f"{path}.{label}."))
        called = self._definition.bundled.get(step.definition) if isinstance(step, CallStep) else None
        if called is not None and self._depth < _DEEPEST:
            pen = _Pen(called, {}, f"{self._above}{path}.call.", self._depth + 1)
            yield Branch("call", pen.sequence(called.steps, ""))

    def _details(self, step: Any) -> Iterator[Detail]:
        if step.only_if:
            yield Detail("only_if", step.only_if)
        if isinstance(step, TaskStep | NotifyStep | ApproveStep):
            yield Detail("to", self._who(step.to))
        yield from self._given(step, *_FIELDS.get(type(step), ()), unless=_USUAL)
        for rung in getattr(step, "ladder", ()):
            yield Detail("ladder", self.value(rung.after), self._who(rung.to))
        if isinstance(step, PostStep):
            yield from (Detail("outcome", kind) for outcome in step.outcomes for kind in outcome)
        yield from self._given(step, "on_failure", unless={"on_failure": "continue"})

    def _who(self, to: Any) -> str:
        return who(_without_signs(to.model_dump(mode="json")))

    def _given(self, part: Any, *names: str, unless: Mapping[str, Json]) -> Iterator[Detail]:
        for name in names:
            value = getattr(part, name)
            if value not in (None, "", [], {}, False) and value != unless.get(name):
                yield Detail(name, self.value(value))

    def value(self, value: Json) -> str:
        """As people read it; a parameter as the value that it has in this definition."""
        found = _PARAMETER.fullmatch(value) if isinstance(value, str) else None
        if found and found[1] in self._definition.parameters:
            value = self._definition.parameters[found[1]]
        if isinstance(value, dict):
            return ", ".join(value)
        return said(value).removeprefix("=") if value != "" else ""


_USUAL: Mapping[str, Json] = {"offer": "first_to_accept", "quorum": 1, "risk": "normal", "every": "0s", "hit": "first"}
_FIELDS: Mapping[type, tuple[str, ...]] = {
    TaskStep: ("offer", "ask", "accept_within", "remind_after", "release_after", "within"),
    ApproveStep: ("authority", "risk", "quorum", "not_by", "within", "on_timeout"),
    WaitStep: ("within",),
    ProposeStep: ("using", "within"),
    AgentStep: ("use", "given", "returns", "within"),
    PostStep: ("to", "decision", "standing"),
    DecideStep: ("hit",),
    CallStep: ("definition",),
    ForEachStep: ("each", "at_most", "together"),
    RepeatStep: ("until", "at_most", "every"),
}


def _head(step: Any) -> str:
    """What decides which way it goes, or until when it stays."""
    if isinstance(step, WaitStep):
        signal = ", ".join(step.signal.type) if step.signal else ""
        return step.until or signal or step.at
    if isinstance(step, AgentStep):
        return step.goal
    if isinstance(step, ForEachStep):
        return step.in_ if isinstance(step.in_, str) else said(step.in_)
    if isinstance(step, DecideStep):
        return "; ".join(rule.when for rule in step.table())
    return step.if_ if isinstance(step, IfStep) else step.switch if isinstance(step, SwitchStep) else ""


def _without_signs(to: dict[str, Json]) -> dict[str, Json]:
    """`=equipment.skill` as `equipment.skill`: in a drawing it is plain that it is looked up."""
    return {name: value.removeprefix("=") if isinstance(value, str) else value for name, value in to.items()}


def with_states(drawing: Drawing, states: Mapping[str, State]) -> Drawing:
    """The same drawing with a state on each step that has one; by path."""
    return replace(drawing, steps=_stated(drawing.steps, states), live=True)


def _stated(steps: tuple[Node, ...], states: Mapping[str, State]) -> tuple[Node, ...]:
    return tuple(
        replace(
            node,
            state=states.get(node.path),
            branches=tuple(replace(branch, steps=_stated(branch.steps, states)) for branch in node.branches),
        )
        for node in steps
    )
