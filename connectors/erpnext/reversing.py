"""How a posting to ERPNext is taken back. Pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

from connectors.way_back import Stood, taken_back
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
    return taken_back(transaction, receipt, MADE, "ERPNext", lambda outcome: _undo(outcome, stood, zone))


def _undo(outcome: Outcome, stood: Stood, zone: ZoneInfo) -> list[Outcome] | None:
    match outcome:
        case RescheduleOrders():
            return [RescheduleOrders(orders=[_order(order.job_order, stood, zone) for order in outcome.orders])]
        case HoldLot() | DisposeLot() if stood.was(f"batch {outcome.lot}", "disabled") == int(
            outcome.kind == "hold_lot"
        ):
            return []  # somebody had disabled the batch before: it is theirs to enable
    return None


def _order(name: str, stood: Stood, zone: ZoneInfo) -> PlannedOrder:
    record, fields = f"work order {name}", ("planned_start_date", "planned_end_date")
    start, end = (datetime.fromisoformat(str(stood.of(record, field))).replace(tzinfo=zone) for field in fields)
    return PlannedOrder(job_order=name, planned_start=start, planned_end=end)
