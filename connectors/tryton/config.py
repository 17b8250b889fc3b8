"""Settings of the Tryton connection. The password of `user` is a secret and comes apart."""

from pydantic import BaseModel, ConfigDict, Field

from connectors.zones import Zone


class TrytonConfig(BaseModel):
    """`url` of the server without the database; `timezone` turns moments into Tryton's days; `timeout` in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "erp"
    url: str = Field(pattern=r"^https?://")
    database: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    user: str = Field(min_length=1)
    timezone: Zone = "UTC"
    timeout: float = Field(default=20.0, gt=0)
