"""Outcomes: what a decision changes in the books, ERP-neutral, in ISA-95 / B2MML words.

A transaction carries one or more outcomes for one system under one key. Each outcome sets facts; a reversal is a
new one.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from domain.values import Json


class System(StrEnum):
    """Where a transaction is posted."""

    ERP = "erp"
    MES = "mes"


class _Outcome(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlannedWork(_Outcome):
    """One operation of a job order on a work unit, with its planned times (aware UTC) and place in that unit's
    sequence."""

    seq: int
    work_unit: str
    planned_start: datetime
    planned_end: datetime
    sequence: int = 0


class PlannedOrder(_Outcome):
    """New times of a job order. `version` is the token read from the ERP with the order; empty = not checked."""

    job_order: str
    planned_start: datetime
    planned_end: datetime
    works: list[PlannedWork] = []
    version: str = ""


class RescheduleOrders(_Outcome):
    kind: Literal["reschedule_orders"] = "reschedule_orders"
    orders: list[PlannedOrder] = Field(min_length=1)


class RecordDowntime(_Outcome):
    """Reason is one of breakdown, setup, no_material, no_operator, other; `end` None = still down."""

    kind: Literal["record_downtime"] = "record_downtime"
    equipment: str
    start: datetime
    end: datetime | None = None
    reason: Literal["breakdown", "setup", "no_material", "no_operator", "other"] = "breakdown"
    cause: str = ""


class MaintenanceOrder(_Outcome):
    """Priority 1 very high .. 4 low. `done`: the work is finished already (the order is opened, started and closed)."""

    kind: Literal["maintenance_order"] = "maintenance_order"
    equipment: str
    title: str
    description: str = ""
    priority: int = Field(default=3, ge=1, le=4)
    done: bool = False


class _OfLot(_Outcome):
    """Of a lot, or of so much of it: `quantity` in the material's own unit, 0 = all there is."""

    lot: str
    quantity: float = Field(default=0, ge=0)

    @model_serializer(mode="wrap")
    def _whole_is_not_said(self, dump: SerializerFunctionWrapHandler) -> dict[str, Json]:
        """A whole lot reads as it did before there were parts: what was posted then keeps its digest."""
        said: dict[str, Json] = dump(self)
        return said if self.quantity else {name: value for name, value in said.items() if name != "quantity"}


class HoldLot(_OfLot):
    """Put the lot on hold and move what is in storage to the quarantine location; of a `quantity` only that is moved,
    and the rest stays free."""

    kind: Literal["hold_lot"] = "hold_lot"
    reason: str


class DisposeLot(_OfLot):
    """Quality's disposition of a held lot, or of a `quantity` in quarantine: release frees it and moves it back, the
    others say where it goes."""

    kind: Literal["dispose_lot"] = "dispose_lot"
    disposition: Literal["release", "rework", "scrap", "return"]
    reason: str = ""


class RecordDeviation(_Outcome):
    kind: Literal["record_deviation"] = "record_deviation"
    lot: str
    title: str
    description: str = ""
    disposition: str = ""


class SetOrderStatus(_Outcome):
    """ISA-95 job order status: `held` stops consumption of the order, `released` lets it run again."""

    kind: Literal["set_order_status"] = "set_order_status"
    job_orders: list[str] = Field(min_length=1)
    status: Literal["held", "released"]
    reason: str = ""


class CreateOrder(_Outcome):
    """A production order for a sale; `job_order` is the reference that ERP and MES share."""

    kind: Literal["create_order"] = "create_order"
    job_order: str
    material: str
    quantity: float = Field(gt=0)
    sale: str = ""
    priority: int = Field(default=50, ge=1, le=99)
    planned_start: datetime
    planned_end: datetime
    works: list[PlannedWork] = []


class SetPriority(_Outcome):
    """1 is first, 50 the default."""

    kind: Literal["set_priority"] = "set_priority"
    job_orders: list[str] = Field(min_length=1)
    priority: int = Field(ge=1, le=99)


class ChangePromise(_Outcome):
    kind: Literal["change_promise"] = "change_promise"
    sale: str
    promised: datetime
    reason: str = ""


class DispatchEntry(_Outcome):
    job_order: str
    seq: int
    work_unit: str
    sequence: int
    planned_start: datetime
    planned_end: datetime


class UpdateDispatchList(_Outcome):
    """The new sequence for the MES; `version` is the one that the plan was made from (empty = the current one)."""

    kind: Literal["update_dispatch_list"] = "update_dispatch_list"
    entries: list[DispatchEntry] = Field(min_length=1)
    version: str = ""


class ReportProduction(_Outcome):
    """What an operation of a job order made: good and scrapped, in the material's own unit."""

    kind: Literal["report_production"] = "report_production"
    job_order: str
    good: float = Field(ge=0)
    scrapped: float = Field(default=0, ge=0)
    lot: str = ""
    reason: str = ""


class ReserveMaterial(_Outcome):
    """Keep so much of a material (of one lot, if named) for a job order."""

    kind: Literal["reserve_material"] = "reserve_material"
    job_order: str
    material: str
    quantity: float = Field(gt=0)
    lot: str = ""


class ExpediteMaterial(_Outcome):
    """Ask for a material's supply by `needed_by`; `purchase` names the purchase order when it is known."""

    kind: Literal["expedite_material"] = "expedite_material"
    material: str
    needed_by: datetime
    quantity: float = Field(default=0, ge=0)
    purchase: str = ""
    reason: str = ""


class AddNote(_Outcome):
    """A sentence on a business object (`about` lot, `id` L-7)."""

    kind: Literal["add_note"] = "add_note"
    about: Literal["order", "lot", "sale", "work_unit"]
    id: str
    text: str = Field(min_length=1, max_length=2000)


class CancelDocuments(_Outcome):
    """Take back what a posting of ours created: the documents as its receipt names them. Only reversals use it."""

    kind: Literal["cancel_documents"] = "cancel_documents"
    documents: list[str] = Field(min_length=1)
    reason: str = ""


Outcome = Annotated[
    RescheduleOrders
    | RecordDowntime
    | MaintenanceOrder
    | HoldLot
    | DisposeLot
    | RecordDeviation
    | SetOrderStatus
    | CreateOrder
    | SetPriority
    | ChangePromise
    | ReportProduction
    | ReserveMaterial
    | ExpediteMaterial
    | AddNote
    | CancelDocuments
    | UpdateDispatchList,
    Field(discriminator="kind"),
]


class OutcomeTransaction(_Outcome):
    """What is posted at once to one system. `key` = exception id : step path : n; n counts changed payloads, not
    attempts. `versions`: version token of each record as it was last looked at (`Preview.versions`); a system that
    compares them refuses with ConflictError when one is stale."""

    id: str
    key: str
    exception_id: str
    system: System
    outcomes: list[Outcome] = Field(min_length=1)
    decision: str = ""
    versions: dict[str, str] = Field(default_factory=dict)


class Receipt(_Outcome):
    """The system's answer: its document references, and whether it had the key already."""

    key: str
    documents: list[str] = []
    replayed: bool = False
    raw: Json = None
