"""An exception type as authored: one document, no Python. The model; `domain.definition_text` reads it from YAML."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from domain.outcomes import System
from domain.signals import SignalType
from domain.values import Json, content_hash, duration

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,60}$")]
TextTemplate = Annotated[str, Field(min_length=1, max_length=4000)]


def _duration_or_expression(value: str) -> str:
    if not value.startswith("="):
        duration(value)
    return value


Span = Annotated[str, Field(description="90s, 5m, 2h, or =expression giving such a text")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @field_validator("within", "after", "settle", "accept_within", check_fields=False)
    @classmethod
    def _spans(cls, value: str | None) -> str | None:
        return None if value is None else _duration_or_expression(value)


class Opens(_Part):
    """When a signal opens an exception. `one_per` is the correlation key: while one is open, later signals join it."""

    on: list[SignalType] = Field(min_length=1)
    when: str = "true"
    one_per: list[str] = Field(min_length=1)
    settle: Span = "0s"
    priority: str = "medium"


class ContextQuery(_Part):
    """A named query on a connected system, with a deadline; `otherwise` is shown and used when it can't be had."""

    from_: str = Field(alias="from", pattern=r"^(erp|mes|machine|roster|history)\.[a-z_]+$")
    where: dict[str, Json] = {}
    within: Span = "5s"
    otherwise: Json = None
    required: bool = False


class To(_Part):
    """Who is asked; every value may be an =expression."""

    role: str = ""
    skill: str = ""
    area: str = ""
    person: str = ""
    authority: str = ""


class Rung(_Part):
    """One step of a ladder: whom to ask as well, how long after the task was sent."""

    to: To
    after: Span


class Ask(_Part):
    """A value asked for: free text, a duration, or one of `choices` (shown as buttons)."""

    kind: Literal["text", "duration", "choice"] = "text"
    label: str = ""
    choices: list[str] = []
    required: bool = False


class _Told(_Part):
    """What every step that speaks to people has; texts are Jinja templates, a default exists for each channel."""

    to: To
    title: TextTemplate = ""
    text: str = ""
    facts: dict[str, str] = {}


class TaskStep(_Told):
    task: Identifier
    offer: Literal["first_to_accept", "everyone"] = "first_to_accept"
    ask: dict[Identifier, Ask] = {}
    buttons: list[Literal["arrived", "done"]] = []
    accept_within: Span | None = None
    ladder: list[Rung] = []
    within: Span | None = None
    otherwise: dict[str, Json] = {}
    authority: str = ""


class NotifyStep(_Told):
    notify: Identifier


class ApproveStep(_Told):
    """A decision. A timeout is never a silent yes or no: it escalates, or ends as `expired`, which the author
    handles."""

    approve: Identifier
    options: Json
    authority: str
    risk: Literal["low", "normal", "high"] = "normal"
    within: Span
    on_timeout: Literal["escalate", "expire"] = "escalate"
    ladder: list[Rung] = []


class WaitStep(_Part):
    wait: Identifier
    until: str = "false"
    within: Span


class ProposeStep(_Part):
    propose: Identifier
    using: Literal["push_right", "rush_insert"]
    where: dict[str, Json] = {}
    within: Span = "30s"


class PostStep(_Part):
    """One transaction for one system. It needs a decision, or the definition's standing authority (protective
    outcomes only)."""

    post: Identifier
    to: System
    outcomes: list[dict[str, Json]] = Field(min_length=1)
    decision: str = ""
    standing: bool = False


class ParallelStep(_Part):
    parallel: dict[Identifier, "list[Step]"] = Field(min_length=1)


class IfStep(_Part):
    if_: str = Field(alias="if")
    then: "list[Step]" = Field(min_length=1)
    else_: "list[Step]" = Field(alias="else", default=[])


STEP_KINDS = ("task", "notify", "approve", "wait", "propose", "post", "parallel", "if")


def step_kind(value: Any) -> str | None:
    """Which kind a step is: the one of STEP_KINDS that it has as a key."""
    keys = value.keys() if isinstance(value, dict) else {_alias(name) for name in type(value).model_fields}
    return next((kind for kind in STEP_KINDS if kind in keys), None)


def _alias(name: str) -> str:
    return name.rstrip("_")


Step = Annotated[
    Annotated[TaskStep, Tag("task")]
    | Annotated[NotifyStep, Tag("notify")]
    | Annotated[ApproveStep, Tag("approve")]
    | Annotated[WaitStep, Tag("wait")]
    | Annotated[ProposeStep, Tag("propose")]
    | Annotated[PostStep, Tag("post")]
    | Annotated[ParallelStep, Tag("parallel")]
    | Annotated[IfStep, Tag("if")],
    Discriminator(
        step_kind,
        custom_error_type="unknown_step",
        custom_error_message="no step kind here: write one of " + ", ".join(STEP_KINDS),
    ),
]


class Closes(_Part):
    """When the exception may end early: the condition is looked at whenever something happened. Empty = after the
    last step."""

    when: str = ""
    within: Span = "72h"


class StandingAuthority(_Part):
    """What this definition may post at once, without a decision: protective and reversible outcomes only."""

    outcomes: list[Literal["hold_lot", "record_downtime", "set_order_status"]] = Field(min_length=1)
    reason: str


class Definition(_Part):
    definition: Identifier
    title: TextTemplate
    owner: str
    description: str = ""
    parameters: dict[Identifier, Json] = {}
    opens: Opens
    standing_authority: StandingAuthority | None = None
    context: dict[Identifier, ContextQuery] = {}
    steps: list[Step] = Field(min_length=1)
    closes: Closes = Closes()

    def content(self) -> dict[str, Json]:
        """The normalised content, by which a version is addressed."""
        dumped: dict[str, Json] = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return dumped

    def version(self) -> str:
        """SHA-256 of the normalised content."""
        return content_hash(self.content())


class StepState(StrEnum):
    """Where a step stands; kept in the exception's story."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


def walk(steps: list[Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Every step with its path (`steps.1.planning.0`), parents before children."""
    found: list[tuple[str, Any]] = []
    for index, step in enumerate(steps):
        path = f"{prefix}{index}"
        found.append((path, step))
        if isinstance(step, ParallelStep):
            for name, branch in step.parallel.items():
                found += walk(branch, f"{path}.{name}.")
        elif isinstance(step, IfStep):
            found += walk(step.then, f"{path}.then.") + walk(step.else_, f"{path}.else.")
    return found


def step_name(step: Any) -> str:
    """The name under which a step's result is read; empty for steps without one."""
    kind = step_kind(step)
    name = getattr(step, kind, "") if kind in ("task", "notify", "approve", "wait", "propose", "post") else ""
    return str(name)
