"""What the demo plant's MES and ERP answer at its anchor, worked out from the catalogue: the setting of scenarios."""

import functools
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from authoring.scenarios.setting import Answers
from domain.values import Json, iso
from infra.plant.catalogue import Catalogue, load_catalogue


def demo_answers(anchor: datetime) -> Answers:
    """`mes.plan`, `mes.job_orders`, `mes.staging`, `erp.sales_demand`, `erp.orders`, `erp.lot`, `erp.material` in the
    connectors' words; nothing is late yet, and what the catalogue says is running runs."""
    catalogue = _catalogue()
    plan = _plan(anchor, catalogue)
    return {
        "mes": {
            "mes.plan": plan,
            "mes.staging": _staging(anchor, catalogue),
            "mes.job_orders": lambda where, _: _job_orders(plan, where),
        },
        "erp": {
            "erp.sales_demand": lambda where, _: _demand(anchor, catalogue, where),
            "erp.orders": lambda where, _: _orders(plan, where),
            "erp.lot": lambda where, _: _lot(plan, str(where["lot"])),
            "erp.material": lambda where, _: _material(catalogue, where),
        },
    }


@functools.cache
def _catalogue() -> Catalogue:
    """Read once: a suite of scenarios asks for each of them."""
    return load_catalogue()


def _plan(anchor: datetime, catalogue: Catalogue) -> dict[str, Json]:
    orders = [
        {
            "id": order.id,
            "job_order": order.id,
            "material": order.material,
            "quantity": order.quantity,
            "status": order.state,
            "lots": [order.lot],
            "segments": [_segment(anchor, catalogue, order.id, op) for op in order.ops],
        }
        for order in catalogue.job_orders
    ]
    equipment = [{"equipment": unit.id, "state": "up"} for unit in catalogue.work_units]
    return {"as_of": iso(anchor), "version": "1", "job_orders": orders, "equipment": equipment, "calendars": []}


def _job_orders(plan: dict[str, Json], where: Mapping[str, Json]) -> list[Json]:
    """Of a machine, or those that are named."""
    if "job_orders" in where:
        return [order for order in plan["job_orders"] if order["id"] in where["job_orders"]]
    return _on(plan, str(where["equipment"]))


def _orders(plan: dict[str, Json], where: Mapping[str, Json]) -> list[Json]:
    """As the ERP holds them before anything was decided."""
    fresh = {"state": "running", "priority": 50, "hold": False, "hold_reason": None, "version": "1", "works": []}
    days = {"planned_start": None, "planned_end": None}
    return [
        {"job_order": order["id"], "number": order["id"], "material": order["material"], "quantity": order["quantity"]}
        | fresh
        | days
        for order in _job_orders(plan, where)
    ]


def _segment(anchor: datetime, catalogue: Catalogue, order: str, op: Any) -> dict[str, Json]:
    center = catalogue.work_unit(op.work_unit).work_center
    running = op.start < 0
    return {
        "id": f"{order}/{op.seq}",
        "seq": op.seq,
        "state": "running" if running else "released",
        "equipment": op.work_unit,
        "start": _at(anchor, op.start),
        "end": _at(anchor, op.start + op.minutes),
        "remaining_min": float(op.start + op.minutes if running else op.minutes),
        "alternatives": [
            {"equipment": unit.id, "run_min": float(op.minutes), "setup_min": 0.0}
            for unit in catalogue.units_of(center)
        ],
    }


def _staging(anchor: datetime, catalogue: Catalogue) -> list[dict[str, Json]]:
    return [
        {
            "job_order": item.job_order,
            "segment": f"{item.job_order}/{item.seq}",
            "lot": item.lot,
            "location": item.location,
            "at": _at(anchor, item.at),
        }
        for item in catalogue.staging
    ]


def _demand(anchor: datetime, catalogue: Catalogue, where: Mapping[str, Json]) -> list[dict[str, Json]]:
    wanted = set(where.get("job_orders", []))
    return [
        {
            "job_order": order.id,
            "sale": sale.id,
            "customer": catalogue.customer(sale.customer).title,
            "promised": _at(anchor, sale.promised),
        }
        for order in catalogue.job_orders
        if order.sale and order.id in wanted
        for sale in (catalogue.sale(order.sale),)
    ]


def _on(plan: Json, equipment: str) -> list[Json]:
    return [o for o in plan["job_orders"] if any(s["equipment"] == equipment for s in o["segments"])]


def _lot(plan: Json, lot: str) -> Json:
    return {"lot": lot, "job_orders": [order["id"] for order in plan["job_orders"] if lot in order["lots"]]}


def _material(catalogue: Catalogue, where: Mapping[str, Json]) -> Json:
    """Free is what lies in the warehouse; nothing else is promised."""
    material = next((one for one in catalogue.materials if one.id == where["material"]), None)
    needed = {line.material: line.quantity * float(where["quantity"]) for line in (material.bom if material else ())}
    free = {name: sum(lot.quantity for lot in catalogue.lots if lot.material == name) for name in needed}
    components = [{"material": name, "needed": needed[name], "free": free[name]} for name in needed]
    return {"covered": all(free[name] >= needed[name] for name in needed), "components": components}


def _at(anchor: datetime, minutes: float) -> str:
    return iso(anchor + timedelta(minutes=minutes))
