"""A rush order goes into the gaps: it moves nobody, and comes first where there is room."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from domain.values import iso
from planning.insert import Slot, insert
from planning.model import Alternative, Plan, read_plan
from planning.propose import propose
from tests.planning.test_push_right_plans import ANCHOR, op, plan, plans
from tests.support.plans import demo_facts

ONE = [(10, [Alternative("l", 30)])]
TWO = [(10, [Alternative("l", 30)]), (20, [Alternative("m", 20)])]


@pytest.mark.parametrize(
    "operations, routing, slots",
    [
        ([], ONE, [Slot(10, "l", 15, 45)]),
        ([op("A", 10, "l", 45, 60)], ONE, [Slot(10, "l", 15, 45)]),  # just fits
        ([op("A", 10, "l", 44, 60)], ONE, [Slot(10, "l", 60, 90)]),  # just not
        ([op("A", 10, "l", -10, 20, running=True)], ONE, [Slot(10, "l", 20, 50)]),
        ([op("A", 10, "l", 20, 40), op("B", 10, "l", 60, 80)], ONE, [Slot(10, "l", 80, 110)]),
        ([op("A", 10, "m", 40, 70)], TWO, [Slot(10, "l", 15, 45), Slot(20, "m", 70, 90)]),
        ([op("A", 10, "l", 0, 99)], [(10, [Alternative("l", 30), Alternative("m", 50)])], [Slot(10, "m", 15, 65)]),
    ],
)  # fmt: skip
def test_table(operations: list[Any], routing: list[Any], slots: list[Slot]) -> None:
    assert insert(plan(*operations), routing, 15, frozenset()) == slots


def test_a_machine_that_is_down_is_not_planned() -> None:
    either = [(10, [Alternative("l", 30), Alternative("m", 30)])]
    assert [slot.work_unit for slot in insert(plan(), either, 0, frozenset({"l"}))] == ["m"]
    assert insert(plan(), either, 0, frozenset({"l", "m"})) == []


@given(plans())
def test_nobody_is_moved(before: Plan) -> None:
    routing = [(10, [Alternative("l", 25), Alternative("m", 40)]), (20, [Alternative("n", 10)])]
    slots = insert(before, routing, 15, frozenset())
    assert [slot.seq for slot in slots] == [10, 20]
    assert 15 <= slots[0].start < slots[0].end <= slots[1].start
    for slot in slots:
        others = [o for o in before.operations if o.work_unit == slot.work_unit]
        assert all(slot.end <= o.start or slot.start >= o.end for o in others)


def rush(wanted: int, **more: Any) -> dict[str, Any]:
    where = {"material": "GS-40", "quantity": 20, "sale": "SO-1", "wanted": iso(ANCHOR + timedelta(minutes=wanted))}
    return propose("rush_insert", where | more, demo_facts(ANCHOR))


def test_the_demo_plants_rush_order() -> None:
    proposal = rush(1440)
    (option,) = proposal["options"]
    assert [work["seq"] for work in option["works"]] == [10, 20, 30]
    assert [work["work_unit"].rpartition("-")[0] for work in option["works"]] == ["lathe", "mill", "furnace"]
    before = read_plan(demo_facts(ANCHOR)["plan"])
    for work in option["works"]:
        start, end = (before.minute(datetime.fromisoformat(work[name])) for name in ("planned_start", "planned_end"))
        others = [o for o in before.operations if o.work_unit == work["work_unit"]]
        assert all(end <= o.start or start >= o.end for o in others)
    assert proposal["in_time"]
    assert (proposal["planned_start"], proposal["planned_end"]) == (option["planned_start"], option["planned_end"])


def test_too_late_is_said_and_offered_all_the_same() -> None:
    proposal = rush(60)
    assert not proposal["in_time"]
    assert {"label": "In time", "value": "no"} in proposal["options"][0]["figures"]


def test_half_the_quantity_takes_half_the_time() -> None:
    def minutes(quantity: int) -> list[float]:
        (option,) = rush(1440, quantity=quantity)["options"]
        spans = [
            (datetime.fromisoformat(w["planned_end"]) - datetime.fromisoformat(w["planned_start"]))
            for w in option["works"]
        ]
        return [span.total_seconds() / 60 for span in spans]

    for half, whole in zip(minutes(10), minutes(20), strict=True):
        assert whole / 2 <= half < whole / 2 + 1  # whole minutes, rounded up


def test_what_the_plant_does_not_make_has_no_slot() -> None:
    assert rush(1440, material="XX-1")["options"] == []


def test_now_is_never_planned() -> None:
    assert datetime.fromisoformat(rush(1440)["planned_start"]) >= datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
