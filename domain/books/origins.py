"""Where each value of a posting comes from: what its field says in the definition, and what that reads, back to the
signal, the systems that were asked and the people who answered. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.language.agents import AgentStep
from domain.language.definition import Definition, step_at, walk
from domain.language.steps import (
    ApproveStep,
    ForEachStep,
    PostStep,
    ProposeStep,
    TaskStep,
    children,
    step_name,
)
from domain.values import Json

_STRING = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_LOOP = re.compile(r"\[\d+\]")
_OF_THE_SIGNAL = frozenset({"signal", "equipment", "opened_at", "exception"})
_SITE = frozenset({"params", "site"})


@dataclass(frozen=True)
class Source:
    """`kind`: signal, site (its document and parameters), asked (a system: `of` is the query), answer, decision, plan,
    agent, or step (worked out by the definition). `name`: as the definition calls it."""

    kind: str
    name: str
    of: str = ""


@dataclass(frozen=True)
class Origin:
    """A field of an outcome. `says`: as the definition has it; `sources`: nearest first; none: the definition itself
    says the value."""

    outcome: int
    field: str
    says: str
    sources: tuple[Source, ...] = ()


def origins(definition: Definition, path: str) -> list[Origin]:
    """Of the posting at this path of the exception as it ran; empty when the step is no posting."""
    try:
        step = step_at(definition, path)
    except KeyError:
        return []
    if not isinstance(step, PostStep):
        return []
    known = _known(_scope(definition, path))
    found = []
    for number, outcome in enumerate(step.outcomes):
        for values in outcome.values():
            for name, value in (values if isinstance(values, dict) else {}).items():
                sources = tuple(_sources(value, known))
                found.append(Origin(number, name, _said(value), sources))
    return found


def _scope(definition: Definition, path: str) -> Definition:
    """The definition that the step is part of: a called one has names of its own."""
    called = _LOOP.sub("", path).split(".call.")
    for step_path in called[:-1]:
        definition = definition.bundled[step_at(definition, step_path).definition]
    return definition


@dataclass(frozen=True)
class _Named:
    source: Source
    reads: tuple[Json, ...] = ()


def _known(definition: Definition) -> dict[str, _Named]:
    """Every name that an expression may read, with what it reads itself."""
    known = {name: _Named(Source("signal", name)) for name in _OF_THE_SIGNAL}
    known |= {name: _Named(Source("site", name)) for name in _SITE}
    for name, query in definition.context.items():
        known[name] = _Named(Source("asked", name, query.from_), (dict(query.where),))
    for _, step in walk(definition.steps):
        if isinstance(step, ForEachStep):
            known[step.each] = _Named(Source("step", step.each), (step.in_,))
        if name := step_name(step):
            known[name] = _Named(Source(_kind(step), name), (_read_by(step),))
    return known


def _read_by(step: Any) -> Json:
    """What its result is worked out of. What somebody answers is theirs."""
    if isinstance(step, TaskStep):
        return None
    if isinstance(step, ApproveStep):
        return step.options
    if isinstance(step, ProposeStep):
        return step.where
    return step.model_dump(mode="json", exclude=_inside(step))


def _kind(step: object) -> str:
    if isinstance(step, TaskStep):
        return "answer"
    if isinstance(step, ApproveStep):
        return "decision"
    if isinstance(step, AgentStep):
        return "agent"
    return "plan" if isinstance(step, ProposeStep) else "step"


def _inside(step: object) -> set[str]:
    """The keys of other steps within this one."""
    return {keys[0] + "_" * (keys[0] == "else") for _, keys, _ in children(step)}


def _sources(value: Json, known: Mapping[str, _Named]) -> list[Source]:
    """Breadth first: what the field reads, what that reads, and so on."""
    found: dict[str, Source] = {}
    waiting = list(_names(value))
    while waiting:
        name = waiting.pop(0)
        if name in known and name not in found:
            found[name] = known[name].source
            waiting += [inner for part in known[name].reads for inner in _names(part)]
    return list(found.values())


def _names(value: Json) -> Iterator[str]:
    """First parts of the names that its expressions and texts read."""
    if isinstance(value, Mapping):
        for part in value.values():
            yield from _names(part)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part)
    elif isinstance(value, str) and (value.startswith("=") or "{{" in value):
        yield from _NAME.findall(_STRING.sub("", value))


def _said(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_said(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_said(part) for part in value)
    return str(value)
