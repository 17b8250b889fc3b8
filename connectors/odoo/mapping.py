"""Outcomes as records of Odoo. Pure."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from connectors.odoo.client import utc_text
from connectors.odoo.config import OdooConfig
from connectors.odoo.lots import TRANSFER
from connectors.records import Ref, Step, merged, stamped
from connectors.way_back import withdrawals
from domain.books.outcomes import (
    CancelDocuments,
    ChangePromise,
    CreateOrder,
    MaintenanceOrder,
    OutcomeTransaction,
    RecordDeviation,
    RecordDowntime,
    RescheduleOrders,
    SetPriority,
)
from domain.errors import ConfigError

MODELS = ("mrp.production", "mrp.workcenter.productivity", "maintenance.request", "sale.order")
LOT_MODELS = (TRANSFER,)
ENTERPRISE_MODELS = ("quality.alert",)
_NONE: Mapping[int, Step] = MappingProxyType({})
_PRIORITY = {1: "3", 2: "2", 3: "1", 4: "0"}  # maintenance.request: 3 = high


def models_of(config: OdooConfig) -> tuple[str, ...]:
    """All models that postings touch."""
    enterprise = ENTERPRISE_MODELS if config.enterprise else ()
    return (*MODELS, *(LOT_MODELS if config.quarantine else ()), *enterprise)


def steps_of(transaction: OutcomeTransaction, config: OdooConfig, transfers: Mapping[int, Step] = _NONE) -> list[Step]:
    """`transfers`: of lots, by the number of their outcome. Raises ConfigError for an outcome that this connector does
    not book."""
    steps: list[Step] = []
    for number, outcome in enumerate(transaction.outcomes):
        if number in transfers:
            steps += stamped([transfers[number]], outcome, number)
            continue
        make = _WRITERS.get(type(outcome))
        if make is None or (isinstance(outcome, RecordDeviation) and not config.enterprise):
            raise ConfigError(f"Odoo takes no {outcome.kind} here: leave it out or do it in Odoo.")
        steps += stamped(make(outcome, config, transaction.exception_id), outcome, number)
    return merged(steps)


def _production(job_order: str, config: OdooConfig, values: Mapping[str, Any], version: str = "") -> Step:
    where = Ref("mrp.production", config.order_field, job_order)
    return Step("write", "mrp.production", f"manufacturing order {job_order}", values, where, version)


def _reschedule(outcome: RescheduleOrders, config: OdooConfig, _: str) -> list[Step]:
    return [
        _production(
            order.job_order,
            config,
            {"date_start": utc_text(order.planned_start), "date_finished": utc_text(order.planned_end)},
            order.version,
        )
        for order in outcome.orders
    ]


def _priority(outcome: SetPriority, config: OdooConfig, _: str) -> list[Step]:
    """Odoo knows normal and urgent (a star)."""
    star = "1" if outcome.priority <= config.urgent_to else "0"
    return [_production(job_order, config, {"priority": star}) for job_order in dict.fromkeys(outcome.job_orders)]


def _downtime(outcome: RecordDowntime, config: OdooConfig, reference: str) -> list[Step]:
    values: dict[str, Any] = {
        "workcenter_id": Ref("mrp.workcenter", config.work_center_field, outcome.equipment),
        "loss_id": Ref("mrp.workcenter.productivity.loss", "name", config.losses[outcome.reason]),
        "date_start": utc_text(outcome.start),
        "description": f"{outcome.cause} ({reference})".strip(),
    }
    if outcome.end:
        values["date_end"] = utc_text(outcome.end)
    return [Step("create", "mrp.workcenter.productivity", f"downtime of {outcome.equipment}", values)]


def _maintenance(outcome: MaintenanceOrder, config: OdooConfig, reference: str) -> list[Step]:
    """Equipment is found by its serial number; `done` is left to Odoo's stages, which each company names itself."""
    values = {
        "name": outcome.title,
        "description": f"{outcome.description} ({reference})".strip(),
        "priority": _PRIORITY[outcome.priority],
        "equipment_id": Ref("maintenance.equipment", "serial_no", outcome.equipment),
        "maintenance_type": "corrective",
    }
    return [Step("create", "maintenance.request", f"maintenance request {outcome.title}", values)]


def _deviation(outcome: RecordDeviation, _: OdooConfig, reference: str) -> list[Step]:
    lines = [outcome.description, outcome.disposition, reference]
    values = {
        "title": outcome.title,
        "description": "\n".join(line for line in lines if line),
        "lot_id": Ref("stock.lot", "name", outcome.lot),
    }
    return [Step("create", "quality.alert", f"quality alert {outcome.title}", values)]


def _create(outcome: CreateOrder, config: OdooConfig, reference: str) -> list[Step]:
    """Odoo makes work orders from the bill of materials itself; their times follow those of the order."""
    values = {
        config.order_field: outcome.job_order,
        "product_id": Ref("product.product", config.material_field, outcome.material),
        "product_qty": outcome.quantity,
        "date_start": utc_text(outcome.planned_start),
        "date_finished": utc_text(outcome.planned_end),
        "priority": "1" if outcome.priority <= config.urgent_to else "0",
        "origin": outcome.sale or reference,
    }
    label = f"manufacturing order {outcome.job_order}"
    return [Step("create", "mrp.production", label, values, after=(("action_confirm", ("draft",)),))]


def _promise(outcome: ChangePromise, config: OdooConfig, _: str) -> list[Step]:
    values = {"commitment_date": utc_text(outcome.promised)}
    where = Ref("sale.order", config.sale_field, outcome.sale)
    return [Step("write", "sale.order", f"sales order {outcome.sale}", values, where)]


def _cancel(outcome: CancelDocuments, config: OdooConfig, _: str) -> list[Step]:
    return list(withdrawals(outcome, models_of(config), "id", "Odoo"))


_WRITERS: dict[type[Any], Callable[[Any, OdooConfig, str], list[Step]]] = {
    RescheduleOrders: _reschedule,
    SetPriority: _priority,
    RecordDowntime: _downtime,
    MaintenanceOrder: _maintenance,
    RecordDeviation: _deviation,
    CreateOrder: _create,
    ChangePromise: _promise,
    CancelDocuments: _cancel,
}
