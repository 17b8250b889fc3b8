"""The outcomes that undo a posted transaction. Pure: what stood before comes from the last preview."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from math import fsum
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sap.config import SapConfig
from connectors.sap.mapping import moment_of
from domain.books.booking import Preview
from domain.books.outcomes import (
    ChangePromise,
    DisposeLot,
    HoldLot,
    Outcome,
    OutcomeTransaction,
    PlannedOrder,
    PlannedWork,
    RecordDowntime,
    RescheduleOrders,
    SetPriority,
)
from domain.errors import RejectedError
from domain.values import Json

Before = Mapping[str, Json]
_DIGITS = 6  # more than any unit has; a sum of floats has more
_HOW = {
    "create_order": "set the order's deletion flag",
    "maintenance_order": "complete or delete the maintenance order and its notification",
    "record_deviation": "make the usage decision of the inspection lot",
}


def reversal_of(transaction: OutcomeTransaction, shown: Preview | None, config: SapConfig) -> list[Outcome]:
    """In reverse order. Raises RejectedError where people must undo it in SAP, saying how."""
    undo: list[Outcome] = []
    for number, outcome in reversed(list(enumerate(transaction.outcomes))):
        write = _WRITERS.get(type(outcome))
        if write is None:
            how = _HOW.get(outcome.kind, "undo it")
            raise RejectedError(f"SAP's services cannot undo {outcome.kind}: {how} in SAP.")
        undo += write(outcome, _Shown(shown, number), config)
    return undo


class _Shown:
    """What stood before, by record, of one outcome. A record that two outcomes changed is told under one of them."""

    def __init__(self, shown: Preview | None, outcome: int) -> None:
        self._shown = shown
        self._outcome = outcome

    def before(self, record: str) -> Before:
        """Raises RejectedError without a preview of the record."""
        changes = self._shown.changes if self._shown else []
        found = {change.field: change.before for change in changes if change.record == record and not change.created}
        if not found:
            raise RejectedError(f"Nobody kept what {record} was before: change it in SAP.")
        return found

    def moved(self, lot: str) -> float:
        """How much stock. Raises RejectedError when nobody kept it: what lies there now may be other people's."""
        changes = self._shown.changes if self._shown else []
        mine = (one for one in changes if one.outcome == self._outcome and one.field == "QuantityInEntryUnit")
        much = fsum(float(one.after) for one in mine if isinstance(one.after, int | float))
        if not much:
            raise RejectedError(f"Nobody kept how much of batch {lot} was moved: cancel the material document in SAP.")
        return round(much, _DIGITS)


def _reschedule(outcome: RescheduleOrders, shown: _Shown, config: SapConfig) -> list[Outcome]:
    zone = ZoneInfo(config.timezone)
    orders = []
    for order in outcome.orders:
        label = f"production order {order.job_order}"
        start, end = _span(
            shown.before(label), "MfgOrderPlannedStart{}", "MfgOrderPlannedEnd{}", ("Date", "Time"), zone
        )
        works = [_work(work, shown.before(f"operation {work.seq} of {label}"), zone, config) for work in order.works]
        orders.append(PlannedOrder(job_order=order.job_order, planned_start=start, planned_end=end, works=works))
    return [RescheduleOrders(orders=orders)]


def _work(work: PlannedWork, before: Before, zone: ZoneInfo, config: SapConfig) -> PlannedWork:
    start, end = work.planned_start, work.planned_end
    if config.operation_times:
        start, end = _span(before, "OpErlstSchedldExecStrt{}", "OpErlstSchedldExecEnd{}", ("Dte", "Tme"), zone)
    unit = config.work_unit(str(before["WorkCenter"]))
    return work.model_copy(update={"work_unit": unit, "planned_start": start, "planned_end": end})


def _span(before: Before, first: str, last: str, ends: tuple[str, str], zone: ZoneInfo) -> tuple[datetime, datetime]:
    found = []
    for name in (first, last):
        day, at = before.get(name.format(ends[0])), before.get(name.format(ends[1]))
        moment = (
            moment_of(date.fromisoformat(str(day)), time.fromisoformat(str(at)) if at else None, zone) if day else None
        )
        if moment is None:
            raise RejectedError("SAP had no planned times before: clear them in SAP.")
        found.append(moment)
    return found[0], found[1]


def _priority(outcome: SetPriority, shown: _Shown, config: SapConfig) -> list[Outcome]:
    by_priority: dict[int, list[str]] = {}
    for name in outcome.job_orders:
        before = shown.before(f"production order {name}").get("ManufacturingOrderImportance")
        by_priority.setdefault(config.priority_of(str(before or "")), []).append(name)
    return [SetPriority(job_orders=names, priority=priority) for priority, names in by_priority.items()]


def _promise(outcome: ChangePromise, shown: _Shown, config: SapConfig) -> list[Outcome]:
    day = shown.before(f"sales order {outcome.sale}").get("RequestedDeliveryDate")
    if not day:
        raise RejectedError("The sales order had no delivery date before: clear it in SAP.")
    promised = moment_of(date.fromisoformat(str(day)), time(23, 59), ZoneInfo(config.timezone))
    assert promised is not None
    return [ChangePromise(sale=outcome.sale, promised=promised, reason="reversal")]


def _hold(outcome: HoldLot, shown: _Shown, config: SapConfig) -> list[Outcome]:
    """So much as it blocked: what was blocked beside it stays so."""
    much = outcome.quantity or shown.moved(outcome.lot)
    back = {"lot": outcome.lot, "quantity": much, "reason": f"reversal: {outcome.reason}"}
    return [DisposeLot.model_validate(back | {"disposition": "release"})]


def _dispose(outcome: DisposeLot, shown: _Shown, config: SapConfig) -> list[Outcome]:
    if outcome.disposition != "release":
        raise RejectedError(f"SAP's services cannot undo {outcome.disposition}: cancel the material document in SAP.")
    much = outcome.quantity or shown.moved(outcome.lot)
    return [HoldLot(lot=outcome.lot, quantity=much, reason=f"reversal: {outcome.reason}")]


def _downtime(outcome: RecordDowntime, shown: _Shown, config: SapConfig) -> list[Outcome]:
    """It ends when it began."""
    if outcome.end is not None:
        raise RejectedError("SAP's services cannot undo an ended downtime: change the notification in SAP.")
    return [outcome.model_copy(update={"end": outcome.start})]


_WRITERS: Mapping[type[Outcome], Callable[[Any, _Shown, SapConfig], list[Outcome]]] = {
    RescheduleOrders: _reschedule,
    SetPriority: _priority,
    ChangePromise: _promise,
    HoldLot: _hold,
    DisposeLot: _dispose,
    RecordDowntime: _downtime,
}
