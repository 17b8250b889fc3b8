"""The floor as the catalogue describes it at the anchor."""

from __future__ import annotations

from datetime import timedelta

from infra.plant import catalogue as cat
from infra.plant.clock import PlantClock
from infra.plant.mes.floor import (
    Alternative,
    CustomerRef,
    Floor,
    JobOrder,
    Planned,
    Predecessor,
    PriorityClass,
    Progress,
    Segment,
    UnitState,
)

WEIGHTS: dict[PriorityClass, int] = {"key": 4, "rush": 4, "standard": 2, "stock": 1}
_STOCK_DUE_AFTER = timedelta(days=1)


def seeded_floor(catalogue: cat.Catalogue, clock: PlantClock) -> Floor:
    """Every job order of the catalogue, its running operations under way since their planned start."""
    floor = Floor(
        advanced_to=clock.anchor,
        version=1,
        job_orders={order.id: _job_order(catalogue, clock, order) for order in catalogue.job_orders},
        units={unit.id: UnitState(id=unit.id) for unit in catalogue.work_units},
    )
    floor.renumber()
    return floor


def customer_ref(catalogue: cat.Catalogue, customer_id: str) -> CustomerRef:
    """The customer as a job order shows it. Raises KeyError."""
    customer = catalogue.customer(customer_id)
    return CustomerRef(id=customer.id, title=customer.title, customer_class=customer.customer_class)


def new_segment(
    catalogue: cat.Catalogue, order_id: str, material: cat.Material, seq: int, planned: Planned, before: str | None
) -> Segment:
    """A segment that has not started, with every unit of its work center as an alternative."""
    minutes = (planned.end - planned.start) / timedelta(minutes=1)
    center = catalogue.work_unit(planned.equipment_id).work_center
    name = next((step.name for step in material.routing if step.seq == seq), f"Operation {seq}")
    return Segment(
        id=f"{order_id}/{seq}",
        job_order_id=order_id,
        seq=seq,
        name=name,
        predecessors=[Predecessor(segment_id=before)] if before else [],
        setup_family=material.id,
        alternatives=[
            Alternative(equipment_id=unit.id, run_min=minutes, preference=int(unit.id != planned.equipment_id))
            for unit in catalogue.units_of(center)
        ],
        progress=Progress(state="planned", remaining_min=minutes),
        planned=planned,
    )


def _job_order(catalogue: cat.Catalogue, clock: PlantClock, order: cat.JobOrder) -> JobOrder:
    material = catalogue.material(order.material)
    sale = catalogue.sale(order.sale) if order.sale else None
    customer = customer_ref(catalogue, sale.customer) if sale else None
    promised = clock.at(sale.promised) if sale else None
    priority: PriorityClass = customer.customer_class if customer else "stock"
    segments = _segments(catalogue, clock, order, material)
    return JobOrder(
        id=order.id,
        operations_request_id=order.id,
        material_definition_id=order.material,
        quantity=order.quantity,
        uom=material.unit,
        release=segments[0].planned.start,
        due=promised or segments[-1].planned.end + _STOCK_DUE_AFTER,
        customer=customer,
        priority_class=priority,
        weight=WEIGHTS[priority],
        promised=promised,
        sale_id=order.sale,
        lot_ids=[order.lot],
        status=order.state,
        segments=segments,
    )


def _segments(
    catalogue: cat.Catalogue, clock: PlantClock, order: cat.JobOrder, material: cat.Material
) -> list[Segment]:
    segments: list[Segment] = []
    for op in order.ops:
        planned = Planned(
            equipment_id=op.work_unit, start=clock.at(op.start), end=clock.at(op.start + op.minutes), sequence=0
        )
        segment = new_segment(catalogue, order.id, material, op.seq, planned, segments[-1].id if segments else None)
        segment.progress.state = "planned" if order.state == "planned" else "released"
        if op.start < 0:
            _under_way(segment, op)
        segments.append(segment)
    return segments


def _under_way(segment: Segment, op: cat.Operation) -> None:
    segment.progress.state = "running"
    segment.progress.equipment_id = op.work_unit
    segment.progress.actual_start = segment.planned.start
    segment.progress.remaining_min = float(max(0, op.start + op.minutes))
