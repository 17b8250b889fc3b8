"""Settings of the SAP connection: where it is, who we are there, and the plant's own codes. Secrets come apart.

Defaults marked [memory] are common in SAP systems but were never tried on one: docs/connectors/sap.md lists them.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.sap.metadata import (
    INSPECTION,
    MAINTENANCE,
    MATERIAL,
    NOTIFICATION,
    PRODUCTION,
    SALES,
    SALES4,
    EntitySet,
    entity_set,
)
from connectors.sap.sales import Version
from connectors.zones import Zone
from domain.errors import ConfigError

_OF_ALL = (PRODUCTION, MATERIAL, NOTIFICATION, MAINTENANCE, INSPECTION)
SERVICES: Mapping[Version, tuple[str, ...]] = {"v2": (*_OF_ALL, SALES), "v4": (*_OF_ALL, SALES4)}  # by sales_orders
Stock = Literal["unrestricted", "quality", "blocked", "outside"]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OAuth(_Settings):
    """Client credentials grant (RFC 6749 section 4.4); the secret is `client_secret`."""

    token_url: str = Field(pattern=r"^https?://")
    client_id: str = Field(min_length=1)
    scope: str = ""


class TechnicalObject(_Settings):
    """What plant maintenance calls a machine. `kind`: EAMS_EQUI equipment, EAMS_FL functional location [memory]."""

    object: str = Field(min_length=1, max_length=40)
    kind: str = "EAMS_EQUI"


class Movements(_Settings):
    """Movement types [memory]: unrestricted to blocked and back, blocked to scrap. Empty: not done in SAP."""

    hold: str = "344"
    release: str = "343"
    scrap: str = "555"
    rework: str = ""
    return_: str = Field(default="", alias="return")
    transfer_code: str = "04"  # GoodsMovementCode of a transfer posting
    scrap_code: str = "03"  # of a goods issue


class NotificationType(_Settings):
    """`fields`: what else the plant's notifications need (texts), such as MaintenancePlanningPlant."""

    type: str
    fields: Mapping[str, str] = {}


class OrderType(_Settings):
    type: str
    fields: Mapping[str, str] = {}


class SapConfig(_Settings):
    """`url` without a path; `client` is sap-client; `timezone` the plant's, in which SAP keeps days and times."""

    name: str = "erp"
    url: str = Field(pattern=r"^https?://")
    path: str = Field(default="/sap/opu/odata/sap", pattern=r"^/")
    path4: str = Field(default="/sap/opu/odata4/sap", pattern=r"^/")  # of OData v4
    client: str = Field(default="", pattern=r"^(\d{3})?$")
    language: str = Field(default="EN", pattern=r"^[A-Z]{2}$")
    user: str = ""
    oauth: OAuth | None = None
    timezone: Zone = "UTC"
    timeout: float = Field(default=30.0, gt=0)
    settle: float = Field(default=60.0, ge=0)  # how long a document may still appear after its answer was lost
    sales_orders: Version = "v2"  # by API_SALES_ORDER_SRV, or by CE_SALESORDER_0001 of OData v4
    services: tuple[str, ...] = SERVICES["v2"]  # those that are active and that our user may use
    changesets: bool = True  # several changes of one service as one $batch, all or nothing

    plant: str = Field(min_length=1, max_length=4)
    work_centers: Mapping[str, str] = {}  # our work unit -> SAP's work center; otherwise the name itself
    equipment: Mapping[str, TechnicalObject] = {}
    importance: Mapping[str, int] = {"1": 10, "2": 30, "3": 50, "4": 70, "5": 99}  # SAP's -> up to our priority
    operation_times: bool = True  # operations get times of their own, not only the work center
    order: OrderType = OrderType(type="PP01")  # needs external numbers
    movements: Movements = Movements()
    effects: Mapping[str, tuple[Stock, Stock]] = {}  # movement types of the plant's own: from, to
    downtime: NotificationType = NotificationType(type="M2")
    repair: NotificationType = NotificationType(type="M1")
    maintenance: OrderType = OrderType(type="PM01")
    status_released: str = "REL"  # a maintenance order's system status in `language`
    status_completed: str = "TECO"
    deviation: OrderType = OrderType(type="89")  # inspection lot type: a manual inspection [memory]

    @model_validator(mode="before")
    @classmethod
    def _all_services(cls, given: Any) -> Any:
        """Unless the settings list them."""
        known = SERVICES.get(given.get("sales_orders", "v2")) if isinstance(given, dict) else None
        return {"services": known, **given} if known else given

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if bool(self.user) == (self.oauth is not None):
            raise ValueError("give user (basic authentication) or oauth, not both")
        known = SERVICES[self.sales_orders]
        if unknown := set(self.services) - set(known):
            names = ", ".join(sorted(unknown))
            told = f"with sales_orders: {self.sales_orders} choose from {', '.join(known)}"
            raise ValueError(f"services: {names} unknown; {told}")
        if any(len(name) > 1 for name in self.importance):
            raise ValueError("importance: ManufacturingOrderImportance has one character")
        try:
            for target, fields, where in self._extra_fields():
                target.settle(fields, where)
        except ConfigError as error:
            raise ValueError(error.message) from error
        return self

    def _extra_fields(self) -> list[tuple[EntitySet, Mapping[str, str], str]]:
        notification = entity_set(NOTIFICATION, "MaintenanceNotification")
        return [
            (notification, self.downtime.fields, "downtime.fields"),
            (notification, self.repair.fields, "repair.fields"),
            (entity_set(MAINTENANCE, "MaintenanceOrder"), self.maintenance.fields, "maintenance.fields"),
            (entity_set(INSPECTION, "A_InspectionLot"), self.deviation.fields, "deviation.fields"),
            (entity_set(PRODUCTION, "A_ProductionOrder_2"), self.order.fields, "order.fields"),
        ]

    def work_center(self, work_unit: str) -> str:
        """SAP's name of a work unit."""
        return self.work_centers.get(work_unit, work_unit)

    def work_unit(self, work_center: str) -> str:
        """Our name of a work center."""
        return next((ours for ours, theirs in self.work_centers.items() if theirs == work_center), work_center)

    def technical_object(self, equipment: str) -> TechnicalObject:
        """What plant maintenance calls this machine; its own name unless the settings say otherwise."""
        return self.equipment.get(equipment, TechnicalObject(object=equipment))

    def importance_of(self, priority: int) -> str:
        """SAP's one character for our 1 (first) .. 99."""
        bands = sorted(self.importance.items(), key=lambda band: band[1])
        return next((name for name, upto in bands if priority <= upto), bands[-1][0] if bands else "")

    def priority_of(self, importance: str | None) -> int:
        """The last of the band; 50 where the order has none."""
        return self.importance.get(importance or "", 50)
