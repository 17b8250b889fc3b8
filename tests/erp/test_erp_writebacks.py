"""The three decisions of the first run as postings into the real ERP: breakdown, quality hold, rush order."""

from datetime import date, timedelta
from typing import Any

import pytest

from infra.plant.erp.reader import Order, Sale
from infra.plant.erp.rpc import ErpRefused
from infra.plant.erp.sales import enter_rush_sale

Erp = Any
Op = dict[str, Any]


def order(erp: Erp, reference: str) -> Order:
    orders: list[Order] = erp.reader.orders()
    return next(o for o in orders if o.reference == reference)


def sale(erp: Erp, reference: str) -> Sale:
    sales: list[Sale] = erp.reader.sales()
    return next(s for s in sales if s.reference == reference)


def button(model: str, method: str, ids: Any) -> Op:
    return {"model": model, "method": method, "ids": ids}


def write(model: str, id_: int, **values: Any) -> Op:
    return {"model": model, "method": "write", "ids": [id_], "values": values}


def test_breakdown_moves_works_and_order_and_records_the_machine(erp_server: Erp) -> None:
    before = order(erp_server, "JO-1003")
    day = erp_server.day + timedelta(days=3)
    unit = erp_server.id("production.work.center", code="lathe-1")
    downtime = {"work_center": unit, "start": erp_server.anchor, "reason": "breakdown", "notes": "Spindle overload"}
    maintenance = {"work_center": unit, "downtime": {"$ref": [1, 0]}, "title": "Spindle bearing", "priority": "1"}
    later = timedelta(days=1)
    moved = [
        write("production.work", w.id, planned_start=w.planned_start + later, planned_end=w.planned_end + later)
        for w in before.works
        if w.planned_start and w.planned_end
    ]
    erp_server.post(
        "breakdown",
        [
            write("production.work.center", unit, status="down"),
            {"model": "production.work.center.downtime", "method": "create", "values": [downtime]},
            {"model": "maintenance.order", "method": "create", "values": [maintenance]},
            write("production", before.id, planned_start_date=day, planned_date=day),
            *moved,
        ],
    )
    after = order(erp_server, "JO-1003")
    assert [w.planned_start for w in after.works] == [w.planned_start + later for w in before.works if w.planned_start]
    assert (after.state, after.planned_start_date, after.planned_date) == (
        "assigned",
        day,
        day,
    )
    assert _move_dates(erp_server, after.id) == {day}
    (found,) = erp_server.reader.maintenance_orders()
    assert (found.work_unit, found.priority, found.state) == ("lathe-1", 1, "open")
    assert {u.code for u in erp_server.reader.work_units() if u.status == "down"} == {"lathe-1"}


def _move_dates(erp: Erp, production: int) -> set[date]:
    row = erp.row("production", production, "inputs", "outputs")
    moves = erp.product.call("model.stock.move.read", row["inputs"] + row["outputs"], ["planned_date"])
    return {move["planned_date"] for move in moves}


def hold_ops(erp: Erp, number: str, reserved: list[int]) -> list[Op]:
    """Hold a lot, release what has reserved it, move all of it to quarantine, record a deviation."""
    lot = erp.id("stock.lot", number=number)
    product = erp.row("stock.lot", lot, "product", "product.default_uom")
    places = {code: erp.id("stock.location", code=code) for code in ("STO", "QUARANTINE")}
    way = {"from_location": places["STO"], "to_location": places["QUARANTINE"]}
    day = erp.day
    move = way | {
        "product": product["product"],
        "lot": lot,
        "unit": product["product."]["default_uom"],
        "quantity": 120,
    }
    shipment = way | {
        "reference": "exc-1",
        "planned_date": day,
        "planned_start_date": day,
        "moves": [["create", [move]]],
    }
    alert = {"title": "Hardness low", "origin": f"stock.lot,{lot}", "reference": "exc-1"}
    return [
        write("stock.lot", lot, hold=True, hold_reason="Hardness 15 HRC"),
        *([button("production", "wait", reserved)] if reserved else []),
        {"model": "stock.shipment.internal", "method": "create", "values": [shipment]},
        button("stock.shipment.internal", "wait", {"$ref": [2]}),
        button("stock.shipment.internal", "assign_try", {"$ref": [2]}),
        button("stock.shipment.internal", "do", {"$ref": [2]}),
        {"model": "quality.alert", "method": "create", "values": [alert]},
        button("quality.alert", "process", {"$ref": [6]}),
    ]


def test_quality_hold_moves_the_lot_to_quarantine_and_records_the_deviation(erp_server: Erp) -> None:
    works = order(erp_server, "JO-1003").works
    reserved = [order(erp_server, reference).id for reference in ("JO-1003", "JO-1008")]
    ops = hold_ops(erp_server, "L-BAR-502", reserved)
    held = [write("production", id_, hold=True, hold_reason="Lot L-BAR-502 is on hold") for id_ in reserved]
    erp_server.post("hold", [*ops, *held])
    lot = next(found for found in erp_server.reader.lots() if found.number == "L-BAR-502")
    assert (lot.hold, lot.hold_reason, lot.quantities) == (True, "Hardness 15 HRC", {"STO": 0, "QUARANTINE": 120})
    assert lot.reserved_by == ()
    (alert,) = erp_server.reader.alerts()
    assert (alert.title, alert.state, alert.origin) == ("Hardness low", "processing", f"stock.lot,{lot.id}")
    after = order(erp_server, "JO-1003")
    assert (after.state, after.hold) == ("waiting", True)
    assert [(w.work_unit, w.planned_start) for w in after.works] == [(w.work_unit, w.planned_start) for w in works]


def test_a_lot_still_reserved_cannot_leave_and_nothing_of_the_posting_stays(erp_server: Erp) -> None:
    ops = hold_ops(erp_server, "L-BAR-502", [order(erp_server, "JO-1003").id])
    with pytest.raises(ErpRefused) as caught:
        erp_server.post("hold", ops)
    assert caught.value.code == "mfgos.not_reserved"
    assert not any(lot.hold for lot in erp_server.reader.lots())


def test_a_held_lot_is_neither_reserved_nor_used_until_released(erp_server: Erp) -> None:
    lot = erp_server.id("stock.lot", number="L-BAR-501")
    assigned, waiting = order(erp_server, "JO-1005").id, order(erp_server, "JO-1009").id
    erp_server.post("hold", [write("stock.lot", lot, hold=True, hold_reason="Crack")])
    for key, ops in {
        "reserve": [button("production", "assign_try", [waiting])],
        "force": [button("production", "assign_force", [waiting])],
        "use": [button("production", "run", [assigned])],
    }.items():
        with pytest.raises(ErpRefused, match="quality hold: Crack") as caught:
            erp_server.post(key, ops)
        assert caught.value.code == "mfgos.lot_held"
    erp_server.post("release", [write("stock.lot", lot, hold=False, hold_reason=None)])
    erp_server.post("go", [button("production", "run", [assigned]), button("production", "assign_try", [waiting])])
    assert order(erp_server, "JO-1005").state == "running"


def test_a_held_order_cannot_start(erp_server: Erp) -> None:
    found = order(erp_server, "JO-1005").id
    hold = write("production", found, hold=True, hold_reason="Waits for quality")
    with pytest.raises(ErpRefused) as caught:
        erp_server.post("k", [hold, button("production", "run", [found])])
    assert caught.value.code == "mfgos.order_held"


def test_rush_order_plans_one_order_for_the_sale_and_promises_a_date(erp_server: Erp) -> None:
    wanted = erp_server.anchor + timedelta(days=1)
    entered = enter_rush_sale(
        erp_server.url,
        erp_server.passwords["plant_sales"],
        customer="vesta",
        material="GS-40",
        quantity=20,
        wanted=wanted,
        comment="Rush: line stop at the customer",
    )
    assert entered.reference == "SO-2007"
    ids = {
        code: erp_server.id("production.work.center", code=code) for code in ("brno", "lathe-2", "mill-2", "furnace-1")
    }
    start = erp_server.anchor + timedelta(hours=2)
    steps = [
        {
            "sequence": 10 * n,
            "work_center": ids[unit],
            "planned_start": start + timedelta(hours=n),
            "planned_end": start + timedelta(hours=n + 1),
        }
        for n, unit in enumerate(("lathe-2", "mill-2", "furnace-1"), 1)
    ]
    model = order(erp_server, "JO-1003")
    source = erp_server.row("production", model.id, "product", "bom", "routing", "unit")
    plan = {
        **{name: source[name] for name in ("product", "bom", "routing", "unit")},
        "work_center": ids["brno"], "quantity": 20, "priority": 1, "reference": "JO-2007",
        "planned_start_date": start.date(), "planned_date": start.date(), "origin": f"sale.line,{entered.line}",
    }  # fmt: skip
    promise = wanted + timedelta(hours=3)
    erp_server.post(
        "rush",
        [
            {"model": "production", "method": "plan", "values": [plan]},
            button("production", "wait", {"$ref": [0]}),
            {"model": "production", "method": "schedule", "ids": {"$ref": [0]}, "values": steps},
            write("sale.sale", entered.id, promised_at=promise, shipping_date=promise.date()),
        ],
    )
    made = order(erp_server, "JO-2007")
    assert (made.state, made.priority, made.sale, made.quantity) == ("waiting", 1, "SO-2007", 20)
    assert [(w.sequence, w.work_unit) for w in made.works] == [(10, "lathe-2"), (20, "mill-2"), (30, "furnace-1")]
    assert made.works[0].planned_start == start + timedelta(hours=1)
    assert len(erp_server.row("production", made.id, "inputs")["inputs"]) == 1
    found = sale(erp_server, "SO-2007")
    assert (found.promised_at, found.orders, found.comment) == (
        promise,
        ("JO-2007",),
        "Rush: line stop at the customer",
    )


def test_an_order_without_a_sale_is_planned_with_its_moves(erp_server: Erp) -> None:
    source = erp_server.row(
        "production", order(erp_server, "JO-1007").id, "product", "bom", "routing", "unit", "work_center"
    )
    day = erp_server.day
    plan = {name: value for name, value in source.items() if name not in ("id",)}
    plan |= {"quantity": 5, "reference": "JO-3001", "planned_date": day, "planned_start_date": day}
    ops = [{"model": "production", "method": "plan", "values": [plan]}, button("production", "rebuild", {"$ref": [0]})]
    erp_server.post("k", ops)
    made = order(erp_server, "JO-3001")
    row = erp_server.row("production", made.id, "inputs", "outputs")
    assert (made.state, len(row["inputs"]), len(row["outputs"])) == ("draft", 1, 1)


def test_a_schedule_for_an_operation_that_does_not_exist_is_refused(erp_server: Erp) -> None:
    ops = [
        {
            "model": "production",
            "method": "schedule",
            "ids": [order(erp_server, "JO-1003").id],
            "values": [{"sequence": 99}],
        }
    ]
    with pytest.raises(ErpRefused) as caught:
        erp_server.post("k", ops)
    assert caught.value.code == "mfgos.record_missing"


def test_an_inspection_that_is_due_stops_the_order_until_its_alert_is_resolved(erp_server: Erp) -> None:
    found = order(erp_server, "JO-1001")
    for method in ("start", "stop"):
        late = found.works if method == "stop" else found.works[1:]
        erp_server.admin.call(f"model.production.work.{method}", [w.id for w in late])
    finish = [button("production", "do", [found.id])]
    with pytest.raises(ErpRefused) as caught:
        erp_server.post("too early", finish)
    assert caught.value.code == "mfgos.operation_refused"
    control = erp_server.id("quality.control", product__code="GS-40")
    measured = {"control": control, "origin": f"production,{found.id}", "points": {"runout": 0.09}}
    create = {"model": "quality.inspection", "method": "create", "values": [measured]}
    erp_server.post("inspect", [create, button("quality.inspection", "process", {"$ref": [0]})])
    (alert,) = erp_server.reader.alerts()
    with pytest.raises(ErpRefused, match="alerts from failed inspections"):
        erp_server.post("still open", finish)
    steps = [button("quality.alert", method, [alert.id]) for method in ("process", "resolve")]
    erp_server.post("resolve", [*steps, *finish])
    assert order(erp_server, "JO-1001").state == "done"
