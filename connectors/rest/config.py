"""Settings of a REST connection: its address, how we sign in, and the declared mapping. The secret comes apart."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.rest.mapping import RestMapping
from connectors.zones import Zone


class RestConfig(BaseModel):
    """`authentication`: how the secret `token` is sent: as a bearer, as the password of `user`, or in `header`.
    `timezone`: in which the system means days and times without zone; `timeout` in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "erp"
    url: str = Field(pattern=r"^https?://")
    authentication: Literal["bearer", "basic", "header"] = "bearer"
    user: str = ""
    header: str = "X-Api-Key"
    timezone: Zone = "UTC"
    timeout: float = Field(default=20.0, gt=0)
    token_length: int = Field(default=20, ge=8, le=52)
    mapping: RestMapping

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.authentication == "basic" and not self.user:
            raise ValueError("basic authentication needs a user")
        return self
