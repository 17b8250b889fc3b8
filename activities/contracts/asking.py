"""Parts of what is said about asking people: who else hears of it, what silence means, what was decided."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.values import Json


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class OwnerCall(Part):
    """Nobody is left to ask: the site's owner is to hear of it, by an exception of its own. `always`: whoever is found
    by this call, too; else only when it finds nobody."""

    always: bool = False
    equipment: str | None = None


class Silence(Part):
    """What happens while nobody accepts or decides. code: `next` (at `at` the role `role` is asked as well), `another`
    (somebody else is asked), `goes_on` (it goes on without an answer), `expires` (it ends undecided), `escalates` (it
    stays open, and everybody on the ladder is asked)."""

    code: str
    role: str = ""
    at: datetime | None = None


class DecisionMade(Part):
    id: str
    verdict: str
    option: str = ""
    comment: str = ""
    authority: str
    person: str
    channel: str
    at: datetime
    shown_hash: str
    granted: list[dict[str, Json]] = []  # one a vote: the grant that was used, its limits, the figures, the signature
    signature: str = ""
