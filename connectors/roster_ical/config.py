"""Settings of an iCalendar feed."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class IcalConfig(BaseModel):
    """`schedule`: the id here; empty = made from the calendar's name. `begins`: from when on events are taken over, for
    `days` days. `timezone`: of the calendar, where it names none itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    begins: datetime
    days: int = Field(default=400, ge=1, le=800)
    schedule: str = ""
    title: str = ""
    timezone: str = ""
