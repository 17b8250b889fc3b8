"""What the ledger asks of Tryton: a preview that changes nothing, versions, what stands now, and the way back."""

from datetime import timedelta
from typing import Any

import pytest

from connectors.roles import Previewer, Reconciler, Reversible
from domain.books.outcomes import (
    CancelDocuments,
    ChangePromise,
    HoldLot,
    MaintenanceOrder,
    Outcome,
    OutcomeTransaction,
    PlannedOrder,
    RecordDowntime,
    RescheduleOrders,
    SetOrderStatus,
    SetPriority,
    System,
)
from domain.errors import ConflictError, RejectedError
from tests.connectors.tryton.conftest import Erp


def posting(key: str, *outcomes: Outcome, **more: object) -> OutcomeTransaction:
    drafted = {"id": "txn_1", "key": key, "exception_id": key.partition(":")[0], "system": System.ERP}
    return OutcomeTransaction.model_validate(drafted | {"outcomes": list(outcomes), "decision": "dec_1"} | more)


def moved(erp: Erp, order: str, days: int) -> RescheduleOrders:
    start = erp.anchor + timedelta(days=days)
    return RescheduleOrders(
        orders=[PlannedOrder(job_order=order, planned_start=start, planned_end=start + timedelta(days=1))]
    )


def test_what_it_can_is_what_it_says(erp: Erp) -> None:
    system = erp.system()
    assert all(isinstance(system, role) for role in (Previewer, Reversible, Reconciler))


async def test_a_preview_says_before_and_after_and_changes_nothing(erp: Erp) -> None:
    before = erp.order("JO-1004")
    wanted = posting("exc_look:0:1", moved(erp, "JO-1004", 6), SetPriority(job_orders=["JO-1004"], priority=7))
    shown = await erp.system().preview(wanted)
    changes = {change.field: (change.before, change.after) for change in shown.changes}
    assert set(changes) == {"planned_start_date", "planned_date", "priority"}
    assert changes["priority"] == (before.priority, 7)
    assert {change.record for change in shown.changes} == {next(iter(shown.changes)).record}
    assert shown.changes[0].record.endswith("(JO-1004)")
    assert erp.order("JO-1004") == before
    assert await erp.system().preview(wanted) == shown


async def test_what_it_would_make_is_told_as_new(erp: Erp) -> None:
    shown = await erp.system().preview(posting("exc_new:0:1", MaintenanceOrder(equipment="mill-1", title="Spindle")))
    assert all(change.created for change in shown.changes)
    assert ("title", "Spindle") in {(change.field, change.after) for change in shown.changes}
    machine = next(change for change in shown.changes if change.field == "work_center")
    assert isinstance(machine.after, int)
    assert machine.after_name == "mill-1", "people know no number of Tryton's"


async def test_what_somebody_changed_meanwhile_is_not_overwritten(erp: Erp) -> None:
    """Two decisions on one order: the second was shown what the first has changed."""
    system = erp.system()
    first = posting("exc_two:0:1", SetPriority(job_orders=["JO-1005"], priority=3))
    second = posting("exc_two:1:1", moved(erp, "JO-1005", 4))
    shown = await system.preview(second)
    await system.post(first)
    with pytest.raises(ConflictError):
        await system.post(second.model_copy(update={"versions": shown.versions}))
    assert await system.find(second.key) is None
    again = await system.preview(second)
    assert not (await system.post(second.model_copy(update={"versions": again.versions}))).replayed


async def test_what_stands_is_read_back_and_a_later_change_is_seen(erp: Erp) -> None:
    system = erp.system()
    wanted = posting("exc_back:0:1", SetPriority(job_orders=["JO-1006"], priority=4))
    since = erp.anchor - timedelta(hours=1)
    receipt = await system.post(wanted)
    assert (await system.read_back(wanted, receipt)).changed == []
    await system.post(posting("exc_other:0:1", SetPriority(job_orders=["JO-1006"], priority=9)))
    stands = await system.read_back(wanted, receipt)
    assert stands.known
    assert [(field.field, field.posted, field.stands) for field in stands.changed] == [("priority", 4, 9)]
    assert wanted.key in [booked.key for booked in await system.postings_since(since)]
    missing = posting("exc_none:0:1", SetPriority(job_orders=["JO-1006"], priority=4))
    assert not (await system.read_back(missing, receipt)).known


async def test_new_times_go_back_to_what_stood(erp: Erp) -> None:
    before, system = erp.order("JO-1007"), erp.system()
    wanted = posting("exc_undo:0:1", moved(erp, "JO-1007", 5), SetPriority(job_orders=["JO-1007"], priority=2))
    shown = await system.preview(wanted)
    receipt = await system.post(wanted)
    back = await system.reversal(wanted, receipt, shown)
    assert [outcome.kind for outcome in back] == ["set_priority", "reschedule_orders"]
    await system.post(posting("exc_undo:0:1:reversal", *back))
    after = erp.order("JO-1007")
    assert (after.planned_start_date, after.priority) == (before.planned_start_date, before.priority)


async def test_operations_go_back_to_the_machine_and_times_that_stood(erp: Erp) -> None:
    system, start = erp.system(), erp.anchor + timedelta(days=4)
    before = erp.order("JO-1010").works[0]
    work = {"seq": before.sequence, "work_unit": "mill-2", "planned_start": start}
    work["planned_end"] = start + timedelta(hours=2)
    plan = {"job_order": "JO-1010", "planned_start": start, "planned_end": start + timedelta(days=1), "works": [work]}
    wanted = posting("exc_works:0:1", RescheduleOrders.model_validate({"orders": [plan]}))
    shown = await system.preview(wanted)
    (machine,) = [change for change in shown.changes if change.field == "work_center"]
    assert (machine.before_name, machine.after_name) == (before.work_unit, "mill-2")
    receipt = await system.post(wanted)
    assert erp.order("JO-1010").works[0].work_unit == "mill-2"
    await system.post(posting("exc_works:0:1:reversal", *await system.reversal(wanted, receipt, shown)))
    assert erp.order("JO-1010").works[0] == before


async def test_what_was_made_is_cancelled_and_a_hold_released(erp: Erp) -> None:
    system = erp.system()
    lot = next(lot.number for lot in erp.reader.lots() if lot.number)
    down = RecordDowntime(equipment="mill-1", start=erp.anchor)
    wanted = posting(
        "exc_made:0:1", MaintenanceOrder(equipment="mill-1", title="Belt"), HoldLot(lot=lot, reason="hard"), down
    )
    receipt = await system.post(wanted)
    back = await system.reversal(wanted, receipt, None)
    assert [outcome.kind for outcome in back] == ["record_downtime", "dispose_lot", "cancel_documents"]
    await system.post(posting("exc_made:0:1:reversal", *back))
    assert not erp.lot(lot).hold


async def test_what_somebody_else_had_on_hold_is_not_freed_by_our_way_back(erp: Erp) -> None:
    system = erp.system()
    lot = [lot.number for lot in erp.reader.lots() if lot.number][1]
    theirs: list[Outcome] = [
        SetOrderStatus(job_orders=["JO-1008"], status="held", reason="their audit"),
        HoldLot(lot=lot, reason="QA"),
    ]
    await system.post(posting("exc_theirs:0:1", *theirs))
    ours: list[Outcome] = [
        SetOrderStatus(job_orders=["JO-1008", "JO-1009"], status="held", reason="too hard"),
        HoldLot(lot=lot, reason="too hard"),
    ]
    wanted = posting("exc_ours:0:1", *ours)
    shown = await system.preview(wanted)
    receipt = await system.post(wanted)
    await system.post(posting("exc_ours:0:1:reversal", *await system.reversal(wanted, receipt, shown)))
    assert [erp.order(name).hold for name in ("JO-1008", "JO-1009")] == [True, False]
    assert (erp.lot(lot).hold, erp.lot(lot).hold_reason) == (True, "QA")
    free = posting("exc_free:0:1", SetOrderStatus(job_orders=["JO-1009"], status="released"))
    assert await system.reversal(free, receipt, await system.preview(free)) == [], "it was free before"


async def test_a_downtime_that_has_ended_is_undone_by_people(erp: Erp) -> None:
    """The way back ends one that is open at its beginning: of an ended one that would be a second record beside it."""
    ended = RecordDowntime(equipment="mill-2", start=erp.anchor, end=erp.anchor + timedelta(hours=1))
    wanted = posting("exc_ended:0:1", ended)
    shown = await erp.system().preview(wanted)
    receipt = await erp.system().post(wanted)
    back = await erp.system().reversal(wanted, receipt, shown)
    with pytest.raises(RejectedError, match="mill-2"):
        await erp.system().preview(posting("exc_ended:0:1:reversal", *back))


async def test_what_stood_before_has_to_be_known(erp: Erp) -> None:
    wanted = posting("exc_lost:0:1", ChangePromise(sale="SO-2001", promised=erp.anchor + timedelta(days=9)))
    with pytest.raises(RejectedError, match="SO-2001"):
        await erp.system().reversal(wanted, await erp.system().post(wanted), None)


async def test_what_was_just_posted_stands_as_posted(erp: Erp) -> None:
    """Whatever Tryton makes of it by itself is no difference."""
    system = erp.system()
    start = erp.anchor + timedelta(days=3)
    works = [{"seq": 10, "work_unit": "mill-1", "planned_start": start, "planned_end": start + timedelta(hours=2)}]
    plan = {"job_order": "JO-1002", "planned_start": start, "planned_end": start + timedelta(days=2), "works": works}
    lathe = [works[0] | {"work_unit": "lathe-2"}]
    lot = [lot.number for lot in erp.reader.lots() if lot.number][-1]
    outcomes: list[dict[str, Any]] = [
        {"kind": "reschedule_orders", "orders": [plan]},
        {"kind": "record_downtime", "equipment": "mill-1", "start": erp.anchor, "end": start, "cause": "bearing"},
        {"kind": "maintenance_order", "equipment": "mill-1", "title": "Bearing", "done": True},
        {"kind": "hold_lot", "lot": lot, "reason": "too hard"},
        {"kind": "record_deviation", "lot": lot, "title": "Hardness", "description": "27.4 HRC"},
        {"kind": "change_promise", "sale": "SO-2001", "promised": start, "reason": "late bearing"},
        {"kind": "create_order", "material": "GS-40", "quantity": 3, **plan, "job_order": "JO-9001", "works": lathe},
    ]
    for number, outcome in enumerate(outcomes):
        wanted = OutcomeTransaction.model_validate(
            {"id": "txn_1", "key": f"exc_clean:{number}:1", "exception_id": "exc_clean", "system": "erp"}
            | {"outcomes": [outcome], "decision": "dec_1"}
        )
        stands = await system.read_back(wanted, await system.post(wanted))
        assert (stands.known, stands.changed) == (True, []), outcome["kind"]
        assert stands.fields, outcome["kind"]


async def test_an_order_of_ours_that_somebody_moves_or_cancels_is_seen(erp: Erp) -> None:
    """The key goes on standing in Tryton whatever became of the order."""
    system, start = erp.system(), erp.anchor + timedelta(days=2)
    work = {"seq": 10, "work_unit": "lathe-2", "planned_start": start, "planned_end": start + timedelta(hours=2)}
    made = {"kind": "create_order", "job_order": "JO-9002", "material": "GS-40", "quantity": 3}
    made |= {"planned_start": start, "planned_end": start + timedelta(days=1), "works": [work]}
    drafted = {"id": "txn_1", "key": "exc_gone:0:1", "exception_id": "exc_gone", "system": "erp", "decision": "dec_1"}
    wanted = OutcomeTransaction.model_validate(drafted | {"outcomes": [made]})
    receipt = await system.post(wanted)

    async def changed() -> list[str]:
        return [field.field for field in (await system.read_back(wanted, receipt)).changed]

    later = {"job_order": "JO-9002", "planned_start": start, "planned_end": start + timedelta(days=1)}
    later["works"] = [work | {"planned_end": start + timedelta(hours=5)}]
    await system.post(posting("exc_moves:0:1", RescheduleOrders.model_validate({"orders": [later]})))
    assert await changed() == ["planned_end"]
    (order,) = [name for name in receipt.documents if name.startswith("production ")]
    await system.post(posting("exc_cancels:0:1", CancelDocuments(documents=[order])))
    assert "cancelled" in await changed()
