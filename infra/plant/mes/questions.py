"""What the MES answers when it is asked. Shapes: README.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from infra.plant.mes.floor import Floor, JobOrder
from infra.plant.mes.postings import job_order
from infra.plant.mes.service import Mes
from infra.plant.problem import Problem

_SHIFT = timedelta(hours=8)
_FIRST_SHIFT = time(6)


@dataclass(frozen=True)
class JobOrderFilter:
    """All given conditions must hold; an empty one holds always."""

    equipment: frozenset[str] = frozenset()
    state: frozenset[str] = frozenset()
    id: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None

    def accepts(self, order: JobOrder) -> bool:
        """Whether this job order is asked for."""
        open_units = {segment.unit for segment in order.segments if segment.progress.state != "done"}
        return (
            (not self.equipment or bool(self.equipment & open_units))
            and (not self.state or order.status in self.state)
            and (not self.id or order.id in self.id)
            and self._within(order)
        )

    def _within(self, order: JobOrder) -> bool:
        return any(
            (self.since is None or segment.planned.end > self.since)
            and (self.until is None or segment.planned.start < self.until)
            for segment in order.segments
        )


def shown(order: JobOrder) -> dict[str, Any]:
    """A job order on the wire."""
    return order.model_dump(mode="json", by_alias=True)


def job_orders(floor: Floor, wanted: JobOrderFilter) -> dict[str, Any]:
    """`{as_of, plan_version, job_orders}`."""
    orders = [shown(floor.job_orders[key]) for key in sorted(floor.job_orders) if wanted.accepts(floor.job_orders[key])]
    return {"as_of": floor.advanced_to, "plan_version": floor.version, "job_orders": orders}


def dispatch_list(floor: Floor, equipment: frozenset[str]) -> dict[str, Any]:
    """`{as_of, version, entries}`: everything not done, by work unit and sequence."""
    segments = [s for s in floor.segments() if s.progress.state != "done" and (not equipment or s.unit in equipment)]
    entries = [
        {
            "segment_id": segment.id,
            "job_order_id": segment.job_order_id,
            "seq": segment.seq,
            "equipment_id": segment.planned.equipment_id,
            "sequence": segment.planned.sequence,
            "start": segment.planned.start,
            "end": segment.planned.end,
            "state": segment.progress.state,
        }
        for segment in sorted(segments, key=lambda s: (s.planned.equipment_id, s.planned.sequence))
    ]
    return {"as_of": floor.advanced_to, "version": floor.version, "entries": entries}


def equipment(mes: Mes, floor: Floor) -> list[dict[str, Any]]:
    """Work centers, then work units with their state."""
    site = mes.catalogue.site
    centers = {center.id: center for center in mes.catalogue.work_centers}
    common = {"site_id": site.site, "calendar_id": "plant"}
    answer: list[dict[str, Any]] = [
        common
        | {"id": c.id, "level": "WorkCenter", "parent_id": c.area, "area_id": c.area, "title": c.title}
        | {"equipment_class_ids": [], "state": "up", "state_since": None, "state_reason": None}
        for c in centers.values()
    ]
    for unit in mes.catalogue.work_units:
        state = floor.units[unit.id]
        place = {"parent_id": unit.work_center, "area_id": centers[unit.work_center].area, "title": unit.title}
        answer.append(
            common
            | {"id": unit.id, "level": "WorkUnit", "equipment_class_ids": [unit.work_center]}
            | place
            | {"state": state.state, "state_since": state.since, "state_reason": state.reason}
        )
    return answer


def one_equipment(mes: Mes, floor: Floor, equipment_id: str) -> dict[str, Any]:
    """Raises Problem 404."""
    found = next((entry for entry in equipment(mes, floor) if entry["id"] == equipment_id), None)
    if found is None:
        raise Problem(404, "not-found", f"There is no equipment {equipment_id}.")
    return found


def calendars(mes: Mes) -> list[dict[str, Any]]:
    """One calendar, three shifts around the clock in the site's own time, from yesterday for five days."""
    return [{"id": "plant", "windows": list(_shifts(mes))}]


def _shifts(mes: Mes) -> Iterator[dict[str, Any]]:
    now = mes.as_of()
    zone = ZoneInfo(mes.catalogue.site.timezone)
    today = now.astimezone(zone).date()
    # Wall-clock starts, converted one by one: a shift is an hour longer or shorter when the clocks change.
    local = datetime.combine(today - timedelta(days=1), _FIRST_SHIFT)
    starts = [(local + number * _SHIFT).replace(tzinfo=zone).astimezone(now.tzinfo) for number in range(16)]
    for start, end in pairwise(starts):
        yield {"from": start, "to": end, "kind": "shift", "capacity": 1, "resumable": True}


def staging(mes: Mes, floor: Floor, orders: frozenset[str], units: frozenset[str]) -> list[dict[str, Any]]:
    """Material carried, or to be carried, to a machine for the first plan's start."""
    answer = []
    ops = {(order.id, op.seq): op for order in mes.catalogue.job_orders for op in order.ops}
    for entry in mes.catalogue.staging:
        op, order, at = ops[entry.job_order, entry.seq], floor.job_orders[entry.job_order], mes.clock.at(entry.at)
        if (orders and order.id not in orders) or (units and op.work_unit not in units):
            continue
        lot = mes.catalogue.lot(entry.lot)
        answer.append(
            {
                "id": f"{order.id}/{entry.seq}",
                "job_order_id": order.id,
                "segment_id": f"{order.id}/{entry.seq}",
                "equipment_id": op.work_unit,
                "material_lot_id": lot.id,
                "material_definition_id": lot.material,
                "quantity": _needed(mes, order, lot.material),
                "location": entry.location,
                "at": at,
                "state": "staged" if at <= floor.advanced_to else "planned",
            }
        )
    return answer


def lot(mes: Mes, floor: Floor, lot_id: str) -> dict[str, Any]:
    """A lot and the open job orders that consume it. Raises Problem 404."""
    found = next((entry for entry in mes.catalogue.lots if entry.id == lot_id), None)
    if found is None:
        raise Problem(404, "not-found", f"There is no lot {lot_id}.")
    users = [o for o in floor.job_orders.values() if lot_id in o.lot_ids and o.status != "done"]
    return {
        "id": found.id,
        "material_definition_id": found.material,
        "quantity": found.quantity,
        "uom": mes.catalogue.material(found.material).unit,
        "location": "storage",
        "where_used": [_use(mes, order, found.material) for order in sorted(users, key=lambda o: o.id)],
        "inspections": [result["id"] for result in mes.db.inspections(lot_id)],
    }


def _use(mes: Mes, order: JobOrder, material: str) -> dict[str, Any]:
    return {
        "job_order_id": order.id,
        "role": "consumed",
        "status": order.status,
        "quantity": _needed(mes, order, material),
        "sale_id": order.sale_id,
        "customer_id": order.customer_id,
    }


def _needed(mes: Mes, order: JobOrder, material: str) -> float:
    bom = mes.catalogue.material(order.material_definition_id).bom
    return order.quantity * sum(line.quantity for line in bom if line.material == material)


def inspection(mes: Mes, inspection_id: str) -> dict[str, Any]:
    """Raises Problem 404."""
    found = mes.db.inspection(inspection_id)
    if found is None:
        raise Problem(404, "not-found", f"There is no inspection {inspection_id}.")
    return found


def one_job_order(floor: Floor, order_id: str) -> dict[str, Any]:
    """Raises Problem 404."""
    return shown(job_order(floor, order_id))
