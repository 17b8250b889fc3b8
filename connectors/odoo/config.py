"""Settings of the Odoo connection. The secret comes apart: an API key (JSON-2), or a key or password of `user`."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_LOSSES = {
    "breakdown": "Equipment Failure",
    "setup": "Setup and Adjustments",
    "no_material": "Material Availability",
    "no_operator": "Reduced Speed",
    "other": "Process Defect",
}


class OdooConfig(BaseModel):
    """`api`: json2 (Odoo 19 and later) or jsonrpc (older, removed in 22). `losses`: reason of a downtime -> the name of
    Odoo's productivity loss. `*_field`: where our ids stand in Odoo. `urgent_to`: job orders of this priority or
    a smaller number get Odoo's one star. `quarantine`: the full name of the location of held lots, outside `stock`,
    where they come back to; `transfer`: the operation type. `timeout` in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "erp"
    url: str = Field(pattern=r"^https?://")
    api: Literal["json2", "jsonrpc"] = "json2"
    database: str = ""
    user: str = ""
    timeout: float = Field(default=20.0, gt=0)
    key_field: str = Field(default="x_mos_key", pattern=r"^x_[a-z0-9_]+$")
    order_field: str = "name"
    sale_field: str = "name"
    work_center_field: str = "code"
    material_field: str = "default_code"
    urgent_to: int = Field(default=25, ge=0, le=99)
    enterprise: bool = False
    quarantine: str = ""
    stock: str = "WH/Stock"
    transfer: str = "Internal Transfers"
    losses: dict[str, str] = _LOSSES

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.api == "jsonrpc" and not (self.database and self.user):
            raise ValueError("jsonrpc needs database and user")
        return self
