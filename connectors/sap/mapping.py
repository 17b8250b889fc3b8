"""Outcomes as steps in SAP. Pure.

A step is either changes of records that exist (idempotent by value, guarded by their ETag) or a new document that
carries our stamp. Changes go first, so that the last document, which has the plain key, stands only when all the rest
does.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sap import edm
from connectors.sap.config import SapConfig
from connectors.sap.connection import Change
from connectors.sap.facts import HEADER, ITEM, NOTICE, OPERATION, ORDER, Facts, Record, seq_of
from connectors.sap.metadata import MAINTENANCE, EntitySet, entity_set
from connectors.sap.sales import sales_of
from connectors.sap.stamps import INSPECTION_LOT, STEPS, Stamp, mark_of, step_keys
from connectors.sap.stock import Place
from domain.books.outcomes import (
    ChangePromise,
    CreateOrder,
    DisposeLot,
    HoldLot,
    MaintenanceOrder,
    Outcome,
    OutcomeTransaction,
    PlannedOrder,
    RecordDeviation,
    RecordDowntime,
    RescheduleOrders,
    SetPriority,
)
from domain.errors import ConfigError, ConflictError, NotFoundError, RejectedError

MAINTENANCE_ORDER = entity_set(MAINTENANCE, "MaintenanceOrder")


@dataclass(frozen=True)
class Update:
    """One change: what stands now, what shall. `version`: the one that the plan was made from, empty if any will do."""

    change: Change
    before: Record
    label: str
    version: str
    outcome: int

    @property
    def done(self) -> bool:
        """Whether everything stands already."""
        return all(self.before.get(name) == value for name, value in self.change.values.items())

    def check(self) -> None:
        """Raises ConflictError when the record is not the one that was planned with."""
        if not self.done and self.version and self.version != self.change.etag:
            raise ConflictError(
                f"{self.label} changed in SAP meanwhile: look again.", code="sap.drift", detail=f"{self.change.etag}"
            )


@dataclass(frozen=True)
class Document:
    """A new record. `stamp` None: its number is its key (a production order with an external number). `order`: the
    maintenance order that belongs to a notification; `lines`: the items of a material document."""

    target: EntitySet
    values: Mapping[str, Any]
    label: str
    outcome: int
    stamp: Stamp | None = None
    text: str = ""
    lines: Sequence[Mapping[str, Any]] = ()
    order: Mapping[str, Any] | None = None
    done: bool = False

    def body(self) -> dict[str, Any]:
        """The values of the POST, stamped."""
        stamped = self.stamp.fields(self.target, self.text) if self.stamp else {}
        items = [_line(line) for line in self.lines]
        return {**self.values, **stamped, **({"to_MaterialDocumentItem": items} if items else {})}


@dataclass
class Draft:
    """The steps so far. `seen`: the version of each record as it was last shown (`Preview.versions`)."""

    config: SapConfig
    facts: Facts
    now: datetime
    seen: Mapping[str, str] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.config.timezone)

    def local(self, moment: datetime) -> tuple[date, time]:
        """The plant's day and time, as SAP keeps them."""
        local = moment.astimezone(self.zone).replace(microsecond=0)
        return local.date(), local.time()

    def change(self, target: EntitySet, record: Record, values: Mapping[str, Any], about: tuple[str, str, int]) -> None:
        """`about`: label, version, number of the outcome."""
        label, version, number = about
        version = version or self.seen.get(label, "")
        key = {name: record[name] for name in target.keys}
        same = next((item for item in self.updates if item.change.target == target and item.change.key == key), None)
        if same is not None:  # one record is changed once, or its second change would find another version
            self.updates.remove(same)
            values, version = {**same.change.values, **values}, same.version or version
        change = Change(target, key, values, str(record.get("@etag") or ""))
        self.updates.append(Update(change, record, label, version, number))


def draft_of(
    transaction: OutcomeTransaction,
    facts: Facts,
    config: SapConfig,
    now: datetime,
    standing: Collection[int] = (),
) -> Draft:
    """`standing`: outcomes whose document SAP has already. Raises NotFoundError for a record that SAP does not have,
    RejectedError for what it cannot take, ConfigError for an outcome that is no SAP service's."""
    if len(transaction.outcomes) > STEPS:
        raise RejectedError(f"SAP takes at most {STEPS} outcomes at once: post them apart.")
    draft = Draft(config, facts, now, seen=transaction.versions)
    for number, outcome in enumerate(transaction.outcomes):
        write = _WRITERS.get(type(outcome))
        if write is None:
            raise ConfigError(f"SAP takes no {outcome.kind} by its published services: post it to the MES.")
        if number not in standing or isinstance(outcome, MaintenanceOrder):
            _as_seen(outcome, draft)
            write(outcome, number, draft)
    draft.documents = _stamped(draft.documents, transaction)
    return draft


def _as_seen(outcome: Outcome, draft: Draft) -> None:
    """A lot's documents have no version of their own: its stock must lie where it lay. Raises ConflictError."""
    if not isinstance(outcome, HoldLot | DisposeLot) or outcome.lot not in draft.facts.lots:
        return
    now = draft.facts.lots[outcome.lot].version
    if draft.seen.get(f"batch {outcome.lot}", now) != now:
        raise ConflictError(f"Lot {outcome.lot} was moved in SAP meanwhile: look again.", code="sap.drift")


def _stamped(documents: Sequence[Document], transaction: OutcomeTransaction) -> list[Document]:
    """Production orders go first: their number is their key, and they have no stamp to find the rest by."""
    mark = mark_of(transaction)
    keys = step_keys(transaction.key, [outcome.kind for outcome in transaction.outcomes])
    stamped = [
        replace(document, stamp=Stamp(keys[document.outcome], mark, _parts(document)))
        for document in documents
        if document.outcome in keys
    ]
    return [*(document for document in documents if document.outcome not in keys), *stamped]


def _parts(document: Document) -> tuple[str, ...]:
    return (*(["order"] if document.order is not None else []), *(["done"] if document.done else []))


def _line(values: Mapping[str, Any]) -> dict[str, Any]:
    """An item of a deep insert: the set itself takes no POST, so only types and lengths are checked."""
    for name, value in values.items():
        ITEM.check(name, value)
    return {name: edm.to_json(ITEM.property(name).type, value) for name, value in values.items()}


def _reschedule(outcome: RescheduleOrders, number: int, draft: Draft) -> None:
    for order in outcome.orders:
        record = draft.facts.order(order.job_order)
        (first, start), (last, end) = draft.local(order.planned_start), draft.local(order.planned_end)
        values = {
            "MfgOrderPlannedStartDate": first,
            "MfgOrderPlannedStartTime": start,
            "MfgOrderPlannedEndDate": last,
            "MfgOrderPlannedEndTime": end,
        }
        draft.change(ORDER, record, values, (f"production order {order.job_order}", order.version, number))
        _operations(order, number, draft)


def _operations(order: PlannedOrder, number: int, draft: Draft) -> None:
    known = {seq_of(record): record for record in draft.facts.operations.get(order.job_order, [])}
    for work in order.works:
        if work.seq not in known:
            raise NotFoundError(f"SAP has no operation {work.seq} of production order {order.job_order}.")
        values: dict[str, Any] = {"WorkCenter": draft.config.work_center(work.work_unit)}
        if draft.config.operation_times:
            (first, start), (last, end) = draft.local(work.planned_start), draft.local(work.planned_end)
            values |= {"OpErlstSchedldExecStrtDte": first, "OpErlstSchedldExecStrtTme": start}
            values |= {"OpErlstSchedldExecEndDte": last, "OpErlstSchedldExecEndTme": end}
        label = f"operation {work.seq} of production order {order.job_order}"
        draft.change(OPERATION, known[work.seq], values, (label, "", number))


def _priority(outcome: SetPriority, number: int, draft: Draft) -> None:
    values = {"ManufacturingOrderImportance": draft.config.importance_of(outcome.priority)}
    for name in dict.fromkeys(outcome.job_orders):
        draft.change(ORDER, draft.facts.order(name), values, (f"production order {name}", "", number))


def _promise(outcome: ChangePromise, number: int, draft: Draft) -> None:
    record = draft.facts.sale(outcome.sale)
    values = {"RequestedDeliveryDate": draft.local(outcome.promised)[0]}
    sale = sales_of(draft.config.sales_orders).header
    draft.change(sale, record, values, (f"sales order {outcome.sale}", "", number))
    draft.notes.append("SAP gets the requested delivery date; confirmed dates follow its own availability check.")


def _create(outcome: CreateOrder, number: int, draft: Draft) -> None:
    (first, start), (last, end) = draft.local(outcome.planned_start), draft.local(outcome.planned_end)
    values: dict[str, Any] = {
        **draft.config.order.fields,
        "ManufacturingOrder": outcome.job_order,
        "ManufacturingOrderType": draft.config.order.type,
        "Material": outcome.material,
        "ProductionPlant": draft.config.plant,
        "TotalQuantity": _decimal(outcome.quantity),
        "ManufacturingOrderImportance": draft.config.importance_of(outcome.priority),
        "MfgOrderPlannedStartDate": first,
        "MfgOrderPlannedStartTime": start,
        "MfgOrderPlannedEndDate": last,
        "MfgOrderPlannedEndTime": end,
    }
    if outcome.sale:
        values["SalesOrder"] = outcome.sale
    if outcome.works:
        draft.notes.append("Work centers follow the routing: move the order's operations once it exists.")
    draft.documents.append(Document(ORDER, values, f"production order {outcome.job_order}", number))


def _downtime(outcome: RecordDowntime, number: int, draft: Draft) -> None:
    values: dict[str, Any] = {"MaintenanceObjectIsDown": outcome.end is None}
    if outcome.end:
        last, end = draft.local(outcome.end)
        values |= {"MalfunctionEndDate": last, "MalfunctionEndTime": end}
    if known := draft.facts.downtimes.get(outcome.equipment):
        label = f"maintenance notification {known['MaintenanceNotification']}"
        draft.change(NOTICE, known, values, (label, "", number))
        return
    first, start = draft.local(outcome.start)
    values |= {"MalfunctionStartDate": first, "MalfunctionStartTime": start}
    title = outcome.cause or f"{outcome.equipment}: {outcome.reason.replace('_', ' ')}"
    values |= _notification(outcome.equipment, title, draft.config.downtime.type, draft)
    text = f"{outcome.reason} {outcome.cause}".strip()
    label = f"maintenance notification for {outcome.equipment}"
    draft.documents.append(Document(NOTICE, {**draft.config.downtime.fields, **values}, label, number, text=text))


def _maintenance(outcome: MaintenanceOrder, number: int, draft: Draft) -> None:
    values = _notification(outcome.equipment, outcome.title, draft.config.repair.type, draft)
    values |= {"MaintPriority": str(outcome.priority)}
    known = draft.config.technical_object(outcome.equipment)
    field_ = "Equipment" if known.kind == "EAMS_EQUI" else "FunctionalLocation"
    order = {
        **draft.config.maintenance.fields,
        "MaintenanceOrderType": draft.config.maintenance.type,
        "MaintenanceOrderDesc": MAINTENANCE_ORDER.cut("MaintenanceOrderDesc", outcome.title),
        "MaintPriority": str(outcome.priority),
        field_: known.object,
    }
    document = Document(
        NOTICE,
        {**draft.config.repair.fields, **values},
        f"maintenance order for {outcome.equipment}",
        number,
        text=outcome.description,
        order=order,
        done=outcome.done,
    )
    draft.documents.append(document)


def _notification(equipment: str, title: str, type_: str, draft: Draft) -> dict[str, Any]:
    known = draft.config.technical_object(equipment)
    return {
        "NotificationType": type_,
        "NotificationText": NOTICE.cut("NotificationText", title),
        "TechnicalObject": known.object,
        "TechObjIsEquipOrFuncnlLoc": known.kind,
    }


def _hold(outcome: HoldLot, number: int, draft: Draft) -> None:
    places = draft.facts.lot(outcome.lot).quantities("unrestricted")
    if not places:
        raise RejectedError(f"Batch {outcome.lot} has no unrestricted stock in SAP: nothing can be blocked.")
    movements, places = draft.config.movements, _so_much(places, outcome)
    _move(places, movements.hold, movements.transfer_code, (outcome.lot, outcome.reason), number, draft)


def _dispose(outcome: DisposeLot, number: int, draft: Draft) -> None:
    movements = draft.config.movements
    types = {"release": movements.release, "scrap": movements.scrap, "rework": movements.rework}
    movement = types.get(outcome.disposition, movements.return_)
    if not movement:
        name = f"movements.{outcome.disposition}"
        raise RejectedError(f"SAP has no movement type for {outcome.disposition}: do it in SAP, or set {name}.")
    places = draft.facts.lot(outcome.lot).quantities("blocked")
    if not places:
        raise RejectedError(f"Batch {outcome.lot} has no blocked stock in SAP.")
    places = _so_much(places, outcome)
    code = movements.scrap_code if outcome.disposition == "scrap" else movements.transfer_code
    _move(places, movement, code, (outcome.lot, outcome.reason or outcome.disposition), number, draft)


def _so_much(places: dict[Place, Decimal], outcome: HoldLot | DisposeLot) -> dict[Place, Decimal]:
    """All there is, or the wanted quantity of it, place by place. Raises RejectedError when there is less."""
    if not outcome.quantity:
        return places
    left, taken = Decimal(str(outcome.quantity)), dict[Place, Decimal]()
    for place, there in places.items():
        if left > 0:
            taken[place] = min(there, left)
            left -= taken[place]
    if left > 0:
        raise RejectedError(f"SAP has only {sum(places.values())} of batch {outcome.lot} for that.")
    return taken


def _move(
    places: Mapping[Place, Any], movement: str, code: str, about: tuple[str, str], number: int, draft: Draft
) -> None:
    lot, reason = about
    day = draft.local(draft.now)[0]
    lines = [
        {
            "Material": place.material,
            "Plant": place.plant,
            "StorageLocation": place.location,
            "Batch": lot,
            "GoodsMovementType": movement,
            "QuantityInEntryUnit": quantity,
            "EntryUnit": place.unit,
            "MaterialDocumentItemText": ITEM.cut("MaterialDocumentItemText", reason),
        }
        for place, quantity in places.items()
    ]
    header = {"GoodsMovementCode": code, "PostingDate": day, "DocumentDate": day}
    draft.documents.append(Document(HEADER, header, f"material document for batch {lot}", number, lines=lines))


def _deviation(outcome: RecordDeviation, number: int, draft: Draft) -> None:
    """Quality notifications have no published metadata; a manual inspection lot of the batch does."""
    batch = draft.facts.lot(outcome.lot)
    place = next(iter(batch.stock), None)
    values: dict[str, Any] = {
        **draft.config.deviation.fields,
        "InspectionLotType": draft.config.deviation.type,
        "Material": batch.material,
        "Batch": outcome.lot,
        "Plant": place.plant if place else draft.config.plant,
        "InspectionLotText": INSPECTION_LOT.cut("InspectionLotText", outcome.title),
    }
    draft.documents.append(Document(INSPECTION_LOT, values, f"inspection lot for batch {outcome.lot}", number))
    if outcome.description:
        draft.notes.append("SAP keeps the deviation's title only: its text stays in our record.")


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))


def moment_of(day: date | None, at: time | None, zone: ZoneInfo) -> datetime | None:
    """The plant's day and time as aware UTC; None without a day."""
    return datetime.combine(day, at or time(), tzinfo=zone).astimezone(UTC) if day else None


_WRITERS: Mapping[type[Outcome], Callable[[Any, int, Draft], None]] = {
    RescheduleOrders: _reschedule,
    SetPriority: _priority,
    ChangePromise: _promise,
    CreateOrder: _create,
    RecordDowntime: _downtime,
    MaintenanceOrder: _maintenance,
    HoldLot: _hold,
    DisposeLot: _dispose,
    RecordDeviation: _deviation,
}
