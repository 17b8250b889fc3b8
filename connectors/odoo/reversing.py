"""How a posting to Odoo is taken back. Pure."""

from datetime import UTC, datetime

from connectors.odoo.config import OdooConfig
from connectors.way_back import WHY, Stood, taken_back
from domain.books.booking import Preview
from domain.books.outcomes import (
    ChangePromise,
    Outcome,
    OutcomeTransaction,
    PlannedOrder,
    Receipt,
    RescheduleOrders,
    SetPriority,
)
from domain.values import Json

MADE = {
    "record_downtime": "mrp.workcenter.productivity",
    "maintenance_order": "maintenance.request",
    "record_deviation": "quality.alert",
    "create_order": "mrp.production",
}
"""What creates a record of its own, and of which model."""


def reversal_of(
    transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None, config: OdooConfig
) -> list[Outcome]:
    """The last first. Raises RejectedError for what only people can undo."""
    stood = Stood(shown, "Odoo")
    return taken_back(transaction, receipt, MADE, "Odoo", lambda outcome: _undo(outcome, stood, config))


def _undo(outcome: Outcome, stood: Stood, config: OdooConfig) -> list[Outcome] | None:
    match outcome:
        case RescheduleOrders():
            return [RescheduleOrders(orders=[_order(order.job_order, stood) for order in outcome.orders])]
        case SetPriority():
            records = [(name, stood.of(f"manufacturing order {name}", "priority")) for name in outcome.job_orders]
            normal = max(50, config.urgent_to + 1)
            stars = [(name, config.urgent_to if star == "1" else normal) for name, star in records]
            return [SetPriority(job_orders=[name], priority=max(1, priority)) for name, priority in stars]
        case ChangePromise():
            before = _moment(stood.of(f"sales order {outcome.sale}", "commitment_date"))
            return [ChangePromise(sale=outcome.sale, promised=before, reason=WHY)]
    return None


def _order(name: str, stood: Stood) -> PlannedOrder:
    record = f"manufacturing order {name}"
    start, end = (_moment(stood.of(record, field)) for field in ("date_start", "date_finished"))
    return PlannedOrder(job_order=name, planned_start=start, planned_end=end)


def _moment(value: Json) -> datetime:
    return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
