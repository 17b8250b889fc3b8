"""Settings of the Tryton connection. The password of `user` is a secret and comes apart."""

from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator


class TrytonConfig(BaseModel):
    """`url` of the server without the database; `timezone` turns moments into Tryton's days; `timeout` in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "erp"
    url: str = Field(pattern=r"^https?://")
    database: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    user: str = Field(min_length=1)
    timezone: str = "UTC"
    timeout: float = Field(default=20.0, gt=0)

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{value!r} is no time zone such as Europe/Prague") from error
        return value
