"""Outcomes as operations of a posting (`mfgos.posting.post`). Pure.

An operation is `{model, method, ids | values, expect?}`; `{"$ref": [n]}` stands for the ids that operation n gave and
`{"$ref": [n, i]}` for one of them. Which methods and fields a posting may use is the mfgos module's decision.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.tryton.facts import Facts, LotFacts, Places
from domain.books.outcomes import (
    CancelDocuments,
    ChangePromise,
    CreateOrder,
    DisposeLot,
    HoldLot,
    MaintenanceOrder,
    Outcome,
    OutcomeTransaction,
    PlannedWork,
    RecordDeviation,
    RecordDowntime,
    RescheduleOrders,
    SetOrderStatus,
    SetPriority,
)
from domain.errors import ConfigError, NotFoundError, RejectedError
from domain.values import content_hash

Record = dict[str, Any]
_RANK = {"record_downtime": 0}  # a maintenance order refers to the downtime of its transaction


@dataclass
class Draft:
    """The operations so far. `reference` is the exception's id: people find the records by it."""

    facts: Facts
    zone: ZoneInfo
    reference: str
    operations: list[Record] = field(default_factory=list)
    downtimes: dict[str, Any] = field(default_factory=dict)  # equipment -> downtime id or reference

    def add(self, model: str, method: str, **parts: Any) -> int:
        """Append an operation; its number."""
        self.operations.append({"model": model, "method": method, **parts})
        return len(self.operations) - 1

    def day(self, moment: datetime) -> date:
        """The plant's day of a moment: Tryton plans by days."""
        return moment.astimezone(self.zone).date()


def operations_of(transaction: OutcomeTransaction, facts: Facts, zone: ZoneInfo) -> list[Record]:
    """Raises NotFoundError for a record that Tryton does not have, ConfigError for an outcome that is no ERP's."""
    draft = Draft(facts, zone, transaction.exception_id)
    for outcome in sorted(transaction.outcomes, key=lambda outcome: _RANK.get(outcome.kind, 1)):
        write = _WRITERS.get(type(outcome))
        if write is None:
            raise ConfigError(f"Tryton takes no {outcome.kind}: post it to the MES.")
        write(outcome, draft)
    return draft.operations


def stamp_of(transaction: OutcomeTransaction) -> str:
    """What is kept with the posting: the decision, and a digest of the outcomes, which unlike the operations never
    depends on the state in which Tryton was found."""
    digest = content_hash([outcome.model_dump(mode="json") for outcome in transaction.outcomes])
    return f"{transaction.decision or transaction.id} sha256:{digest[:32]}"


def _reschedule(outcome: RescheduleOrders, draft: Draft) -> None:
    for order in outcome.orders:
        number = draft.facts.order(order.job_order)
        dates = {
            "planned_start_date": draft.day(order.planned_start),
            "planned_date": draft.day(order.planned_end),
        }
        expect = {"expect": {str(number): order.version}} if order.version else {}
        draft.add("production", "write", ids=[number], values=dates, **expect)
        if order.works:
            draft.add("production", "schedule", ids=[number], values=_works(order.works, draft))


def _works(works: Sequence[PlannedWork], draft: Draft) -> list[Record]:
    """Tryton's `sequence` of a work is the number of its operation in the routing, our `seq`."""
    return [
        {
            "sequence": work.seq,
            "work_center": draft.facts.work_center(work.work_unit),
            "planned_start": work.planned_start,
            "planned_end": work.planned_end,
        }
        for work in works
    ]


def _downtime(outcome: RecordDowntime, draft: Draft) -> None:
    center = draft.facts.work_center(outcome.equipment)
    known = draft.facts.open_downtimes.get(center)
    values: Record = {"reason": outcome.reason, "start": outcome.start, "notes": outcome.cause}
    if outcome.end:
        values["end"] = outcome.end
    if known:
        draft.add("production.work.center.downtime", "write", ids=[known], values=values)
        draft.downtimes[outcome.equipment] = known
    elif outcome.end == outcome.start:
        raise RejectedError(f"The downtime of {outcome.equipment} has ended in Tryton: take it back there.")
    else:
        values |= {"work_center": center, "reference": draft.reference}
        number = draft.add("production.work.center.downtime", "create", values=[values])
        draft.downtimes[outcome.equipment] = {"$ref": [number, 0]}
    status = {"status": "up" if outcome.end else "down"}
    draft.add("production.work.center", "write", ids=[center], values=status)


def _maintenance(outcome: MaintenanceOrder, draft: Draft) -> None:
    center = draft.facts.work_center(outcome.equipment)
    downtime = draft.downtimes.get(outcome.equipment) or draft.facts.open_downtimes.get(center)
    values = {
        "work_center": center,
        "title": outcome.title,
        "description": outcome.description,
        "priority": str(outcome.priority),
        "reference": draft.reference,
    }
    if downtime:
        values["downtime"] = downtime
    number = draft.add("maintenance.order", "create", values=[values])
    if outcome.done:
        for button in ("start", "do"):
            draft.add("maintenance.order", button, ids={"$ref": [number]})


def _hold(outcome: HoldLot, draft: Draft) -> None:
    """Orders that have reserved the lot wait again (with their works and times), so that all of it can go into
    quarantine. What a running order has taken already is on the floor and stays there."""
    lot, places = draft.facts.lot(outcome.lot), draft.facts.place()
    if not outcome.quantity:
        draft.add("stock.lot", "write", ids=[lot.id], values={"hold": True, "hold_reason": outcome.reason})
    if lot.reserved_by:
        draft.add("production", "wait", ids=lot.reserved_by)
    stock = {location: there for location, there in lot.stock.items() if location != places.quarantine}
    for location, quantity in _so_much(stock, outcome).items():
        _move(lot, quantity, (location, places.quarantine), draft)


def _so_much(stock: Mapping[int, float], outcome: HoldLot | DisposeLot) -> Mapping[int, float]:
    """All there is, or the wanted quantity of it, place by place. Raises RejectedError when there is less."""
    if not outcome.quantity:
        return stock
    left, taken = outcome.quantity, dict[int, float]()
    for location, there in stock.items():
        if left > 0:
            taken[location] = min(there, left)
            left -= taken[location]
    if left > 0:
        raise RejectedError(f"Tryton has only {outcome.quantity - left:g} of lot {outcome.lot} there.")
    return taken


def _dispose(outcome: DisposeLot, draft: Draft) -> None:
    """Release: free again and back in storage. Scrap: out of the stock, to lost and found. Rework and return: the lot
    waits in quarantine, on hold, and the reason says for what (an internal shipment cannot reach a supplier)."""
    lot, places = draft.facts.lot(outcome.lot), draft.facts.place()
    if outcome.quantity:
        _dispose_part(outcome, lot, places, draft)
        return
    released = outcome.disposition == "release"
    reason = None if released else f"{outcome.disposition}: {outcome.reason}".rstrip(": ")
    draft.add("stock.lot", "write", ids=[lot.id], values={"hold": not released, "hold_reason": reason})
    target = _target(outcome, places)
    quantity = lot.stock.get(places.quarantine, 0.0)
    if target and quantity:
        _move(lot, quantity, (places.quarantine, target), draft)


def _target(outcome: DisposeLot, places: Places) -> int | None:
    return {"release": places.storage, "scrap": places.lost_found}.get(outcome.disposition)


def _dispose_part(outcome: DisposeLot, lot: LotFacts, places: Places, draft: Draft) -> None:
    """Of what lies in quarantine. The lot is one record in Tryton: while the whole is on hold no part of it is free."""
    if outcome.disposition == "release" and lot.hold:
        raise RejectedError(f"The whole lot {outcome.lot} is on hold: release all of it, or scrap a part first.")
    taken = _so_much({places.quarantine: lot.stock.get(places.quarantine, 0.0)}, outcome)
    if target := _target(outcome, places):
        _move(lot, taken[places.quarantine], (places.quarantine, target), draft)
        return
    why = f"{outcome.disposition} {outcome.quantity:g}: {outcome.reason}".rstrip(": ")
    draft.add("stock.lot", "write", ids=[lot.id], values={"hold_reason": why})


def _move(lot: LotFacts, quantity: float, way: tuple[int, int], draft: Draft) -> None:
    ends = {"from_location": way[0], "to_location": way[1]}
    move = {"product": lot.product, "lot": lot.id, "quantity": quantity, "unit": lot.unit, **ends}
    today = draft.facts.today
    days = {"planned_date": today, "planned_start_date": today}  # Tryton requires both
    values = {"reference": draft.reference, **days, **ends, "moves": [["create", [move]]]}
    number = draft.add("stock.shipment.internal", "create", values=[values])
    for button in ("wait", "assign_try", "do"):
        draft.add("stock.shipment.internal", button, ids={"$ref": [number]})


def _deviation(outcome: RecordDeviation, draft: Draft) -> None:
    lines = [outcome.description, outcome.disposition]
    values = {
        "title": outcome.title,
        "description": "\n".join(line for line in lines if line),
        "origin": f"stock.lot,{draft.facts.lot(outcome.lot).id}",
        "reference": draft.reference,
    }
    number = draft.add("quality.alert", "create", values=[values])
    draft.add("quality.alert", "process", ids={"$ref": [number]})


def _status(outcome: SetOrderStatus, draft: Draft) -> None:
    held = outcome.status == "held"
    values = {"hold": held, "hold_reason": outcome.reason if held else None}
    draft.add("production", "write", ids=_orders(outcome.job_orders, draft), values=values)


def _priority(outcome: SetPriority, draft: Draft) -> None:
    ids = _orders(outcome.job_orders, draft)
    draft.add("production", "write", ids=ids, values={"priority": outcome.priority})


def _orders(job_orders: Sequence[str], draft: Draft) -> list[int]:
    return [draft.facts.order(job_order) for job_order in dict.fromkeys(job_orders)]


def _create(outcome: CreateOrder, draft: Draft) -> None:
    product = draft.facts.material(outcome.material)
    values: Record = {
        "product": product.id,
        "bom": product.bom,
        "routing": product.routing,
        "quantity": outcome.quantity,
        "unit": product.unit,
        "planned_start_date": draft.day(outcome.planned_start),
        "planned_date": draft.day(outcome.planned_end),
        "priority": outcome.priority,
        "reference": outcome.job_order,
    }
    if outcome.works:
        values["work_center"] = draft.facts.plants[outcome.works[0].work_unit]
    if outcome.sale and (line := draft.facts.sale(outcome.sale).lines.get(product.id)):
        values["origin"] = f"sale.line,{line}"
    number = draft.add("production", "plan", values=[values])
    draft.add("production", "wait", ids={"$ref": [number]})  # makes the works, each on a machine of Tryton's choice
    if outcome.works:
        draft.add("production", "schedule", ids={"$ref": [number]}, values=_works(outcome.works, draft))


def _promise(outcome: ChangePromise, draft: Draft) -> None:
    sale = draft.facts.sale(outcome.sale)
    values: Record = {"shipping_date": draft.day(outcome.promised), "promised_at": outcome.promised}
    if outcome.reason:
        values["comment"] = f"{sale.comment}\n{outcome.reason}".strip()
    draft.add("sale.sale", "write", ids=[sale.id], values=values)


def _cancel(outcome: CancelDocuments, draft: Draft) -> None:
    """Documents are called as their receipt called them: `maintenance.order 3 (Spindle)`."""
    for name in outcome.documents:
        model, number = [*name.split(" ", 2), ""][:2]
        if model not in _CANCELS or not number.isdecimal():
            raise NotFoundError(f"Tryton can't cancel {name}: do it there.")
        draft.add(model, _CANCELS[model], ids=[int(number)])


_CANCELS = {"maintenance.order": "cancel", "production": "cancel", "quality.alert": "resolve"}
_WRITERS: dict[type[Outcome], Callable[[Any, Draft], None]] = {
    RescheduleOrders: _reschedule,
    RecordDowntime: _downtime,
    MaintenanceOrder: _maintenance,
    HoldLot: _hold,
    DisposeLot: _dispose,
    RecordDeviation: _deviation,
    SetOrderStatus: _status,
    SetPriority: _priority,
    CreateOrder: _create,
    ChangePromise: _promise,
    CancelDocuments: _cancel,
}
