"""What our outcomes would change, have changed, and how they are taken back, from the MES's job orders. Pure.

A segment is `operation JO-1001/10`, an order `job order JO-1001`; the sequence on a machine follows the planned starts,
so that it is no field of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.books.booking import FieldChange, FieldStanding, Preview
from domain.books.outcomes import (
    CancelDocuments,
    CreateOrder,
    DispatchEntry,
    Outcome,
    OutcomeTransaction,
    Receipt,
    SetOrderStatus,
    UpdateDispatchList,
)
from domain.errors import ConflictError, NotFoundError, RejectedError
from domain.values import Json, iso, parse_time

DISPATCH_LIST = "dispatch list"
_WHY = "taken back"
_PLAN = ("work_unit", "planned_start", "planned_end")
Orders = Mapping[str, Mapping[str, Any]]
"""The MES's job orders by id, as it answers them."""


def orders_of(outcomes: Sequence[Outcome]) -> list[str]:
    """The job orders that these outcomes are about."""
    return sorted({name for outcome in outcomes for name in _named(outcome)})


def _named(outcome: Outcome) -> list[str]:
    match outcome:
        case UpdateDispatchList():
            return [entry.job_order for entry in outcome.entries]
        case SetOrderStatus():
            return outcome.job_orders
        case CreateOrder():
            return [outcome.job_order]
        case CancelDocuments():
            return [order_in(name) for name in outcome.documents]
    return []


def order_in(document: str) -> str:
    """The job order that a document of ours names: `job order JO-1003 held (plan version 12)`."""
    words = document.split()
    if words[:2] != ["job", "order"] or len(words) < 3:
        raise NotFoundError(f"The MES has no {document}: undo it where it is.")
    return words[2]


def label(job_order: str) -> str:
    return f"job order {job_order}"


def preview(outcomes: Sequence[Outcome], orders: Orders, plan_version: str) -> Preview:
    """Raises what posting would: ConflictError for a plan that has passed, NotFoundError, RejectedError."""
    changes: list[FieldChange] = []
    versions: dict[str, str] = {}
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, UpdateDispatchList):
            if outcome.version and outcome.version != plan_version:
                raise ConflictError("The MES's dispatch list has changed: plan again on the new one.")
            versions[DISPATCH_LIST] = plan_version
        elif not isinstance(outcome, CreateOrder):
            versions |= {label(name): str(_order(orders, name)["version"]) for name in _named(outcome)}
        changes += [change.model_copy(update={"outcome": number}) for change in _changes(outcome, orders)]
    return Preview(changes=changes, versions=versions)


def standing(outcomes: Sequence[Outcome], orders: Orders) -> list[FieldStanding]:
    """What was posted of each field, and what stands. An order that is gone has nothing."""
    return [
        FieldStanding(record=record, field=field, posted=posted, stands=stands)
        for outcome in outcomes
        for record, field, stands, posted in _fields(outcome, orders)
    ]


def _changes(outcome: Outcome, orders: Orders) -> Iterator[FieldChange]:
    if isinstance(outcome, CreateOrder):
        if outcome.job_order in orders:
            raise RejectedError(f"The MES has {label(outcome.job_order)} already.")
        values = {"material": outcome.material, "quantity": outcome.quantity, "due": iso(outcome.planned_end)}
        for field, value in values.items():
            yield FieldChange(record=label(outcome.job_order), field=field, after=value, created=True)
        return
    for record, field, before, after in _fields(outcome, orders, needed=True):
        yield FieldChange(record=record, field=field, before=before, after=after)


def _fields(outcome: Outcome, orders: Orders, *, needed: bool = False) -> Iterator[tuple[str, str, Json, Json]]:
    """Record, field, what stands, what the outcome wants. `needed`: raises NotFoundError for what is not there."""
    match outcome:
        case UpdateDispatchList():
            for entry in outcome.entries:
                now = _segment(orders, entry, needed=needed)
                wanted = (entry.work_unit, iso(entry.planned_start), iso(entry.planned_end))
                for field, stands, value in zip(_PLAN, now, wanted, strict=True):
                    yield f"operation {entry.job_order}/{entry.seq}", field, stands, value
        case SetOrderStatus():
            for name in outcome.job_orders:
                order = _order(orders, name) if needed or name in orders else {"hold": None}
                yield label(name), "held", order["hold"] is not None, outcome.status == "held"
        case CreateOrder():
            order = orders.get(outcome.job_order, {})
            yield label(outcome.job_order), "material", order.get("material_definition_id"), outcome.material
            yield label(outcome.job_order), "quantity", order.get("quantity"), outcome.quantity
        case CancelDocuments():
            for name in _named(outcome):
                yield label(name), "status", _order(orders, name)["status"] if needed else _status(orders, name), None


def _status(orders: Orders, name: str) -> Json:
    return orders[name]["status"] if name in orders else None


def _order(orders: Orders, name: str) -> Mapping[str, Any]:
    if name not in orders:
        raise NotFoundError(f"The MES does not know {label(name)}.")
    return orders[name]


def _segment(orders: Orders, entry: DispatchEntry, *, needed: bool) -> tuple[Json, Json, Json]:
    segments = orders.get(entry.job_order, {}).get("segments", [])
    found = next((one["planned"] for one in segments if one["seq"] == entry.seq), None)
    if found is None and needed:
        raise NotFoundError(f"The MES does not know operation {entry.job_order}/{entry.seq}.")
    return (found["equipment_id"], _moment(found["start"]), _moment(found["end"])) if found else (None, None, None)


def _moment(value: str) -> str:
    return iso(parse_time(value))


def reversal_of(transaction: OutcomeTransaction, receipt: Receipt, shown: Preview | None) -> list[Outcome]:
    """The last outcome first. Raises RejectedError when nobody kept what stood before."""
    before = {(change.record, change.field): change.before for change in (shown.changes if shown else [])}
    found: list[Outcome] = []
    for outcome in reversed(transaction.outcomes):
        found += _undo(outcome, receipt, before)
    return found


def _undo(outcome: Outcome, receipt: Receipt, before: Mapping[tuple[str, str], Json]) -> list[Outcome]:
    match outcome:
        case UpdateDispatchList():
            return [UpdateDispatchList(entries=[_entry(entry, before) for entry in outcome.entries])]
        case SetOrderStatus():
            held = outcome.status == "held"
            changed = [name for name in outcome.job_orders if before.get((label(name), "held"), not held) is not held]
            other = "released" if held else "held"
            return [SetOrderStatus(job_orders=changed, status=other, reason=_WHY)] if changed else []
        case CreateOrder():
            own = [name for name in receipt.documents if name.startswith(f"{label(outcome.job_order)} ")]
            return [CancelDocuments(documents=own or [f"{label(outcome.job_order)} new"], reason=_WHY)]
    raise RejectedError(f"{outcome.kind.replace('_', ' ')} can't be taken back here: do it in the MES.")


def _entry(entry: DispatchEntry, before: Mapping[tuple[str, str], Json]) -> DispatchEntry:
    record = f"operation {entry.job_order}/{entry.seq}"
    stood = {field: before.get((record, field)) for field in _PLAN}
    if None in stood.values():
        raise RejectedError(f"What stood before of {record} is not known: set it back in the MES.")
    return DispatchEntry.model_validate({"job_order": entry.job_order, "seq": entry.seq, "sequence": 0, **stood})
