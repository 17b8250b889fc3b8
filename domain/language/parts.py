"""What the parts of a definition have in common: their fields' types, who is meant, what every step may have."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from domain.calendar import check_moment, check_span
from domain.language.texts import Text
from domain.rosters.criteria import Criteria

if TYPE_CHECKING:
    from domain.language.steps import Step

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,60}$")]
Span = Annotated[str, Field(description="90s, 5m, 2h, 1d12h; '4h business' counts business hours only; or =expression")]
Moment = Annotated[
    str,
    Field(description="06:00, 'mon 06:00', shift.end, shift.start, business.start, an ISO time, or =expression"),
]
Expression = Annotated[str, Field(min_length=1, max_length=2000, description="CEL, github.com/google/cel-spec")]


class Part(BaseModel):
    """Every part of a definition: unknown fields are refused, nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @field_validator(
        *("within", "after", "settle", "accept_within", "off_delay", "every", "remind_after", "release_after"),
        check_fields=False,
    )
    @classmethod
    def _spans(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("="):
            check_span(value)
        return value

    @field_validator("at", check_fields=False)
    @classmethod
    def _moments(cls, value: str) -> str:
        if value and not value.startswith("="):
            check_moment(value)
        return value


def is_plain(span: str) -> bool:
    """A literal that is no expression and counts all hours."""
    return not span.startswith("=") and " " not in span.strip()


class To(Part, Criteria):
    """Who is asked; every value may be an =expression. `shift`: current, any, or a shift's name; `schedule`: who is
    on call by it now."""

    @model_validator(mode="after")
    def _somebody(self) -> "To":
        named = (self.role, self.skill, self.certificate, self.account, self.person, self.authority, self.schedule)
        if not any(named):
            raise ValueError(
                "this would ask everybody: name a role, skill, certificate, account, person, authority or schedule"
            )
        return self


class Rung(Part):
    """One step of a ladder: whom to ask as well, how long after the task was sent."""

    to: To
    after: Span


class LoadBudget(Part):
    """How much one person is asked before others are preferred: `tasks` accepted and not done, `pages` in the last ten
    minutes (ISA-18.2 calls more than ten a flood, which nobody can work off)."""

    tasks: int = Field(default=3, ge=1, le=100)
    pages: int = Field(default=10, ge=1, le=100)


class Ask(Part):
    """A value asked for: free text, a duration, or one of `choices` (buttons; `words`: what each is called)."""

    kind: Literal["text", "duration", "choice"] = "text"
    label: Text = ""
    choices: list[str] = []
    words: dict[str, Text] = {}
    required: bool = False

    @model_validator(mode="after")
    def _known_words(self) -> "Ask":
        strange = [name for name in self.words if name not in self.choices]
        if strange:
            raise ValueError(f"'{strange[0]}' in 'words' is none of the choices: {', '.join(self.choices)}")
        return self


class StepBase(Part):
    """What every step may have.

    only_if: passed over when it does not hold. refresh: context queries that are asked again just before.
    undo: steps that take it back, run last first when the exception is cancelled or a step fails with
    `on_failure: undo`. on_failure: go on (`continue`), wait for a person to retry or skip it (`wait`),
    take back what was done and end (`undo`), or just end (`end`).
    """

    only_if: str = ""
    refresh: list[Identifier] = []
    undo: "list[Step]" = []
    on_failure: Literal["continue", "wait", "undo", "end"] = "continue"
