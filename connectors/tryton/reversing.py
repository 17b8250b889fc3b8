"""How a posting is taken back: the outcomes that undo it, from what stood before. Pure."""

from collections.abc import Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from domain.books.booking import FieldChange, Preview
from domain.books.outcomes import (
    CancelDocuments,
    ChangePromise,
    CreateOrder,
    DisposeLot,
    HoldLot,
    MaintenanceOrder,
    Outcome,
    OutcomeTransaction,
    PlannedOrder,
    PlannedWork,
    Receipt,
    RecordDeviation,
    RecordDowntime,
    RescheduleOrders,
    SetOrderStatus,
    SetPriority,
)
from domain.errors import RejectedError
from domain.values import parse_time

_MADE = {"maintenance_order": "maintenance.order", "create_order": "production", "record_deviation": "quality.alert"}
_WHY = "reversed"


def reversal_of(
    transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None, zone: ZoneInfo, units: dict[int, str]
) -> list[Outcome]:
    """The last outcome first. `units`: work center id -> code. Raises RejectedError for what only people can undo."""
    before = {(change.record, change.field): change.before for change in (shown.changes if shown else [])}
    found: list[Outcome] = []
    for outcome in reversed(transaction.outcomes):
        found += _undo(outcome, receipt, _Before(before, shown.changes if shown else [], zone, units))
    return found


class _Before:
    """What stood before the posting."""

    def __init__(
        self,
        values: dict[tuple[str, str], object],
        changes: Sequence[FieldChange],
        zone: ZoneInfo,
        units: dict[int, str],
    ) -> None:
        self._values, self._changes, self._zone, self._units = values, changes, zone, units

    def was(self, model: str, label: str, field: str) -> object:
        """None when it was not kept."""
        for (record, name), value in self._values.items():
            if name == field and record.startswith(f"{model} ") and record.endswith(f"({label})") and value is not None:
                return value
        return None

    def of(self, model: str, label: str, field: str) -> str:
        """The value as text. Raises RejectedError when it was not kept."""
        value = self.was(model, label, field)
        if value is None:
            raise RejectedError(f"What stood before of {label} is not known: set it back in Tryton by hand.")
        return str(value)

    def day(self, model: str, label: str, field: str) -> datetime:
        """Noon of the plant's day: Tryton plans by days."""
        return datetime.combine(date.fromisoformat(self.of(model, label, field)), time(12), self._zone)

    def works(self, order: str, works: Sequence[PlannedWork]) -> list[PlannedWork]:
        """The order's operations as they were planned; those without times before stay as they are."""
        found: list[PlannedWork] = []
        for work in works:
            record = f"operation {order}/{work.seq}"
            center, start, end = (
                self._values.get((record, name)) for name in ("work_center", "planned_start", "planned_end")
            )
            unit = self._units.get(center) if isinstance(center, int) else None
            if unit and start and end:
                times = {"planned_start": parse_time(str(start)), "planned_end": parse_time(str(end))}
                found.append(PlannedWork(seq=work.seq, work_unit=unit, sequence=work.sequence, **times))
        return found


def _undo(outcome: Outcome, receipt: Receipt, before: _Before) -> list[Outcome]:
    match outcome:
        case RescheduleOrders():
            return [RescheduleOrders(orders=[_order(order, before) for order in outcome.orders])]
        case SetPriority():
            orders = [(name, int(before.of("production", name, "priority"))) for name in outcome.job_orders]
            return [SetPriority(job_orders=[name], priority=priority) for name, priority in orders]
        case SetOrderStatus():
            held = outcome.status == "held"
            ours = [name for name in outcome.job_orders if before.was("production", name, "hold") is not held]
            other = "released" if held else "held"
            return [SetOrderStatus(job_orders=ours, status=other, reason=_WHY)] if ours else []
        case HoldLot() | DisposeLot(disposition="release"):
            return _lot_as_before(outcome, before)
        case RecordDowntime():
            return [outcome.model_copy(update={"end": outcome.start, "cause": f"{outcome.cause} ({_WHY})".strip()})]
        case ChangePromise():
            stood = before.day("sale.sale", outcome.sale, "shipping_date")
            return [ChangePromise(sale=outcome.sale, promised=stood, reason=_WHY)]
        case MaintenanceOrder() | CreateOrder() | RecordDeviation():
            return _cancel(outcome.kind, receipt)
    raise RejectedError(f"{outcome.kind.replace('_', ' ')} can't be taken back here: do it in Tryton.")


def _lot_as_before(outcome: HoldLot | DisposeLot, before: _Before) -> list[Outcome]:
    """A lot that was on hold before goes on being so, with the reason that stood: it is not ours to free."""
    if outcome.quantity:
        return [_opposite(outcome)]
    releases, held = isinstance(outcome, DisposeLot), before.was("stock.lot", outcome.lot, "hold")
    if releases and held is False:
        return []
    if releases or held is True:
        reason = before.was("stock.lot", outcome.lot, "hold_reason")
        return [HoldLot(lot=outcome.lot, reason=str(reason or _WHY))]
    return [_opposite(outcome)]


def _opposite(outcome: HoldLot | DisposeLot) -> Outcome:
    if isinstance(outcome, HoldLot):
        return DisposeLot(lot=outcome.lot, quantity=outcome.quantity, disposition="release", reason=_WHY)
    return HoldLot(lot=outcome.lot, quantity=outcome.quantity, reason=_WHY)


def _order(order: PlannedOrder, before: _Before) -> PlannedOrder:
    return PlannedOrder(
        job_order=order.job_order,
        planned_start=before.day("production", order.job_order, "planned_start_date"),
        planned_end=before.day("production", order.job_order, "planned_date"),
        works=before.works(order.job_order, order.works),
    )


def _cancel(kind: str, receipt: Receipt) -> list[Outcome]:
    model = _MADE[kind]
    documents = [name for name in receipt.documents if name.startswith(f"{model} ")]
    if not documents:
        raise RejectedError(f"The receipt names no {model}: take it back in Tryton.")
    return [CancelDocuments(documents=documents, reason=_WHY)]
