"""Settings of the agent that looks into the records."""

from pydantic import BaseModel, ConfigDict, Field


class HistoryConfig(BaseModel):
    """`neighbours`: so many of the most alike exceptions are heard; `alike`: so much of what is given (0 to 1) has to
    be the same in each; `cases`: fewer of them are nothing to go by; `days`: how far it looks back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "history"
    neighbours: int = Field(default=15, ge=1, le=200)
    alike: float = Field(default=0.5, gt=0, le=1)
    cases: int = Field(default=3, ge=1, le=200)
    days: int = Field(default=730, ge=1, le=7300)
