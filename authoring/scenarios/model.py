"""The scenario document as written, before its sentences and names are read."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from domain.rosters.people import Shift
from domain.signals import SignalType
from domain.values import Json


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SignalDoc(BaseModel):
    """`at` after the start; every further field is a fact of the signal."""

    model_config = ConfigDict(extra="allow", frozen=True)

    at: str = "0s"
    type: SignalType
    equipment: str | None = None
    subject: str = ""


class SystemDoc(_Part):
    """down: `5m to 30m`, `from 5m`, `always`. takes: how long it answers. refuses: a reason, or kind of outcome ->
    reason. answers: query -> value; a text `@90m` in it is that moment after the start."""

    down: Annotated[list[str], BeforeValidator(_as_list)] = []
    takes: str = "0s"
    refuses: str | dict[str, str] = {}
    answers: dict[str, Json] = {}


class AgentDoc(_Part):
    """answers: the step that asks -> the values that it answers; a step without any gets none ("unsure"). takes: how
    long it thinks; late when that is longer than it has. down: as with systems. stopped: somebody threw its switch."""

    answers: dict[str, dict[str, Json]] = {}
    takes: str = "0s"
    down: Annotated[list[str], BeforeValidator(_as_list)] = []
    stopped: bool = False
    confidence: float | None = Field(default=None, ge=0, le=1)


class CommandDoc(_Part):
    """A person steers the exception; see `activities.contracts.model.Command`."""

    at: str
    by: str
    command: Literal["pause", "resume", "retry", "skip", "take_over", "hand_back", "close", "cancel"]
    step: str = ""
    reason: str = ""
    values: dict[str, Json] = {}


Sentences = Annotated[list[str], BeforeValidator(_as_list)]
Named = list[dict[str, Any]]
"""A list of single entries `name: what`, because a name may come twice."""


class ExpectDoc(_Part):
    """What must come of it; what is not named is not looked at."""

    opens: bool = True
    asked: Named = []
    told: Named = []
    not_asked: list[str | dict[str, str]] = []
    answered: Named = []
    decided: Named = []
    proposed: Named = []
    posted: Named = []
    not_posted: list[str] = []
    failed: list[str] = []
    ends: str = ""
    handling: str = ""
    condition: str = ""
    priority: str = ""
    gaps: list[str] | None = None


class ScenarioDoc(_Part):
    """starts: `mon 09:00` in the site's zone, or an ISO time. people: person -> fields that differ from the site's
    roster, or a new person's. just_these_people: the site's other people are left out."""

    scenario: str = Field(min_length=1)
    definition: str
    starts: str = "mon 09:00"
    parameters: dict[str, Json] = {}
    signals: list[SignalDoc] = Field(min_length=1)
    shifts: list[Shift] = []
    people: dict[str, dict[str, Any]] = {}
    just_these_people: bool = False
    business_hours: list[Shift] = []
    holidays: list[str] = []
    answers: dict[str, Sentences] = {}
    systems: dict[str, SystemDoc] = {}
    agents: dict[str, AgentDoc] = {}
    commands: list[CommandDoc] = []
    expect: ExpectDoc
