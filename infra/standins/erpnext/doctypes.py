"""The document types that postings touch, as data. From documentation and memory: see infra/standins/README.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

KEY = "custom_mos_key"


@dataclass(frozen=True)
class Field:
    """`kind`: Data, Text, Int, Float, Date, Datetime, Select (of `options`), Link (to `options[0]`)."""

    kind: str = "Data"
    reqd: bool = False
    unique: bool = False
    allow_on_submit: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class DocType:
    """`naming`: the field that gives the name, or a prefix with `#` for a series. `submittable`: draft, then final."""

    fields: Mapping[str, Field]
    naming: str
    submittable: bool = False
    status: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))


def _to(target: str, *, reqd: bool = False, allow_on_submit: bool = False) -> Field:
    return Field("Link", reqd=reqd, allow_on_submit=allow_on_submit, options=(target,))


_OURS = {KEY: Field(unique=True, allow_on_submit=True)}
_LATER = Field("Datetime", allow_on_submit=True)
_STOPS = (
    "Excessive machine set up time",
    "Unplanned machine maintenance",
    "On-machine press checks",
    "Machine operator errors",
    "Machine malfunction",
    "Electricity down",
    "Other",
)

DOCTYPES: dict[str, DocType] = {
    "Item": DocType({"item_code": Field(reqd=True), "item_name": Field(), "stock_uom": Field()}, "item_code"),
    "Customer": DocType({"customer_name": Field(reqd=True)}, "customer_name"),
    "Employee": DocType({"employee_name": Field(reqd=True)}, "employee_name"),
    "Quality Procedure": DocType({"quality_procedure_name": Field(reqd=True)}, "quality_procedure_name"),
    "Warehouse": DocType({"warehouse_name": Field(reqd=True)}, "warehouse_name"),
    "Workstation": DocType({"workstation_name": Field(reqd=True)}, "workstation_name"),
    "Asset": DocType({"asset_name": Field(reqd=True)}, "asset_name"),
    "Batch": DocType(
        {"batch_id": Field(reqd=True), "item": _to("Item", reqd=True), "disabled": Field("Int"), **_OURS}, "batch_id"
    ),
    "Sales Order": DocType(
        {
            "customer": _to("Customer", reqd=True),
            "customer_name": Field(),
            "delivery_date": Field("Date", reqd=True, allow_on_submit=True),
            "status": Field(),
            "po_no": Field(),
            **_OURS,
        },
        "SAL-ORD-#",
        submittable=True,
        status={0: "Draft", 1: "To Deliver and Bill", 2: "Cancelled"},
    ),
    "Work Order": DocType(
        {
            "production_item": _to("Item", reqd=True),
            "qty": Field("Float", reqd=True),
            "sales_order": _to("Sales Order", allow_on_submit=True),
            "planned_start_date": Field("Datetime", reqd=True, allow_on_submit=True),
            "planned_end_date": _LATER,
            "expected_delivery_date": Field("Date", allow_on_submit=True),
            "status": Field(),
            "company": Field(),
            "bom_no": Field(),
            "wip_warehouse": Field(),
            "fg_warehouse": Field(),
            **_OURS,
        },
        "MFG-WO-#",
        submittable=True,
        status={0: "Draft", 1: "Not Started", 2: "Cancelled"},
    ),
    "Downtime Entry": DocType(
        {
            "workstation": _to("Workstation", reqd=True),
            "operator": _to("Employee", reqd=True),
            "from_time": Field("Datetime", reqd=True),
            "to_time": Field("Datetime", reqd=True),
            "downtime": Field("Float"),
            "stop_reason": Field("Select", reqd=True, options=_STOPS),
            "remarks": Field("Text"),
            **_OURS,
        },
        "DT-#",
    ),
    "Asset Repair": DocType(
        {
            "asset": _to("Asset", reqd=True),
            "failure_date": Field("Datetime", reqd=True),
            "completion_date": Field("Datetime"),
            "repair_status": Field("Select", options=("Pending", "Completed", "Cancelled")),
            "description": Field("Text"),
            **_OURS,
        },
        "ACC-ASR-#",
        submittable=True,
    ),
    "Non Conformance": DocType(
        {
            "subject": Field(reqd=True),
            "procedure": _to("Quality Procedure", reqd=True),
            "status": Field("Select", reqd=True, options=("Open", "Resolved", "Cancelled")),
            "details": Field("Text"),
            "corrective_action": Field("Text"),
            **_OURS,
        },
        "QA-NC-#",
    ),
}
AUTOMATIC = ("name", "owner", "creation", "modified", "modified_by", "docstatus", "doctype", "idx")
