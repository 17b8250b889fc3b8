"""The step `agent`: something that is asked for a proposal, and what holds when there is none."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator, model_validator

from domain.language.parts import Expression, Identifier, Part, Span, StepBase, is_plain
from domain.proposals import MOST_CHOICES, Kind, Wanted
from domain.values import Json, duration

if TYPE_CHECKING:
    from domain.language.steps import Step

OWN_NAMES = ("source", "why", "at", "agent", "model", "confidence", "cases")
"""What the result has beside the values that were asked for."""
WHYS = ("late", "unavailable", "stopped", "over_budget", "misfit", "unsure")
"""Why there is no proposal; the empty text stands for one."""
LONGEST = "10m"


class Returned(Part):
    """A value that is wanted. Of a text: one of `choices`, or one of the list that `among` gives, or free with at most
    `longest` characters; of a number: `least` and `most`."""

    kind: Kind = "text"
    choices: list[Annotated[str, Field(min_length=1)]] = []
    among: Annotated[Expression, Field(pattern="^=")] | None = None
    least: float | None = None
    most: float | None = None
    longest: int = Field(default=200, ge=1, le=2000)

    @model_validator(mode="after")
    def _of_its_kind(self) -> "Returned":
        if self.kind != "text" and (self.choices or self.among):
            raise ValueError(f"a {self.kind} has no 'choices' and no 'among': that is for texts")
        if self.choices and self.among:
            raise ValueError("either 'choices' or 'among'")
        if self.kind not in ("number", "integer") and not self.least is self.most is None:
            raise ValueError(f"a {self.kind} has no 'least' and no 'most': that is for numbers")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("'least' is more than 'most'")
        return self

    def wanted(self, choices: list[str] | None) -> Wanted:
        """With the choices as they are now; None: free."""
        return Wanted(kind=self.kind, choices=choices, least=self.least, most=self.most, longest=self.longest)


class Budget(Part):
    """How often it may be asked, and how many tokens all questions and answers may have together."""

    tries: int = Field(default=2, ge=1, le=5)
    tokens: int = Field(default=4_000, ge=100, le=200_000)


class AgentStep(StepBase):
    """A bounded proposal: an agent of the site is asked, knows nothing but what it is `given`, and answers with values
    of these types or not at all. It decides nothing. Without a proposal the values of `otherwise` hold, and the steps
    `instead` are run."""

    agent: Identifier
    use: Identifier
    goal: str = Field(min_length=1, max_length=2000)
    given: dict[Identifier, Json] = Field(min_length=1, max_length=40)
    returns: dict[Identifier, Returned] = Field(min_length=1, max_length=20)
    within: Span
    at_most: Budget = Budget()
    otherwise: dict[Identifier, Json] = {}
    instead: "list[Step]" = []

    @field_validator("within")
    @classmethod
    def _soon(cls, value: str) -> str:
        if not value.startswith("=") and not (is_plain(value) and duration(value) <= duration(LONGEST)):
            raise ValueError(f"an agent has {LONGEST} at most, in plain hours: nobody waits longer for a proposal")
        return value

    @model_validator(mode="after")
    def _provided_for(self) -> "AgentStep":
        own = [name for name in self.returns if name in OWN_NAMES]
        if own:
            raise ValueError(f"'{own[0]}' is mos's own in every result: give this value another name")
        many = [name for name, one in self.returns.items() if len(one.choices) > MOST_CHOICES]
        if many:
            raise ValueError(f"'{many[0]}' has more than {MOST_CHOICES} choices")
        strange = [name for name in self.otherwise if name not in self.returns]
        if strange:
            raise ValueError(f"'{strange[0]}' in 'otherwise' is none of the values of 'returns'")
        missing = [name for name in self.returns if name not in self.otherwise]
        if missing and not self.instead:
            raise ValueError(
                f"say in 'otherwise' what '{missing[0]}' is without a proposal, or which steps run 'instead'"
            )
        return self
