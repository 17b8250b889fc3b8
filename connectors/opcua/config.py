"""Settings of one OPC UA connection. The user's password is a secret and comes apart."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class MachineItems(BaseModel):
    """The nodes of one machine: NodeId texts (`ns=2;s=..` or `nsu=<namespace URI>;s=..`). Only `state` must exist."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    equipment: str
    state: str
    unit_mode: str = ""
    stop_code: str = ""
    stop_reason: str = ""
    blocked: str = ""
    starved: str = ""
    source_node: str = ""  # the SourceNode of its conditions

    @classmethod
    def packml(cls, equipment: str, base: str) -> Self:
        """The flat PackML tags below one string NodeId, such as `ns=2;s=lathe-1`."""
        return cls(
            equipment=equipment,
            state=f"{base}.Status.StateCurrent",
            unit_mode=f"{base}.Status.UnitModeCurrent",
            stop_code=f"{base}.Admin.StopReason",
            stop_reason=f"{base}.Admin.StopReasonText",
            blocked=f"{base}.Status.EquipmentBlocked",
            starved=f"{base}.Status.EquipmentStarved",
            source_node=base,
        )


class OpcUaConfig(BaseModel):
    """`url` such as opc.tcp://host:4840/path. Durations in seconds, intervals in milliseconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "opcua"
    url: str
    machines: list[MachineItems] = Field(min_length=1)
    policy: Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss", "None"] = "Basic256Sha256"
    mode: Literal["Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    insecure: bool = False  # must be said aloud for SecurityPolicy None
    user: str = ""
    application_uri: str = "urn:mos:exception-router"
    certificate_folder: Path | None = None  # our own key pair, made at the first start
    server_certificate: Path | None = None  # pins the server (DER or PEM)
    trust_server: bool = False  # take whatever certificate the server shows
    planned_reasons: list[int] = []  # stop reason codes that mean a planned stop
    conditions: bool = True
    publishing_ms: float = Field(default=100, gt=0)
    queue_size: int = Field(default=1000, ge=0)
    batch: int = Field(default=100, ge=1)
    companion_timeout: float = Field(default=2.0, gt=0)
    look_every: float = Field(default=5.0, gt=0)  # whether the server still has the subscription
    reconnect_max_delay: float = Field(default=10.0, gt=0)

    @model_validator(mode="after")
    def _secured(self) -> Self:
        if self.policy == "None":
            if not self.insecure:
                raise ValueError("policy None is refused: choose Basic256Sha256, or say insecure: true")
            return self
        if self.certificate_folder is None:
            raise ValueError("certificate_folder is missing: say where our key pair is kept")
        if self.server_certificate is None and not self.trust_server:
            raise ValueError("give server_certificate to pin the server, or say trust_server: true")
        return self

    def machine_of(self, source_node: str) -> str | None:
        """The equipment whose conditions carry this SourceNode, or None."""
        return next((item.equipment for item in self.machines if item.source_node == source_node), None)
