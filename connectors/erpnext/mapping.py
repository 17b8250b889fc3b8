"""Outcomes as documents of ERPNext. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.erpnext.client import local_text
from connectors.erpnext.config import ErpNextConfig
from connectors.records import Ref, Step, merged, stamped
from connectors.way_back import withdrawals
from domain.books.outcomes import (
    CancelDocuments,
    DisposeLot,
    HoldLot,
    MaintenanceOrder,
    OutcomeTransaction,
    RecordDeviation,
    RecordDowntime,
    RescheduleOrders,
)
from domain.errors import ConfigError, RejectedError

MODELS = ("Work Order", "Downtime Entry", "Asset Repair", "Batch", "Non Conformance")


@dataclass(frozen=True)
class About:
    """What every document may say: `reference` is the exception's id, `now` in the site's zone."""

    config: ErpNextConfig
    reference: str
    now: str


def steps_of(transaction: OutcomeTransaction, config: ErpNextConfig, now: datetime) -> list[Step]:
    """`now` (aware) is when a failure was reported. Raises ConfigError for an outcome that this connector does not book
    or lacks a setting for."""
    steps: list[Step] = []
    about = About(config, transaction.exception_id, local_text(now, ZoneInfo(config.timezone)))
    for number, outcome in enumerate(transaction.outcomes):
        make = _WRITERS.get(type(outcome))
        if make is None:
            raise ConfigError(f"ERPNext takes no {outcome.kind} here: leave it out or do it in ERPNext.")
        steps += stamped(make(outcome, about), outcome, number)
    return merged(steps)


def _reschedule(outcome: RescheduleOrders, about: About) -> list[Step]:
    zone = ZoneInfo(about.config.timezone)
    return [
        Step(
            "write",
            "Work Order",
            f"work order {order.job_order}",
            {
                "planned_start_date": local_text(order.planned_start, zone),
                "planned_end_date": local_text(order.planned_end, zone),
            },
            Ref("Work Order", about.config.order_field, order.job_order),
            order.version,
        )
        for order in outcome.orders
    ]


def _downtime(outcome: RecordDowntime, about: About) -> list[Step]:
    """ERPNext books a downtime when it is over, and in an employee's name."""
    if outcome.end is None:
        raise RejectedError("ERPNext books a downtime only when it is over: give its end.")
    if not about.config.operator:
        raise ConfigError("ERPNext wants an employee for a downtime: set `operator` in the connector's settings.")
    zone = ZoneInfo(about.config.timezone)
    values = {
        "workstation": Ref("Workstation", "name", outcome.equipment),
        "operator": about.config.operator,
        "from_time": local_text(outcome.start, zone),
        "to_time": local_text(outcome.end, zone),
        "stop_reason": about.config.reasons[outcome.reason],
        "remarks": f"{outcome.cause} ({about.reference})".strip(),
    }
    return [Step("create", "Downtime Entry", f"downtime of {outcome.equipment}", values)]


def _maintenance(outcome: MaintenanceOrder, about: About) -> list[Step]:
    values = {
        "asset": Ref("Asset", "asset_name", outcome.equipment),
        "description": f"{outcome.title}\n{outcome.description} ({about.reference})".strip(),
        "repair_status": "Completed" if outcome.done else "Pending",
    }
    return [Step("create", "Asset Repair", f"asset repair {outcome.title}", values, also={"failure_date": about.now})]


def _hold(outcome: HoldLot, _: About) -> list[Step]:
    """A disabled batch can't be used in a transaction."""
    return [_batch(outcome, 1)]


def _dispose(outcome: DisposeLot, _: About) -> list[Step]:
    if outcome.disposition != "release":
        raise RejectedError(f"ERPNext takes no {outcome.disposition} from here: book the stock entry there.")
    return [_batch(outcome, 0)]


def _batch(outcome: HoldLot | DisposeLot, disabled: int) -> Step:
    lot = outcome.lot
    if outcome.quantity:
        raise RejectedError(f"ERPNext holds whole batches: move the {outcome.quantity:g} of batch {lot} there.")
    return Step("write", "Batch", f"batch {lot}", {"disabled": disabled}, Ref("Batch", "name", lot))


def _deviation(outcome: RecordDeviation, about: About) -> list[Step]:
    if not about.config.procedure:
        raise ConfigError("ERPNext wants a procedure for it: set `procedure` in the connector's settings.")
    lines = [f"Batch {outcome.lot}", outcome.description, outcome.disposition, about.reference]
    values = {
        "subject": outcome.title,
        "procedure": about.config.procedure,
        "status": "Open",
        "details": "\n".join(line for line in lines if line),
    }
    return [Step("create", "Non Conformance", f"non-conformance {outcome.title}", values)]


def _cancel(outcome: CancelDocuments, _: About) -> list[Step]:
    return list(withdrawals(outcome, MODELS, "name", "ERPNext"))


_WRITERS: dict[type[Any], Callable[[Any, About], list[Step]]] = {
    RescheduleOrders: _reschedule,
    RecordDowntime: _downtime,
    MaintenanceOrder: _maintenance,
    HoldLot: _hold,
    DisposeLot: _dispose,
    RecordDeviation: _deviation,
    CancelDocuments: _cancel,
}
