"""An exception type as authored: one document, no Python. The model; `definition_text` reads it from YAML."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, field_validator

from domain.language.agents import AgentStep
from domain.language.parts import Ask, Expression, Identifier, Part, Rung, Span, To
from domain.language.steps import (
    NAMED_KINDS,
    STEP_KINDS,
    STEP_MODELS,
    ApproveStep,
    CallStep,
    DecideStep,
    ForEachStep,
    IfStep,
    NotifyStep,
    ParallelStep,
    PostStep,
    ProposeStep,
    RepeatStep,
    Step,
    SwitchStep,
    TaskStep,
    WaitStep,
    children,
    step_kind,
    step_name,
)
from domain.language.texts import Text, every, words
from domain.signals import SignalType
from domain.values import Json, content_hash

__all__ = [
    "NAMED_KINDS",
    "STEP_KINDS",
    "STEP_MODELS",
    "AgentStep",
    "ApproveStep",
    "Ask",
    "CallStep",
    "DecideStep",
    "ForEachStep",
    "IfStep",
    "NotifyStep",
    "ParallelStep",
    "PostStep",
    "ProposeStep",
    "RepeatStep",
    "Rung",
    "Step",
    "SwitchStep",
    "TaskStep",
    "To",
    "WaitStep",
    "children",
    "step_kind",
    "step_name",
]


class Under(Part):
    """A parent: while an exception of that definition is open under that key, the signal joins it and opens nothing."""

    definition: Identifier
    key: Expression


class Opens(Part):
    """When a signal opens an exception. `one_per` is the correlation key: while one is open, later signals join it.

    settle: on-delay (ISA-18.2), kept by intake. priority: low, medium, high, or an =expression, looked at again when
    the context is known. safety: neither delay, parent, shelf nor rollout suppresses it.
    """

    on: list[SignalType] = Field(min_length=1)
    when: str = "true"
    one_per: list[str] = Field(min_length=1)
    settle: Span = "0s"
    priority: str = "medium"
    under: list[Under] = []
    safety: bool = False


class ContextQuery(Part):
    """A named query on a connected system, with a deadline; `otherwise` is shown and used when it can't be had.

    retries: how often it is asked again within the gathering. required: the steps wait until it could be had; the
    definition's owner is told meanwhile.
    """

    from_: str = Field(alias="from", pattern=r"^(erp|mes|machine|roster|history)\.[a-z_]+$")
    where: dict[str, Json] = {}
    within: Span = "5s"
    otherwise: Json = None
    retries: int = Field(default=0, ge=0, le=5)
    required: bool = False


class Closes(Part):
    """When the exception may end early: the condition is looked at whenever something happened, and must hold for
    `off_delay` (ISA-18.2). Empty = after the last step. `within`: it ends as `expired` at the latest then."""

    when: str = ""
    off_delay: Span = "0s"
    within: Span = "72h"


class StandingLimits(Part):
    """How far a standing authority goes. `per_hour`, `per_day`: so many postings of this definition; `quantity`,
    `money`: what one posting moves at most. What is beyond waits for somebody's decision."""

    per_hour: int | None = Field(default=None, ge=1)
    per_day: int | None = Field(default=None, ge=1)
    quantity: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    money: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @property
    def limits_anything(self) -> bool:
        return any(limit is not None for limit in (self.per_hour, self.per_day, self.quantity, self.money))


class StandingAuthority(Part):
    """What this definition may post at once, without a decision: protective and reversible outcomes only, within
    limits."""

    outcomes: list[Literal["hold_lot", "record_downtime", "set_order_status"]] = Field(min_length=1)
    reason: str
    limits: StandingLimits = StandingLimits()


class Definition(Part):
    """A whole exception type. Without `opens` it is a part for others to `call`: `takes` names what it is given
    beside its parameters, `gives` what the caller reads afterwards. `bundled` holds the called definitions as they
    were when this version was made; publishing fills it in, authors don't."""

    definition: Identifier
    title: Text
    owner: str
    description: str = ""
    parameters: dict[Identifier, Json] = {}
    opens: Opens | None = None
    gives: dict[Identifier, Json] = {}
    standing_authority: StandingAuthority | None = None
    context: dict[Identifier, ContextQuery] = {}
    steps: list[Step] = Field(min_length=1)
    closes: Closes = Closes()
    bundled: dict[Identifier, "Definition"] = {}

    @field_validator("title")
    @classmethod
    def _titled(cls, title: Text) -> Text:
        if not all(every(title)):
            raise ValueError("a title must not be empty")
        return title

    @cached_property
    def title_words(self) -> frozenset[str]:
        """What stands in its title."""
        return words(self.title)

    @cached_property
    def asks_agents(self) -> bool:
        """Does one of its own steps ask an agent? (`bundled` may differ in a copy, its steps never do.)"""
        return any(isinstance(step, AgentStep) for _, step in walk(self.steps))

    @cached_property
    def found_steps(self) -> dict[str, Any]:
        """Its own steps by path, as `step_at` was asked for them."""
        return {}

    def content(self) -> dict[str, Json]:
        """The normalised content, by which a version is addressed."""
        dumped: dict[str, Json] = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return dumped

    def version(self) -> str:
        """SHA-256 of the normalised content."""
        return content_hash(self.content())


def walk(steps: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every step with its path (`1.planning.0`), parents before children."""
    for index, step in enumerate(steps):
        path = f"{prefix}{index}"
        yield path, step
        for label, _, inner in children(step):
            yield from walk(inner, f"{path}.{label}.")


def step_at(definition: Definition, path: str) -> Any:
    """The step at a path as it runs (`2.do[3].0`, `1.call.0`). Raises KeyError when there is none."""
    still, known = _LOOP.sub("", path), definition.found_steps
    if still not in known:
        found = _step_at(definition, still, path)
        if "call" in still:
            return found
        known[still] = found
    return known[still]


def _step_at(definition: Definition, still: str, path: str) -> Any:
    steps: list[Any] = definition.steps
    step: Any = None
    for part in still.split("."):
        if part == "call" and isinstance(step, CallStep):
            definition = definition.bundled[step.definition]
            steps = definition.steps
        elif part.isdigit():
            if int(part) >= len(steps):
                raise KeyError(path)
            step = steps[int(part)]
        elif step is None:
            raise KeyError(path)
        else:
            steps = next((inner for label, _, inner in children(step) if label == part), [])
    if step is None:
        raise KeyError(path)
    return step


def document_path(definition: Definition, path: str) -> tuple[str | int, ...]:
    """Where the step at this path stands in the YAML document: `steps, 1, parallel, planning, 0`."""
    found: list[str | int] = ["steps"]
    steps: list[Any] = definition.steps
    for part in _LOOP.sub("", path).split("."):
        if part.isdigit():
            found.append(int(part))
            step = steps[int(part)]
        else:
            keys, steps = next((keys, inner) for label, keys, inner in children(step) if label == part)
            found += keys
    return tuple(found)


_LOOP = re.compile(r"\[\d+\]")
