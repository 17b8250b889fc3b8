"""The models that postings touch, as data: fields with their types, what is required, states and their methods.

From the vendor's documentation and memory, not from a running system: see infra/standins/README.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

KEY = "x_mos_key"


@dataclass(frozen=True)
class Field:
    """`kind`: char, text, float, integer, boolean, datetime, many2one (of `model`), one2many (of `model`, whose field
    `inverse` points back), selection (of `values`)."""

    kind: str = "char"
    required: bool = False
    readonly: bool = False
    unique: bool = False
    model: str = ""
    values: tuple[str, ...] = ()
    default: object = False
    inverse: str = ""


@dataclass(frozen=True)
class Model:
    """`methods`: name -> (states in which it may be called, the state that follows). `deletable`: in which states."""

    fields: Mapping[str, Field]
    methods: Mapping[str, tuple[tuple[str, ...], str]] = field(default_factory=lambda: MappingProxyType({}))
    deletable: tuple[str, ...] = ()


def _states(*values: str) -> Field:
    return Field("selection", readonly=True, values=values, default=values[0])


def _to(model: str, *, required: bool = False) -> Field:
    return Field("many2one", required=required, model=model)


_NAME, _MOMENT, _TEXT = Field(required=True), Field("datetime"), Field("text")
_OURS = {KEY: Field(unique=True)}
_STAR = Field("selection", values=("0", "1"), default="0")
_WORK_STATES = ("pending", "waiting", "ready", "progress", "done", "cancel")

MODELS: dict[str, Model] = {
    "res.partner": Model({"name": _NAME, "ref": Field()}),
    "product.product": Model({"name": _NAME, "default_code": Field()}),
    "mrp.workcenter": Model({"name": _NAME, "code": Field()}),
    "mrp.workcenter.productivity.loss": Model({"name": _NAME}),
    "mrp.workcenter.productivity": Model(
        {
            "workcenter_id": _to("mrp.workcenter", required=True),
            "loss_id": _to("mrp.workcenter.productivity.loss", required=True),
            "date_start": Field("datetime", required=True),
            "date_end": _MOMENT,
            "description": _TEXT,
            **_OURS,
        }
    ),
    "mrp.production": Model(
        {
            "name": Field(unique=True),
            "state": _states("draft", "confirmed", "progress", "to_close", "done", "cancel"),
            "priority": _STAR,
            "product_id": _to("product.product", required=True),
            "product_qty": Field("float", required=True),
            "date_start": _MOMENT,
            "date_finished": _MOMENT,
            "date_deadline": _MOMENT,
            "origin": Field(),
            **_OURS,
        },
        methods={
            "action_confirm": (("draft",), "confirmed"),
            "button_plan": (("confirmed", "progress"), ""),
            "action_cancel": (("draft", "confirmed", "progress", "to_close"), "cancel"),
        },
        deletable=("draft", "cancel"),
    ),
    "mrp.workorder": Model(
        {
            "name": _NAME,
            "production_id": _to("mrp.production", required=True),
            "workcenter_id": _to("mrp.workcenter", required=True),
            "date_start": _MOMENT,
            "date_finished": _MOMENT,
            "state": _states(*_WORK_STATES),
        }
    ),
    "maintenance.equipment": Model({"name": _NAME, "serial_no": Field()}),
    "maintenance.request": Model(
        {
            "name": _NAME,
            "description": _TEXT,
            "priority": Field("selection", values=("0", "1", "2", "3"), default="0"),
            "equipment_id": _to("maintenance.equipment"),
            "maintenance_type": Field("selection", values=("corrective", "preventive"), default="corrective"),
            "schedule_date": _MOMENT,
            **_OURS,
        }
    ),
    "stock.lot": Model({"name": _NAME, "product_id": _to("product.product", required=True), "note": _TEXT, **_OURS}),
    "stock.location": Model(
        {"name": _NAME, "complete_name": Field(), "usage": Field("selection", values=("internal", "customer", "view"))}
    ),
    "stock.quant": Model(
        {
            "product_id": _to("product.product", required=True),
            "lot_id": _to("stock.lot"),
            "location_id": _to("stock.location", required=True),
            "quantity": Field("float"),
            "product_uom_id": Field("integer", default=1),
        }
    ),
    "stock.picking.type": Model(
        {"name": _NAME, "code": Field("selection", values=("incoming", "outgoing", "internal"))}
    ),
    "stock.picking": Model(
        {
            "name": Field(),
            "origin": Field(),
            "note": _TEXT,
            "picking_type_id": _to("stock.picking.type", required=True),
            "location_id": _to("stock.location", required=True),
            "location_dest_id": _to("stock.location", required=True),
            "move_line_ids": Field("one2many", model="stock.move.line", inverse="picking_id"),
            "state": _states("draft", "confirmed", "assigned", "done", "cancel"),
            **_OURS,
        },
        methods={"button_validate": (("draft", "confirmed", "assigned"), "done")},
        deletable=("draft", "cancel"),
    ),
    "stock.move.line": Model(
        {
            "picking_id": _to("stock.picking"),
            "product_id": _to("product.product", required=True),
            "lot_id": _to("stock.lot"),
            "location_id": _to("stock.location", required=True),
            "location_dest_id": _to("stock.location", required=True),
            "quantity": Field("float"),
            "product_uom_id": Field("integer", default=1),
        }
    ),
    "sale.order": Model(
        {
            "name": Field(unique=True),
            "partner_id": _to("res.partner", required=True),
            "state": _states("draft", "sent", "sale", "cancel"),
            "commitment_date": _MOMENT,
            "note": _TEXT,
            "client_order_ref": Field(),
            **_OURS,
        },
        methods={"action_confirm": (("draft", "sent"), "sale"), "action_cancel": (("draft", "sent", "sale"), "cancel")},
        deletable=("draft", "cancel"),
    ),
    "sale.order.line": Model(
        {
            "order_id": _to("sale.order", required=True),
            "product_id": _to("product.product"),
            "product_uom_qty": Field("float"),
            "customer_lead": Field("float"),
        }
    ),
}
ENTERPRISE: dict[str, Model] = {
    "quality.alert": Model({"title": Field(), "description": _TEXT, "lot_id": _to("stock.lot"), **_OURS})
}
AUTOMATIC = {
    "id": Field("integer", readonly=True),
    "display_name": Field(readonly=True),
    "create_date": Field("datetime", readonly=True),
    "write_date": Field("datetime", readonly=True),
}
