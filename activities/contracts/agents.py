"""What a workflow asks of an agent, and what comes back: always an answer, never an error."""

from pydantic import Field

from activities.contracts.model import Data
from activities.contracts.story import Projection
from domain.proposals import Wanted
from domain.values import Json


class AgentRequest(Data):
    """One question. `goal` is a Jinja text that reads `scope` (the site and the machine); `given` is all that the agent
    sees besides. `within_s`: for all `tries` together; `tokens`: what question and answers may use together."""

    agent: str
    definition: str
    step: str
    goal: str
    scope: dict[str, Json]
    given: dict[str, Json]
    returns: dict[str, Wanted]
    within_s: float
    tries: int
    tokens: int
    projection: Projection


class AgentAnswer(Data):
    """`why` empty: `values` were proposed; else one of `domain.language.agents.WHYS`, and `detail` says more. `goal`:
    as it was put; `model`: name and version of what answered; `took_s`: how long all tries took."""

    why: str = ""
    detail: str = ""
    values: dict[str, Json] = Field(default_factory=dict)
    confidence: float | None = None
    cases: int | None = None
    model: str = ""
    goal: str = ""
    tries: int = 0
    tokens: int = 0
    took_s: float = 0.0
