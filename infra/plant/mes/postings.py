"""What the outside may change in the plan: dispatch list, holds, new job orders. All of a posting, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from infra.plant.catalogue import Material
from infra.plant.mes.floor import Floor, Hold, JobOrder, Planned, PriorityClass, Segment
from infra.plant.mes.seeding import WEIGHTS, customer_ref, new_segment
from infra.plant.mes.service import Mes
from infra.plant.problem import Problem, invalid

Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DispatchEntry(_Body):
    """The new plan of one segment."""

    segment_id: str
    equipment_id: str
    start: Moment
    end: Moment
    sequence: int = 0


class DispatchRequest(_Body):
    """The segments whose plan changes; all others stay."""

    entries: list[DispatchEntry] = Field(min_length=1)
    reason: str | None = None


class HoldRequest(_Body):
    """Why a job order is held."""

    reason: str = Field(min_length=1)


class NewSegment(_Body):
    """One operation of a new job order."""

    seq: int
    equipment_id: str
    start: Moment
    end: Moment


class NewJobOrder(_Body):
    """A job order that comes down from the ERP."""

    id: str = Field(min_length=1)
    material_definition_id: str
    quantity: float = Field(gt=0)
    sale_id: str | None = None
    customer_id: str | None = None
    promised: Moment | None = None
    due: Moment | None = None
    lot_ids: list[str] = []
    priority_class: PriorityClass = "rush"
    segments: list[NewSegment] = Field(min_length=1)


def dispatch(floor: Floor, request: DispatchRequest, version: int) -> dict[str, Any]:
    """Replan the named segments. Raises Problem 412 for another version, 422 for a list that cannot be."""
    if version != floor.version:
        raise Problem(
            412,
            "version-mismatch",
            "The dispatch list has changed. Read it, plan again, and post with a new key.",
            headers={"ETag": f'"{floor.version}"'},
            current_version=floor.version,
        )
    faults = [fault for number, entry in enumerate(request.entries) for fault in _entry_faults(floor, number, entry)]
    faults = faults or _contradictions(floor, request.entries)
    if faults:
        raise invalid(faults)
    for entry in request.entries:
        segment = floor.segment(entry.segment_id)
        assert segment is not None
        segment.planned = Planned(
            equipment_id=entry.equipment_id, start=entry.start, end=entry.end, sequence=entry.sequence
        )
    for name in {segment.job_order_id for entry in request.entries if (segment := floor.segment(entry.segment_id))}:
        floor.job_orders[name].version += 1
    return _changed(floor) | {"changed": [entry.segment_id for entry in request.entries]}


def hold(mes: Mes, floor: Floor, order_id: str, request: HoldRequest, version: int | None = None) -> dict[str, Any]:
    """Hold a job order; a running segment stops. Raises Problem 404, 409 when it is held or done, or 412."""
    order = _as_seen(floor, order_id, version)
    if order.status in ("held", "done"):
        raise Problem(409, "state-conflict", f"{order_id} is {order.status} already.", state=order.status)
    order.hold = Hold(reason=request.reason, since=floor.advanced_to, previous=order.status)
    order.status = "held"
    for segment in order.segments:
        if segment.progress.state == "running":
            segment.progress.state = "held"
    mes.status_changed(order_id, "held", order.hold.previous, "hold")
    return _told(floor, order)


def release(mes: Mes, floor: Floor, order_id: str, version: int | None = None) -> dict[str, Any]:
    """Release a held job order to what it was. Raises Problem 404, 409 when it is not held, or 412."""
    order = _as_seen(floor, order_id, version)
    if order.hold is None:
        raise Problem(409, "state-conflict", f"{order_id} is not held, it is {order.status}.", state=order.status)
    order.status, order.hold = order.hold.previous, None
    for segment in order.segments:
        if segment.progress.state == "held":
            segment.progress.state = "released"
    mes.status_changed(order_id, order.status, "held", "release")
    return _told(floor, order)


def cancel(mes: Mes, floor: Floor, order_id: str, version: int | None = None) -> dict[str, Any]:
    """Take an order out on which nothing has begun. Raises Problem 404, 409 when something has, or 412."""
    order = _as_seen(floor, order_id, version)
    if any(segment.progress.actual_start for segment in order.segments):
        raise Problem(409, "state-conflict", f"{order_id} has begun, it is {order.status}.", state=order.status)
    del floor.job_orders[order_id]
    mes.status_changed(order_id, "cancelled", order.status, "cancel")
    return _changed(floor) | {"job_order_id": order_id, "status": "cancelled"}


def download(mes: Mes, floor: Floor, request: NewJobOrder) -> dict[str, Any]:
    """Take in a new job order. Raises Problem 409 when it is there, 422 for what the plant does not know."""
    if request.id in floor.job_orders:
        raise Problem(
            409, "state-conflict", f"{request.id} is here already.", state=floor.job_orders[request.id].status
        )
    faults = _unknown_names(mes, request)
    if faults:
        raise invalid(faults)
    order = _built(mes, floor, request)
    floor.job_orders[order.id] = order
    mes.status_changed(order.id, order.status, None, "download")
    return _changed(floor) | {"job_order_id": order.id, "status": order.status}


def job_order(floor: Floor, order_id: str) -> JobOrder:
    """The job order of this id. Raises Problem 404."""
    if order_id not in floor.job_orders:
        raise Problem(404, "not-found", f"There is no job order {order_id}.")
    return floor.job_orders[order_id]


def _as_seen(floor: Floor, order_id: str, version: int | None) -> JobOrder:
    order = job_order(floor, order_id)
    if version is not None and version != order.version:
        raise Problem(
            412, "version-mismatch", f"{order_id} has changed. Look at it again.", current_version=order.version
        )
    return order


def _told(floor: Floor, order: JobOrder) -> dict[str, Any]:
    order.version += 1
    return _changed(floor) | {"job_order_id": order.id, "status": order.status}


def _changed(floor: Floor) -> dict[str, Any]:
    floor.renumber()
    floor.version += 1
    return {"version": floor.version}


def _fault(number: int, field: str, message: str) -> dict[str, Any]:
    return {"loc": f"entries.{number}.{field}", "msg": message}


def _entry_faults(floor: Floor, number: int, entry: DispatchEntry) -> list[dict[str, Any]]:
    segment = floor.segment(entry.segment_id)
    if segment is None:
        return [_fault(number, "segment_id", f"There is no segment {entry.segment_id}.")]
    faults = []
    if entry.equipment_id not in {alternative.equipment_id for alternative in segment.alternatives}:
        faults.append(_fault(number, "equipment_id", f"{entry.equipment_id} cannot do {segment.id}."))
    if entry.end <= entry.start:
        faults.append(_fault(number, "end", "The end must lie after the start."))
    return faults + _past_faults(number, segment, entry)


def _past_faults(number: int, segment: Segment, entry: DispatchEntry) -> list[dict[str, Any]]:
    """What has happened cannot be planned: a running segment may only get another end."""
    state = segment.progress.state
    if state == "done":
        return [_fault(number, "segment_id", f"{segment.id} is done.")]
    starts = (segment.planned.start, segment.progress.actual_start)
    if state == "running" and (entry.equipment_id != segment.unit or entry.start not in starts):
        return [_fault(number, "start", f"{segment.id} is running; only its end may change.")]
    return []


def _contradictions(floor: Floor, entries: list[DispatchEntry]) -> list[dict[str, Any]]:
    faults = []
    numbers = {entry.segment_id: number for number, entry in enumerate(entries)}
    if len(numbers) < len(entries):
        return [{"loc": "entries", "msg": "A segment is named twice."}]
    ordered = sorted(entries, key=lambda entry: (entry.equipment_id, entry.start))
    for first, second in pairwise(ordered):
        if first.equipment_id == second.equipment_id and second.start < first.end:
            faults.append(_fault(numbers[second.segment_id], "start", f"Overlaps {first.segment_id}."))
    for number, entry in enumerate(entries):
        segment = floor.segment(entry.segment_id)
        for predecessor in segment.predecessors if segment else []:
            before = numbers.get(predecessor.segment_id)
            if before is not None and entry.start < entries[before].end:
                faults.append(_fault(number, "start", f"Starts before {predecessor.segment_id} ends."))
    return faults


def _unknown_names(mes: Mes, request: NewJobOrder) -> list[dict[str, Any]]:
    c = mes.catalogue
    named: list[tuple[str, str | None, set[str]]] = [
        ("material_definition_id", request.material_definition_id, {m.id for m in c.materials}),
        ("customer_id", request.customer_id, {customer.id for customer in c.customers}),
    ]
    units = {unit.id for unit in c.work_units}
    named += [(f"segments.{n}.equipment_id", s.equipment_id, units) for n, s in enumerate(request.segments)]
    faults = [
        {"loc": loc, "msg": f"{name} is unknown."}
        for loc, name, known in named
        if name is not None and name not in known
    ]
    late = [n for n, s in enumerate(request.segments) if s.end <= s.start]
    return faults + [{"loc": f"segments.{n}.end", "msg": "The end must lie after the start."} for n in late]


def _built(mes: Mes, floor: Floor, request: NewJobOrder) -> JobOrder:
    material = mes.catalogue.material(request.material_definition_id)
    segments = _new_segments(mes, request, material)
    last_end: datetime = segments[-1].planned.end
    return JobOrder(
        id=request.id,
        operations_request_id=request.id,
        material_definition_id=material.id,
        quantity=request.quantity,
        uom=material.unit,
        release=floor.advanced_to,
        due=request.due or request.promised or last_end,
        customer=customer_ref(mes.catalogue, request.customer_id) if request.customer_id else None,
        priority_class=request.priority_class,
        weight=WEIGHTS[request.priority_class],
        promised=request.promised,
        sale_id=request.sale_id,
        lot_ids=request.lot_ids,
        status="released",
        segments=segments,
    )


def _new_segments(mes: Mes, request: NewJobOrder, material: Material) -> list[Segment]:
    segments: list[Segment] = []
    for new in sorted(request.segments, key=lambda segment: segment.seq):
        planned = Planned(equipment_id=new.equipment_id, start=new.start, end=new.end)
        before = segments[-1].id if segments else None
        segment = new_segment(mes.catalogue, request.id, material, new.seq, planned, before)
        segment.progress.state = "released"
        segments.append(segment)
    return segments
