"""What happens on the floor and in sales, told to the MES by the plant's own control."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from infra.plant.catalogue import InspectionPlan
from infra.plant.mes import questions
from infra.plant.mes.floor import Floor, JobOrder, UnitState
from infra.plant.mes.postings import job_order
from infra.plant.mes.service import Mes
from infra.plant.problem import Problem, invalid

_INSPECTOR = "Inspection station 1"


class UnitStateReport(BaseModel):
    """A machine went down or came up; `since` in real UTC."""

    state: Literal["up", "down"]
    reason: str | None = None
    since: AwareDatetime | None = None


class InspectionRequest(BaseModel):
    """Measure a lot; without a value it is found outside the tolerance."""

    lot: str
    value: float | None = None
    job_order: str | None = None


class ShortCount(BaseModel):
    """The feeder counts less at a machine's infeed than the job order needs; without a number half of it is there."""

    job_order: str
    counted: float | None = Field(default=None, ge=0)


class SlowReport(BaseModel):
    """A segment that runs will take so many minutes more than planned."""

    job_order: str
    minutes: float = Field(default=240, gt=0, le=7 * 24 * 60)
    reason: str | None = Field(default=None, max_length=200)


class RushSale(BaseModel):
    """A sales order that the ERP holds already."""

    sales_order: str
    customer: str
    material: str
    quantity: float = Field(gt=0)
    wanted: AwareDatetime


def report_state(mes: Mes, floor: Floor, unit_id: str, report: UnitStateReport) -> dict[str, Any]:
    """Note the state of a work unit. Raises Problem 404."""
    if unit_id not in floor.units:
        raise Problem(404, "not-found", f"There is no work unit {unit_id}.")
    since: datetime = report.since or mes.clock.real()
    floor.units[unit_id] = UnitState(id=unit_id, state=report.state, since=since, reason=report.reason)
    return floor.units[unit_id].model_dump(mode="json")


def inspect(mes: Mes, request: InspectionRequest) -> dict[str, Any]:
    """Record a result; a failed one goes out as an event. Raises Problem 404 or 422."""
    plan = _plan(mes, request.lot)
    value = request.value if request.value is not None else _outside(plan)
    passed = plan.low <= value <= plan.high
    result = {
        "id": f"INS-{1000 + mes.db.count('inspection')}",
        "plan_id": plan.id,
        "lot": request.lot,
        "material": plan.material,
        "characteristic": plan.characteristic,
        "unit": plan.unit,
        "low": plan.low,
        "high": plan.high,
        "value": value,
        "result": "passed" if passed else "failed",
        "inspector": _INSPECTOR,
        "job_order": request.job_order,
        "measured_at": mes.clock.real().isoformat(),
    }
    mes.db.add_inspection(result)
    if not passed:
        _emit_failed(mes, result)
    return result


def count_short(mes: Mes, floor: Floor, report: ShortCount) -> dict[str, Any]:
    """Announce what a job order lacks. Raises Problem 404 or 422."""
    order = job_order(floor, report.job_order)
    staged = questions.staging(mes, floor, frozenset({order.id}), frozenset())
    if not staged:
        raise invalid([{"loc": "job_order", "msg": f"Nothing is carried to a machine for {order.id}."}])
    entry, segment = staged[0], floor.segment(staged[0]["segment_id"])
    counted = report.counted if report.counted is not None else entry["quantity"] / 2
    missing = entry["quantity"] - counted
    if missing <= 0 or segment is None or segment.progress.state == "done":
        raise invalid([{"loc": "counted", "msg": f"{order.id} lacks nothing: it needs {entry['quantity']:g}."}])
    material = mes.catalogue.material(entry["material_definition_id"])
    data = {
        "material": material.id,
        "job_order": order.id,
        "missing": missing,
        "unit": material.unit,
        "location": entry["location"],
        "needed": segment.planned.start.isoformat(),
    }
    mes.emit("material.short", material.id, data)
    return data


def slow_down(mes: Mes, floor: Floor, report: SlowReport) -> dict[str, Any]:
    """Let an order take longer; one that will end after it is due is announced. Raises Problem 404 or 422."""
    order = job_order(floor, report.job_order)
    running = next((segment for segment in order.segments if segment.progress.state == "running"), None)
    if running is None:
        raise invalid([{"loc": "job_order", "msg": f"{order.id} does not run: nothing of it can take longer."}])
    running.progress.remaining_min += report.minutes
    expected = _expected_end(floor, order)
    data = {
        "job_order": order.id,
        "material": order.material_definition_id,
        "due": order.due.isoformat(),
        "expected": expected.isoformat(),
        "reason": report.reason,
    }
    late = expected > order.due
    if late:
        mes.emit("joborder.late", order.id, data)
    return data | {"late": late}


def _expected_end(floor: Floor, order: JobOrder) -> datetime:
    """What runs ends when it is done; what follows starts after that, not before its plan, and takes as long."""
    moment = floor.advanced_to
    for segment in order.segments:
        if segment.progress.state == "done":
            continue
        start = moment if segment.progress.state == "running" else max(moment, segment.planned.start)
        moment = start + timedelta(minutes=segment.progress.remaining_min)
    return moment


def rush(mes: Mes, sale: RushSale) -> dict[str, Any]:
    """Announce a rush sales order. Raises Problem 422 for what the plant does not know."""
    customers = {customer.id: customer for customer in mes.catalogue.customers}
    made = {material.id for material in mes.catalogue.materials if material.kind == "made"}
    if sale.customer not in customers:
        raise invalid([{"loc": "customer", "msg": f"{sale.customer} is unknown."}])
    if sale.material not in made:
        raise invalid([{"loc": "material", "msg": f"{sale.material} is not made here."}])
    customer = customers[sale.customer]
    data = sale.model_dump(mode="json") | {
        "customer_title": customer.title,
        "customer_class": customer.customer_class,
    }
    mes.emit("salesorder.rush", sale.sales_order, data)
    return data


def _plan(mes: Mes, lot_id: str) -> InspectionPlan:
    lots = {lot.id: lot for lot in mes.catalogue.lots}
    if lot_id not in lots:
        raise Problem(404, "not-found", f"There is no lot {lot_id}.")
    for plan in mes.catalogue.inspections:
        if plan.material == lots[lot_id].material:
            return plan
    raise invalid([{"loc": "lot", "msg": f"Nothing is measured on {lots[lot_id].material}."}])


def _outside(plan: InspectionPlan) -> float:
    """A value above the tolerance by a third of its width."""
    return round(plan.high + (plan.high - plan.low) / 3, 3)


def _emit_failed(mes: Mes, result: dict[str, Any]) -> None:
    told = ("lot", "material", "characteristic", "value", "low", "high", "unit", "inspector", "job_order")
    data = {"inspection": result["id"], "plan": result["plan_id"]} | {name: result[name] for name in told}
    mes.emit("inspection.failed", str(result["lot"]), data)
