"""Every outcome, posted to a real Tryton and read back by the plant's own reader."""

import asyncio
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest

from domain.books.outcomes import (
    ChangePromise,
    CreateOrder,
    DisposeLot,
    HoldLot,
    MaintenanceOrder,
    Outcome,
    OutcomeTransaction,
    PlannedOrder,
    PlannedWork,
    RecordDeviation,
    RecordDowntime,
    RescheduleOrders,
    SetOrderStatus,
    System,
)
from domain.errors import ConflictError, NotFoundError, RejectedError
from infra.plant.erp.reader import Downtime
from infra.plant.erp.sales import enter_rush_sale
from tests.connectors.tryton.conftest import Erp

PRAGUE = ZoneInfo("Europe/Prague")


def posting(key: str, *outcomes: Outcome) -> OutcomeTransaction:
    """The exception's id is the key up to its first colon."""
    exception = key.partition(":")[0]
    return OutcomeTransaction(
        id="txn_1", key=key, exception_id=exception, system=System.ERP, outcomes=list(outcomes), decision="dec_1"
    )


def in_stock(erp: Erp, lot: str) -> dict[str, float]:
    places = erp.lot(lot).quantities
    return {name: amount for name, amount in places.items() if amount and name in ("STO", "QUARANTINE")}


def downtimes(erp: Erp, exception: str) -> list[Downtime]:
    return [downtime for downtime in erp.reader.downtimes() if downtime.reference == exception]


def keys(erp: Erp, start: str) -> list[str]:
    return [posting.key for posting in erp.reader.postings() if posting.key.startswith(start)]


async def test_a_breakdown_moves_orders_and_records_the_machine(erp: Erp) -> None:
    before = erp.order("JO-1003")
    system = erp.system()
    version = (await system.query("erp.orders", {"job_orders": ["JO-1003"]}))[0]["version"]
    start, end = erp.anchor + timedelta(days=2), erp.anchor + timedelta(days=2, hours=6)
    works = [
        PlannedWork(seq=10, work_unit="lathe-2", planned_start=start, planned_end=start + timedelta(hours=2)),
        PlannedWork(seq=30, work_unit="furnace-1", planned_start=start + timedelta(hours=4), planned_end=end),
    ]
    moved = PlannedOrder(job_order="JO-1003", planned_start=start, planned_end=end, works=works, version=version)
    receipt = await system.post(
        posting(
            "exc_down:new_times:1",
            RescheduleOrders(orders=[moved]),
            MaintenanceOrder(equipment="lathe-1", title="Spindle bearing", priority=2, done=True),
            RecordDowntime(equipment="lathe-1", start=erp.anchor, end=erp.anchor + timedelta(hours=1), cause="Bearing"),
        )
    )
    after = erp.order("JO-1003")
    assert (after.planned_start_date, after.planned_date) == (
        start.astimezone(PRAGUE).date(),
        end.astimezone(PRAGUE).date(),
    )
    assert [(work.work_unit, work.planned_start) for work in after.works] == [
        ("lathe-2", start),
        ("mill-1", before.works[1].planned_start),
        ("furnace-1", start + timedelta(hours=4)),
    ]
    (downtime,) = downtimes(erp, "exc_down")
    assert (downtime.work_unit, downtime.reason) == ("lathe-1", "breakdown")
    assert (downtime.start, downtime.end, downtime.notes) == (erp.anchor, erp.anchor + timedelta(hours=1), "Bearing")
    (repair,) = [item for item in erp.reader.maintenance_orders() if item.reference == "exc_down"]
    assert (repair.work_unit, repair.priority, repair.state, repair.downtime) == ("lathe-1", 2, "done", downtime.id)
    assert {f"production {after.id} (JO-1003)", f"maintenance.order {repair.id} (Spindle bearing)"} <= set(
        receipt.documents
    )
    assert f"production.work.center.downtime {downtime.id}" in receipt.documents
    (kept,) = [item for item in erp.reader.postings() if item.key == "exc_down:new_times:1"]
    assert kept.decision.startswith("dec_1 ")


async def test_a_downtime_that_began_is_ended_not_doubled(erp: Erp) -> None:
    system = erp.system()
    await system.post(posting("exc_ended:1", RecordDowntime(equipment="mill-1", start=erp.anchor)))
    assert [unit.status for unit in erp.reader.work_units() if unit.code == "mill-1"] == ["down"]
    end = erp.anchor + timedelta(minutes=40)
    await system.post(posting("exc_ended:2", RecordDowntime(equipment="mill-1", start=erp.anchor, end=end)))
    (downtime,) = downtimes(erp, "exc_ended")
    assert downtime.end == end
    assert [unit.status for unit in erp.reader.work_units() if unit.code == "mill-1"] == ["up"]


async def test_a_stale_order_keeps_the_rest_of_the_decision_out(erp: Erp) -> None:
    moved = PlannedOrder(job_order="JO-1006", planned_start=erp.anchor, planned_end=erp.anchor, version="1.0")
    with pytest.raises(ConflictError):
        await erp.system().post(
            posting(
                "exc_stale:1", RecordDowntime(equipment="press-1", start=erp.anchor), RescheduleOrders(orders=[moved])
            )
        )
    assert downtimes(erp, "exc_stale") == []
    assert keys(erp, "exc_stale") == []


async def held(erp: Erp, key: str) -> None:
    hold = HoldLot(lot="L-BAR-502", reason="Hardness 15 HRC is out of tolerance")
    status = SetOrderStatus(job_orders=["JO-1003", "JO-1008"], status="held", reason="Lot L-BAR-502 is on hold")
    await erp.system().post(posting(key, hold, status))


async def test_a_held_lot_goes_into_quarantine_and_its_orders_are_held(erp: Erp) -> None:
    works = erp.order("JO-1003").works
    await held(erp, "exc_hold:hold:1")
    lot = erp.lot("L-BAR-502")
    assert (lot.hold, lot.hold_reason) == (True, "Hardness 15 HRC is out of tolerance")
    assert in_stock(erp, "L-BAR-502") == {"QUARANTINE": 120}
    order = erp.order("JO-1003")
    assert (order.state, order.hold, order.hold_reason) == ("waiting", True, "Lot L-BAR-502 is on hold")
    assert [(work.work_unit, work.planned_start) for work in order.works] == [
        (work.work_unit, work.planned_start) for work in works
    ]
    facts = await erp.system().query("erp.lot", {"lot": "L-BAR-502"})
    assert (facts["hold"], facts["job_orders"], facts["reserved_by"]) == (True, ["JO-1003", "JO-1008"], [])
    assert [(place["quarantine"], place["free"]) for place in facts["places"]] == [(True, 120.0)]


async def test_the_same_hold_again_is_a_replay_although_the_stock_has_moved(erp: Erp) -> None:
    await held(erp, "exc_again:hold:1")
    await held(erp, "exc_again:hold:1")
    assert keys(erp, "exc_again") == ["exc_again:hold:1"]
    found = await erp.system().find("exc_again:hold:1")
    assert found is not None
    assert "stock.lot" in found.documents[0]
    assert "(L-BAR-502)" in found.documents[0]


@pytest.mark.parametrize(
    "disposition, hold, place",
    [("release", False, "STO"), ("rework", True, "QUARANTINE"), ("return", True, "QUARANTINE"), ("scrap", True, None)],
)
async def test_dispositions(erp: Erp, disposition: str, hold: bool, place: str | None) -> None:
    """One lot after the other disposition: scrap is the last."""
    await held(erp, f"exc_{disposition}:hold:1")
    outcome = DisposeLot.model_validate({"lot": "L-BAR-502", "disposition": disposition, "reason": "seen by quality"})
    deviation = RecordDeviation(lot="L-BAR-502", title="Hardness low", description="15 HRC", disposition=disposition)
    free = SetOrderStatus(job_orders=["JO-1003", "JO-1008"], status="released")
    await erp.system().post(posting(f"exc_{disposition}:disposed:1", outcome, deviation, *([free] if not hold else [])))
    lot = erp.lot("L-BAR-502")
    assert lot.hold is hold
    assert lot.hold_reason == (f"{disposition}: seen by quality" if hold else "")
    assert in_stock(erp, "L-BAR-502") == ({place: 120} if place else {})
    assert erp.order("JO-1003").hold is hold
    (alert,) = [item for item in erp.reader.alerts() if item.reference == f"exc_{disposition}"]
    assert (alert.title, alert.state, alert.origin) == ("Hardness low", "processing", f"stock.lot,{lot.id}")
    assert alert.description == f"15 HRC\n{disposition}"


async def test_a_part_of_a_lot_goes_into_quarantine_and_is_scrapped(erp: Erp) -> None:
    system, lot, there = erp.system(), "L-CAST-701", in_stock(erp, "L-CAST-701")["STO"]
    await system.post(posting("exc_part:hold:1", HoldLot(lot=lot, quantity=3, reason="a crack")))
    assert in_stock(erp, lot) == {"STO": there - 3, "QUARANTINE": 3}
    assert not erp.lot(lot).hold, "the rest stays free"
    await system.post(posting("exc_part:scrap:1", DisposeLot(lot=lot, quantity=1, disposition="scrap")))
    await system.post(posting("exc_part:free:1", DisposeLot(lot=lot, quantity=2, disposition="release")))
    assert in_stock(erp, lot) == {"STO": there - 1}


async def test_a_rush_sale_becomes_one_order_and_a_promise(erp: Erp) -> None:
    wanted = erp.anchor + timedelta(days=1)
    entered = enter_rush_sale(
        erp.server.url,
        erp.passwords["plant_sales"],
        customer="vesta",
        material="GS-40",
        quantity=20,
        wanted=wanted,
        comment="Line stop at the customer",
    )
    start = erp.anchor + timedelta(hours=2)
    units = ((10, "lathe-2"), (20, "mill-2"), (30, "furnace-1"))
    works = [
        PlannedWork(
            seq=seq,
            work_unit=unit,
            planned_start=start + timedelta(hours=step),
            planned_end=start + timedelta(hours=step + 1),
        )
        for step, (seq, unit) in enumerate(units)
    ]
    create = CreateOrder(
        job_order=f"RUSH-{entered.reference}",
        material="GS-40",
        quantity=20,
        sale=entered.reference,
        priority=1,
        planned_start=start,
        planned_end=works[-1].planned_end,
        works=works,
    )
    promise = ChangePromise(sale=entered.reference, promised=wanted, reason="Rush order approved")
    system = erp.system()
    wanted_of_us = posting("exc_rush:rush:1", create, promise)
    receipt = await system.post(wanted_of_us)
    assert (await system.read_back(wanted_of_us, receipt)).changed == [], "it took over the request that the sale made"
    order = erp.order(create.job_order)
    assert (order.state, order.priority, order.quantity, order.sale) == ("waiting", 1, 20, entered.reference)
    assert [(work.sequence, work.work_unit) for work in order.works] == list(units)
    assert order.works[0].planned_start == start
    sale = erp.sale(entered.reference)
    assert (sale.promised_at, sale.comment) == (wanted, "Line stop at the customer\nRush order approved")
    assert sale.orders == (create.job_order,)
    assert f"production {order.id} ({create.job_order})" in receipt.documents
    (line,) = await system.query("erp.sales_demand", {"job_orders": [create.job_order]})
    assert (line["sale"], line["customer"]) == (entered.reference, "Vesta Rail")
    assert line["promised"] == wanted.astimezone(UTC).isoformat().replace("+00:00", "Z")


async def test_concurrent_workers_post_one_decision_once(erp: Erp) -> None:
    """Each may find Tryton before or after the other's posting: one posts, the others get its receipt or ask again."""
    transaction = posting("exc_race:1", HoldLot(lot="L-CAST-701", reason="Porosity"))
    before = in_stock(erp, "L-CAST-701")
    systems = [erp.system() for _ in range(3)]
    results = await asyncio.gather(*(system.post(transaction) for system in systems), return_exceptions=True)
    receipts = [result for result in results if not isinstance(result, BaseException)]
    assert sum(not receipt.replayed for receipt in receipts) == 1
    assert (await systems[0].post(transaction)).replayed
    assert keys(erp, "exc_race") == ["exc_race:1"]
    assert in_stock(erp, "L-CAST-701") == {"QUARANTINE": before["STO"]}


async def test_what_tryton_does_not_have_is_named(erp: Erp) -> None:
    system = erp.system()
    for outcome, name in (
        (SetOrderStatus(job_orders=["JO-1003", "JO-9999"], status="held"), "JO-9999"),
        (HoldLot(lot="L-NONE", reason="x"), "L-NONE"),
        (RecordDowntime(equipment="robot-9", start=erp.anchor), "robot-9"),
        (ChangePromise(sale="SO-9", promised=erp.anchor), "SO-9"),
    ):
        with pytest.raises(NotFoundError, match=name):
            await system.post(posting("exc_missing:1", outcome))
    assert keys(erp, "exc_missing") == []


async def test_a_refusal_of_tryton_is_for_a_person_and_leaves_nothing(erp: Erp) -> None:
    backwards = RecordDowntime(equipment="lathe-1", start=erp.anchor, end=erp.anchor - timedelta(hours=1))
    with pytest.raises(RejectedError) as caught:
        await erp.system().post(posting("exc_refused:1", backwards))
    assert 0 < len(caught.value.detail) <= 600
    assert await erp.system().find("exc_refused:1") is None


async def test_a_session_that_ended_is_made_anew_for_a_posting_too(erp: Erp) -> None:
    system = erp.system()
    await system.query("erp.sale", {"sale": "SO-2001"})
    with psycopg.connect(erp.server.postgres.uri("erp"), autocommit=True) as books:
        books.execute("delete from ir_session")
    receipt = await system.post(
        posting("exc_session:1", SetOrderStatus(job_orders=["JO-1005"], status="held", reason="x"))
    )
    assert not receipt.replayed
    assert erp.order("JO-1005").hold
