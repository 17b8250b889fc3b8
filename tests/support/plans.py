"""The demo plant's plan as the MES connector answers it, built from the catalogue; and small plans for tables."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from domain.values import Json, iso
from infra.plant.catalogue import Catalogue, load_catalogue

CATALOGUE: Catalogue = load_catalogue()


def plan_answer(anchor: datetime, catalogue: Catalogue = CATALOGUE) -> dict[str, Json]:
    """`mes.plan` at the anchor: nothing is late yet, what the catalogue says is running runs."""
    return {
        "as_of": iso(anchor),
        "version": "1",
        "job_orders": [
            {
                "id": order.id,
                "job_order": order.id,
                "material": order.material,
                "quantity": order.quantity,
                "status": order.state,
                "lots": [order.lot],
                "segments": [_segment(anchor, catalogue, order, op) for op in order.ops],
            }
            for order in catalogue.job_orders
        ],
        "equipment": [{"equipment": unit.id, "state": "up"} for unit in catalogue.work_units],
        "calendars": [],
    }


def _segment(anchor: datetime, catalogue: Catalogue, order: Any, op: Any) -> dict[str, Json]:
    center = catalogue.work_unit(op.work_unit).work_center
    return segment(
        anchor,
        order.id,
        op.seq,
        (op.work_unit, op.start, op.minutes),
        alternatives=[unit.id for unit in catalogue.units_of(center)],
    )


def segment(
    anchor: datetime, order: str, seq: int, op: tuple[str, int, int], alternatives: Iterable[str] = ()
) -> dict[str, Json]:
    """One operation: (work unit, start, minutes); a start before the anchor means that it runs."""
    unit, start, minutes = op
    at = [iso(anchor + timedelta(minutes=minute)) for minute in (start, start + minutes)]
    return {
        "id": f"{order}/{seq}",
        "seq": seq,
        "state": "running" if start < 0 else "released",
        "equipment": unit,
        "start": at[0],
        "end": at[1],
        "remaining_min": float(start + minutes if start < 0 else minutes),
        "alternatives": [
            {"equipment": u, "run_min": float(minutes), "setup_min": 0.0} for u in (alternatives or [unit])
        ],
    }


def staging_answer(anchor: datetime, catalogue: Catalogue = CATALOGUE) -> list[dict[str, Json]]:
    """`mes.staging` in the connector's words."""
    return [
        {
            "job_order": item.job_order,
            "segment": f"{item.job_order}/{item.seq}",
            "lot": item.lot,
            "location": item.location,
            "at": iso(anchor + timedelta(minutes=item.at)),
        }
        for item in catalogue.staging
    ]


def demand_answer(
    anchor: datetime, where: Mapping[str, Json] | None = None, catalogue: Catalogue = CATALOGUE
) -> list[dict[str, Json]]:
    """`erp.sales_demand`: the promises that hang on job orders."""
    wanted = None if where is None else set(where["job_orders"])
    return [
        {
            "job_order": order.id,
            "sale": sale.id,
            "customer": catalogue.customer(sale.customer).title,
            "promised": iso(anchor + timedelta(minutes=sale.promised)),
        }
        for order in catalogue.job_orders
        if order.sale and (wanted is None or order.id in wanted)
        for sale in (catalogue.sale(order.sale),)
    ]


def down(anchor: datetime, unit: str, hours: str = "2h") -> dict[str, Json]:
    """What the breakdown definition asks the planner."""
    return {"equipment": unit, "down_from": iso(anchor), "down_for": hours}


def demo_facts(anchor: datetime) -> dict[str, Json]:
    """Everything that the planner reads, for the demo plant."""
    return {"plan": plan_answer(anchor), "demand": demand_answer(anchor), "staging": staging_answer(anchor)}
