"""The kinds of steps of a definition, as authored. `domain.language.definition` puts them together."""

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from domain.books.outcomes import System
from domain.language.agents import AgentStep
from domain.language.decision_table import Rule, rules_of_csv
from domain.language.parts import (
    Ask,
    Expression,
    Identifier,
    LoadBudget,
    Moment,
    Part,
    Rung,
    Span,
    StepBase,
    To,
    is_plain,
)
from domain.language.texts import AuthoredFact, FactText, Text, each, plain_option, words
from domain.signals import SignalType
from domain.values import Json, duration


class Told(StepBase):
    """What every step that speaks to people has; texts are Jinja templates, a default exists for each channel."""

    to: To
    title: Text = ""
    text: Text = ""
    facts: dict[str, AuthoredFact] = {}

    def texts(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Every text that is rendered, of every language, with its place in the step."""
        for name, text in (("title", self.title), ("text", self.text)):
            yield from (((name, *at), said) for at, said in each(text))
        for key, fact in self.facts.items():
            if isinstance(fact, FactText):
                yield from ((("facts", key, "label", *at), said) for at, said in each(fact.label))
            value, more = (fact.value, ("value",)) if isinstance(fact, FactText) else (fact, ())
            yield from ((("facts", key, *more, *at), said) for at, said in each(value))

    @cached_property
    def words(self) -> frozenset[str]:
        """What stands in its texts. Found once: a step is asked, settled and asked again, and never changes."""
        return words(*(said for _, said in self.texts()))


class TaskStep(Told):
    """People do something. `first_to_accept`: whoever accepts has it; `assigned`: one person at a time, the next
    after `accept_within`; `everyone`: every person asked has to answer.

    Whoever accepted is reminded after the silence `remind_after`, and after `release_after` has it no more: it is open
    again, and the others are asked again. Each press, and an estimated time until it is over, ends the silence. People
    above the `load_budget` are asked when nobody else fits; a number is that of `tasks`.
    """

    task: Identifier
    offer: Literal["first_to_accept", "assigned", "everyone"] = "first_to_accept"
    ask: dict[Identifier, Ask] = {}
    buttons: list[Literal["arrived", "done"]] = []
    accept_within: Span | None = None
    remind_after: Span | None = None
    release_after: Span | None = None
    load_budget: Annotated[int, Field(ge=1, le=100)] | LoadBudget | None = None
    ladder: list[Rung] = []
    within: Span | None = None
    otherwise: dict[str, Json] = {}
    authority: str = ""

    @model_validator(mode="after")
    def _reminded_first(self) -> "TaskStep":
        spans = [span for span in (self.remind_after, self.release_after) if span and is_plain(span)]
        if len(spans) == 2 and duration(spans[0]) >= duration(spans[1]):
            raise ValueError("'release_after' has to be longer than 'remind_after': nobody is reminded of what is gone")
        return self

    def budget(self) -> LoadBudget | None:
        """As written, a bare number being that of tasks."""
        return LoadBudget(tasks=self.load_budget) if isinstance(self.load_budget, int) else self.load_budget


class NotifyStep(Told):
    """People know something; nothing to answer."""

    notify: Identifier


class ApproveStep(Told):
    """People decide. A timeout is never a silent yes or no: it escalates, or ends as `expired`, which the author
    handles. `quorum`: so many people must approve the same option; `not_by`: steps whose people may not decide
    here (four eyes). `impact`: what the chosen `option` moves, for the limits of the authority matrix."""

    approve: Identifier
    options: Json
    authority: str
    risk: Literal["low", "normal", "high"] = "normal"
    quorum: int = Field(default=1, ge=1, le=9)
    not_by: list[Identifier] = []
    impact: dict[Literal["money", "quantity", "lots", "customers"], Json] = {}
    within: Span
    on_timeout: Literal["escalate", "expire"] = "escalate"
    ladder: list[Rung] = []

    @property
    def plain_options(self) -> Json:
        """The options with title and summary in one language."""
        return [plain_option(one) for one in self.options] if isinstance(self.options, list) else self.options


class SignalWanted(Part):
    """A signal that is waited for; `when` reads it as `signal`."""

    type: list[SignalType] = Field(min_length=1)
    when: str = "true"


class WaitStep(StepBase):
    """Until a condition holds, a signal comes, or a moment is reached; at most `within`."""

    wait: Identifier
    until: str = ""
    signal: SignalWanted | None = None
    at: Moment = ""
    within: Span | None = None

    @model_validator(mode="after")
    def _bounded(self) -> "WaitStep":
        if not self.at and self.within is None:
            raise ValueError("this could wait for ever: give it 'within' or 'at'")
        return self


class ProposeStep(StepBase):
    """The decision layer works out options."""

    propose: Identifier
    using: Literal["push_right", "rush_insert"]
    where: dict[str, Json] = {}
    within: Span = "30s"


class PostStep(StepBase):
    """One transaction for one system. It needs a decision, or the definition's standing authority (protective
    outcomes only)."""

    post: Identifier
    to: System
    outcomes: list[dict[str, Json]] = Field(min_length=1)
    decision: str = ""
    standing: bool = False


class DecideStep(StepBase):
    """A decision table: `rules`, or the same as `csv`. hit: the `first` rule that holds, or `collect` all."""

    decide: Identifier
    hit: Literal["first", "collect"] = "first"
    rules: list[Rule] = []
    csv: str = ""
    otherwise: dict[str, Json] = {}

    @model_validator(mode="after")
    def _one_table(self) -> "DecideStep":
        if bool(self.rules) == bool(self.csv):
            raise ValueError("a decision table is either 'rules' or 'csv'")
        rules_of_csv(self.csv)
        return self

    def table(self) -> list[Rule]:
        return self.rules or rules_of_csv(self.csv)


class CallStep(StepBase):
    """Run another definition inside this exception, with values for its parameters; its `gives` is the result."""

    call: Identifier
    definition: Identifier
    values: dict[Identifier, Json] = Field(alias="with", default={})


class ParallelStep(StepBase):
    """Named branches side by side; ends with the last of them."""

    parallel: dict[Identifier, "list[Step]"] = Field(min_length=1)


class IfStep(StepBase):
    """One branch or the other."""

    if_: str = Field(alias="if")
    then: "list[Step]" = Field(min_length=1)
    else_: "list[Step]" = Field(alias="else", default=[])


class SwitchStep(StepBase):
    """The case that the expression's text names, or `else`."""

    switch: Expression
    cases: "dict[str, list[Step]]" = Field(min_length=1)
    else_: "list[Step]" = Field(alias="else", default=[])


class ForEachStep(StepBase):
    """The steps once for each element of a list, `together` at a time. Inside, `each` names the element and `loop`
    has `index`. The result is a list of what the inner steps gave."""

    for_each: Identifier
    each: Identifier = "item"
    in_: Json = Field(alias="in")
    do: "list[Step]" = Field(min_length=1)
    at_most: int = Field(default=50, ge=1, le=200)
    together: int = Field(default=5, ge=1, le=20)


class RepeatStep(StepBase):
    """The steps again and again until a condition holds, at most so often, with a pause of `every`."""

    repeat: Identifier
    do: "list[Step]" = Field(min_length=1)
    until: Expression
    at_most: int = Field(ge=1, le=100)
    every: Span = "0s"


NAMED_KINDS = (
    "task", "notify", "approve", "wait", "propose", "agent", "post", "decide", "call", "for_each", "repeat",
)  # fmt: skip
STEP_KINDS = (*NAMED_KINDS, "parallel", "if", "switch")


def step_kind(value: Any) -> str | None:
    """Which kind a step is: the one of STEP_KINDS that it has as a key."""
    if isinstance(value, dict):
        return next((kind for kind in STEP_KINDS if kind in value), None)
    return _KIND_OF.get(type(value))


Step = Annotated[
    Annotated[TaskStep, Tag("task")]
    | Annotated[NotifyStep, Tag("notify")]
    | Annotated[ApproveStep, Tag("approve")]
    | Annotated[WaitStep, Tag("wait")]
    | Annotated[ProposeStep, Tag("propose")]
    | Annotated[AgentStep, Tag("agent")]
    | Annotated[PostStep, Tag("post")]
    | Annotated[DecideStep, Tag("decide")]
    | Annotated[CallStep, Tag("call")]
    | Annotated[ForEachStep, Tag("for_each")]
    | Annotated[RepeatStep, Tag("repeat")]
    | Annotated[ParallelStep, Tag("parallel")]
    | Annotated[IfStep, Tag("if")]
    | Annotated[SwitchStep, Tag("switch")],
    Discriminator(
        step_kind,
        custom_error_type="unknown_step",
        custom_error_message="no step kind here: write one of " + ", ".join(STEP_KINDS),
    ),
]

_KIND_OF: dict[type, str] = {
    TaskStep: "task",
    NotifyStep: "notify",
    ApproveStep: "approve",
    WaitStep: "wait",
    ProposeStep: "propose",
    AgentStep: "agent",
    PostStep: "post",
    DecideStep: "decide",
    CallStep: "call",
    ForEachStep: "for_each",
    RepeatStep: "repeat",
    ParallelStep: "parallel",
    IfStep: "if",
    SwitchStep: "switch",
}
STEP_MODELS: dict[str, type[StepBase]] = {kind: model for model, kind in _KIND_OF.items()}

for _model in STEP_MODELS.values():
    _model.model_rebuild(_types_namespace={"Step": Step})


def step_name(step: Any) -> str:
    """The name under which a step's result is read; empty for steps without one."""
    kind = step_kind(step)
    return str(getattr(step, kind, "")) if kind in NAMED_KINDS else ""


def children(step: Any) -> Iterator[tuple[str, tuple[str, ...], list[Any]]]:
    """The sequences inside a step: label in a step path, keys in the document, steps."""
    if isinstance(step, ParallelStep):
        yield from ((name, ("parallel", name), branch) for name, branch in step.parallel.items())
    elif isinstance(step, IfStep):
        yield from (("then", ("then",), step.then), ("else", ("else",), step.else_))
    elif isinstance(step, SwitchStep):
        yield from ((f"case:{name}", ("cases", name), branch) for name, branch in step.cases.items())
        yield "else", ("else",), step.else_
    elif isinstance(step, ForEachStep | RepeatStep):
        yield "do", ("do",), step.do
    elif isinstance(step, AgentStep):
        yield "instead", ("instead",), step.instead
    yield "undo", ("undo",), step.undo
