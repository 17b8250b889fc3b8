"""Settings of the ERPNext connection. The secret comes apart: the API secret of the user whose key is `api_key`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.zones import Zone

Reason = Literal["breakdown", "setup", "no_material", "no_operator", "other"]
_REASONS: dict[Reason, str] = {
    "breakdown": "Machine malfunction",
    "setup": "Excessive machine set up time",
    "no_material": "Other",
    "no_operator": "Other",
    "other": "Other",
}


class ErpNextConfig(BaseModel):
    """`timezone`: the site's own, in which ERPNext keeps moments. `key_field`: our custom field. `order_field`,
    `sale_field`: where our ids stand. `operator`: the employee in whose name downtimes are entered; `procedure`: the
    quality procedure of non-conformances (both required by ERPNext). `reasons`: reason of a downtime -> stop reason."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "erp"
    url: str = Field(pattern=r"^https?://")
    api_key: str = Field(min_length=1)
    timezone: Zone = "UTC"
    timeout: float = Field(default=20.0, gt=0)
    key_field: str = Field(default="custom_mos_key", pattern=r"^[a-z][a-z0-9_]+$")
    order_field: str = "name"
    sale_field: str = "name"
    operator: str = ""
    procedure: str = ""
    reasons: dict[Reason, str] = _REASONS
