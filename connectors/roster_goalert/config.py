"""Settings of the GoAlert import: none, whom its users are here is found by address and name."""

from pydantic import BaseModel, ConfigDict


class GoAlertConfig(BaseModel):
    """Nothing to set."""

    model_config = ConfigDict(extra="forbid", frozen=True)
