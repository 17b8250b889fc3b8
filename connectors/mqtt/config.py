"""Settings of one MQTT connection. The password is a secret and comes apart."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class MqttConfig(BaseModel):
    """`states` is the topic of machine states with `{equipment}` for one level and `{name}` or `+` for any other;
    `gateways` that of gateways' births and wills, with `{gateway}`. The broker knows our session by `client_id`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "mqtt"
    host: str
    port: int = Field(default=1883, ge=1, le=65535)
    client_id: str = Field(min_length=1, max_length=64)
    version: Literal["3.1.1", "5"] = "3.1.1"
    session_expiry: int = Field(default=7 * 24 * 3600, ge=0, le=0xFFFFFFFF)  # seconds, MQTT 5
    user: str = ""
    tls: bool = False
    ca_file: Path | None = None
    states: str
    gateways: str = ""
    planned_reasons: list[int] = []  # stop reason codes that mean a planned stop
    keepalive: int = Field(default=20, ge=5)
    in_flight: int = Field(default=1000, ge=1)  # messages taken from the broker and not yet committed
    batch: int = Field(default=100, ge=1)
    reconnect_max_delay: int = Field(default=10, ge=1)

    @field_validator("states")
    @classmethod
    def _names_equipment(cls, value: str) -> str:
        if "{equipment}" not in value.split("/"):
            raise ValueError("states needs one level {equipment}, such as site/area/{equipment}/status")
        return value

    @model_validator(mode="after")
    def _gateway_named(self) -> Self:
        if self.gateways and "{gateway}" not in self.gateways.split("/"):
            raise ValueError("gateways needs one level {gateway}")
        return self
