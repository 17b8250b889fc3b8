"""Tryton's wire, errors and operations as tables; no server."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.tryton.errors import error_of
from connectors.tryton.facts import Facts, LotFacts, Places, needs_of, plants_of, stock_of
from connectors.tryton.mapping import operations_of, stamp_of
from connectors.tryton.wire import decode, encode
from domain.books.outcomes import (
    DispatchEntry,
    DisposeLot,
    HoldLot,
    MaintenanceOrder,
    Outcome,
    OutcomeTransaction,
    PlannedOrder,
    RecordDowntime,
    RescheduleOrders,
    System,
    UpdateDispatchList,
)
from domain.errors import AuthError, ConfigError, ConflictError, InvariantError, MosError, NotFoundError, RejectedError
from domain.values import Json

AT = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
PRAGUE = ZoneInfo("Europe/Prague")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        7,
        2.5,
        True,
        date(2026, 11, 22),
        AT.replace(microsecond=123456),
        Decimal("18.50"),
        [1, {"a": [date(2026, 1, 1)]}],
    ],
)
def test_what_is_sent_comes_back(value: Any) -> None:
    assert decode(encode(value)) == value


def test_moments_travel_as_naive_utc() -> None:
    sent = encode(AT.astimezone(timezone(timedelta(hours=5))))
    assert (sent["__class__"], sent["hour"], sent["minute"]) == ("datetime", 23, 30)
    assert decode({"__class__": "timedelta", "seconds": 90.0}) == timedelta(seconds=90)
    assert decode({"__class__": "bytes", "base64": "YWI="}) == b"ab"
    assert decode({"__class__": "unheard of", "x": 1}) == {"__class__": "unheard of", "x": 1}


@pytest.mark.parametrize(
    "answer, kind, code",
    [
        (["UserError", ["Lot L is on quality hold", "mfgos.lot_held", None]], RejectedError, "mfgos.lot_held"),
        (["UserError", ["The key was used", "mfgos.key_reused", None]], ConflictError, "mfgos.key_reused"),
        (["UserError", ["No", "mfgos.operation_not_allowed", ""]], InvariantError, "mfgos.operation_not_allowed"),
        (["UserError", ["No", "mfgos.record_missing more", ""]], NotFoundError, "mfgos.record_missing"),
        (["UserError", ["A value is required", "", ["x" * 9000]]], RejectedError, "mos.rejected"),
        (["UserError", []], RejectedError, "mos.rejected"),
        (["UserWarning", ["name", "Sure?", ""]], RejectedError, "mos.rejected"),
        (["ConcurrencyException", "Records were modified"], ConflictError, "tryton.concurrency"),
        (["LoginException", ["password"]], AuthError, "mos.auth"),
        (["'nope'", ""], InvariantError, "mos.invariant"),
        ("odd", InvariantError, "mos.invariant"),
        ([], InvariantError, "mos.invariant"),
        (None, InvariantError, "mos.invariant"),
    ],
)
def test_errors(answer: Json, kind: type[MosError], code: str) -> None:
    error = error_of(answer)
    assert type(error) is kind
    assert error.code == code
    assert len(error.detail) <= 600
    assert "xxxx" not in error.detail


def posting(*outcomes: Outcome, key: str = "k") -> OutcomeTransaction:
    return OutcomeTransaction(id="txn_1", key=key, exception_id="exc_1", system=System.ERP, outcomes=list(outcomes))


def facts(**changes: Any) -> Facts:
    known: dict[str, Any] = {
        "orders": {"JO-1": 9},
        "work_centers": {"lathe-1": 4},
        "lots": {"L-1": LotFacts(id=5, product=2, unit=1, stock={3: 40.0, 12: 10.0}, reserved_by=[9])},
        "places": Places(quarantine=12, storage=3, lost_found=7),
    }
    return Facts(date(2026, 11, 22), **(known | changes))


def test_days_are_the_plants_and_a_version_is_checked() -> None:
    order = PlannedOrder(job_order="JO-1", planned_start=AT, planned_end=AT, version="1.5")
    (operation,) = operations_of(posting(RescheduleOrders(orders=[order])), facts(), PRAGUE)
    assert operation["values"] == {"planned_start_date": date(2026, 11, 23), "planned_date": date(2026, 11, 23)}
    assert operation["expect"] == {"9": "1.5"}
    (free,) = operations_of(
        posting(RescheduleOrders(orders=[order.model_copy(update={"version": ""})])), facts(), PRAGUE
    )
    assert "expect" not in free


def test_a_maintenance_order_refers_to_the_downtime_of_its_transaction() -> None:
    outcomes = (MaintenanceOrder(equipment="lathe-1", title="Bearing"), RecordDowntime(equipment="lathe-1", start=AT))
    operations = operations_of(posting(*outcomes), facts(), PRAGUE)
    assert [f"{operation['model']}.{operation['method']}" for operation in operations] == [
        "production.work.center.downtime.create",
        "production.work.center.write",
        "maintenance.order.create",
    ]
    assert operations[2]["values"][0]["downtime"] == {"$ref": [0, 0]}


def test_a_hold_frees_the_reservations_first_and_leaves_quarantine_alone() -> None:
    operations = operations_of(posting(HoldLot(lot="L-1", reason="x")), facts(), PRAGUE)
    assert [operation["method"] for operation in operations] == ["write", "wait", "create", "wait", "assign_try", "do"]
    assert operations[1]["ids"] == [9]
    (move,) = operations[2]["values"][0]["moves"][0][1]
    assert (move["from_location"], move["to_location"], move["quantity"]) == (3, 12, 40.0)
    assert operations[3]["ids"] == {"$ref": [2]}


def of_lot(outcome: Outcome) -> list[Any]:
    known = facts()
    known.lots["L-2"] = LotFacts(id=6, product=2, unit=1, stock={12: 10.0}, hold=True)
    return operations_of(posting(outcome), known, PRAGUE)


def test_a_part_of_a_lot_moves_and_the_rest_stays_free() -> None:
    (back, shipment, *_) = of_lot(HoldLot(lot="L-1", quantity=15, reason="hard"))
    assert (back["method"], shipment["method"]) == ("wait", "create")
    (move,) = shipment["values"][0]["moves"][0][1]
    assert (move["quantity"], move["to_location"]) == (15, 12)
    (scrap, *_) = of_lot(DisposeLot(lot="L-1", quantity=4, disposition="scrap"))
    assert scrap["values"][0]["moves"][0][1][0]["quantity"] == 4
    for much in (HoldLot(lot="L-1", quantity=41, reason="x"), DisposeLot(lot="L-1", quantity=11, disposition="scrap")):
        with pytest.raises(RejectedError, match="only"):
            of_lot(much)
    with pytest.raises(RejectedError, match="whole lot"):
        of_lot(DisposeLot(lot="L-2", quantity=1, disposition="release"))


def test_what_is_unknown_or_foreign_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(NotFoundError, match="L-1"):
        operations_of(posting(HoldLot(lot="L-1", reason="x")), facts(lots={}), PRAGUE)
    with pytest.raises(NotFoundError, match="quarantine"):
        operations_of(posting(HoldLot(lot="L-1", reason="x")), facts(places=None), PRAGUE)
    entry = DispatchEntry(job_order="JO-1", seq=10, work_unit="m", sequence=1, planned_start=AT, planned_end=AT)
    with pytest.raises(ConfigError, match="MES"):
        operations_of(posting(UpdateDispatchList(entries=[entry])), facts(), PRAGUE)


def test_the_stamp_goes_by_the_outcomes_alone() -> None:
    one, other = HoldLot(lot="L-1", reason="x"), HoldLot(lot="L-2", reason="x")
    assert stamp_of(posting(one, key="a")) == stamp_of(posting(one, key="b"))
    assert stamp_of(posting(one)) != stamp_of(posting(other))


def test_needs_are_collected_once() -> None:
    needs = needs_of([HoldLot(lot="L-1", reason="x"), RecordDowntime(equipment="lathe-1", start=AT)])
    assert (needs.lots, needs.work_units, needs.moves_lots, needs.orders) == ({"L-1"}, {"lathe-1"}, True, set())


def move(state: str, start: tuple[int, str], end: tuple[int, str], amount: float, order: int | None = None) -> Json:
    ends = {"from_location": start[0], "from_location.": {"type": start[1]}}
    ends |= {"to_location": end[0], "to_location.": {"type": end[1]}}
    return {"state": state, "internal_quantity": amount, "production_input": order, **ends}


def test_stock_by_location() -> None:
    supplier, store, line = (1, "supplier"), (3, "storage"), (9, "production")
    moves = [
        move("done", supplier, store, 200),
        move("done", store, line, 40, order=7),
        move("assigned", store, line, 30, order=8),
        move("assigned", supplier, store, 500),
    ]
    assert stock_of(moves) == {3: 130}
    assert stock_of(moves, freed=[8]) == {3: 160}
    assert stock_of([move("done", supplier, store, 0.3), move("done", store, line, 0.1 + 0.2)]) == {}


def test_the_top_of_a_tree_of_work_centers() -> None:
    centers: list[dict[str, Any]] = [
        {"id": 1, "code": "brno", "parent": None},
        {"id": 2, "code": "turning", "parent": 1},
        {"id": 3, "code": "lathe-1", "parent": 2},
        {"id": 4, "code": None, "parent": 1},
    ]
    assert plants_of(centers) == {"brno": 1, "turning": 1, "lathe-1": 1}
