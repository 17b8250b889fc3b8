"""How a posting to ERPNext is taken back. Pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

from connectors.way_back import WHY, Stood, made_by
from domain.books.booking import Preview
from domain.books.outcomes import (
    DisposeLot,
    HoldLot,
    Outcome,
    OutcomeTransaction,
    PlannedOrder,
    Receipt,
    RescheduleOrders,
)
from domain.errors import RejectedError

MADE = {
    "record_downtime": "Downtime Entry",
    "maintenance_order": "Asset Repair",
    "record_deviation": "Non Conformance",
}
"""What creates a document of its own, and of which type."""


def reversal_of(
    transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None, zone: ZoneInfo
) -> list[Outcome]:
    """The last first. Raises RejectedError for what only people can undo."""
    stood = Stood(shown, "ERPNext")
    found = list(made_by(transaction, receipt, MADE, "ERPNext"))
    for outcome in reversed(transaction.outcomes):
        if outcome.kind not in MADE:
            found += _undo(outcome, stood, zone)
    return found


def _undo(outcome: Outcome, stood: Stood, zone: ZoneInfo) -> list[Outcome]:
    match outcome:
        case RescheduleOrders():
            return [RescheduleOrders(orders=[_order(order.job_order, stood, zone) for order in outcome.orders])]
        case HoldLot():
            return [DisposeLot(lot=outcome.lot, disposition="release", reason=WHY)]
        case DisposeLot(disposition="release"):
            return [HoldLot(lot=outcome.lot, reason=WHY)]
    raise RejectedError(f"{outcome.kind.replace('_', ' ')} can't be taken back here: do it in ERPNext.")


def _order(name: str, stood: Stood, zone: ZoneInfo) -> PlannedOrder:
    record, fields = f"work order {name}", ("planned_start_date", "planned_end_date")
    start, end = (datetime.fromisoformat(str(stood.of(record, field))).replace(tzinfo=zone) for field in fields)
    return PlannedOrder(job_order=name, planned_start=start, planned_end=end)
