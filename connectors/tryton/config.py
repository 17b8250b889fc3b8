"""Settings of the Tryton connection. The password of `user` is a secret and comes apart."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.zones import Zone


class TrytonConfig(BaseModel):
    """`url` of the server without the database; `timezone` turns moments into Tryton's days; `timeout` in seconds.
    `module`: our module is installed there. Only without it count `quarantine`, the name of the place where held lots
    go, and `sale_field`, by which people call a sale."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "erp"
    url: str = Field(pattern=r"^https?://")
    database: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    user: str = Field(min_length=1)
    timezone: Zone = "UTC"
    timeout: float = Field(default=20.0, gt=0)
    module: bool = True
    quarantine: str = ""
    sale_field: Literal["number", "reference"] = "number"

    @model_validator(mode="after")
    def _of_the_bare_one(self) -> Self:
        if self.module and (self.quarantine or "sale_field" in self.model_fields_set):
            raise ValueError("quarantine and sale_field are for a Tryton without our module: add `module: false`")
        return self
