"""Settings of the MES connection. The bearer token is a secret and comes apart."""

from pydantic import BaseModel, ConfigDict, Field


class MesConfig(BaseModel):
    """`url` without a path below it; `timeout` in seconds for one request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "mes"
    url: str = Field(pattern=r"^https?://")
    timeout: float = Field(default=10.0, gt=0)
