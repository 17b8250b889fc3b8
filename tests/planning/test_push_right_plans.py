"""Push right: small plans as tables, any plan by an independent checker, and what it means for the demo plant."""

from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidPayloadError
from planning.model import Operation, Plan, read_plan
from planning.propose import propose
from planning.push_right import Shift, push_right
from tests.support.plans import demo_facts, down, segment

ANCHOR = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def op(order: str, seq: int, unit: str, start: int, end: int, *, running: bool = False) -> Operation:
    return Operation(order, seq, unit, start, end, running=running, remaining=end if running else end - start)


def plan(*operations: Operation) -> Plan:
    return Plan(ANCHOR, "1", operations)


def times(shifts: list[Shift]) -> dict[tuple[str, int], tuple[int, int]]:
    return {shift.operation.key: (shift.start, shift.end) for shift in shifts}


@pytest.mark.parametrize(
    "operations, down_span, expected",
    [
        ([op("A", 10, "l", 0, 30)], (0, 60), {("A", 10): (60, 90)}),
        ([op("A", 10, "l", 0, 30)], (40, 60), {("A", 10): (0, 30)}),  # done before it goes down
        ([op("A", 10, "l", 0, 30)], (20, 60), {("A", 10): (60, 90)}),  # would be caught by it
        ([op("A", 10, "l", 90, 120)], (0, 60), {("A", 10): (90, 120)}),  # never earlier
        ([op("A", 10, "l", -30, 30, running=True)], (0, 60), {("A", 10): (-30, 90)}),  # what is left, afterwards
        ([op("A", 10, "m", -30, 30, running=True)], (0, 60), {("A", 10): (-30, 30)}),  # another machine
        ([op("A", 10, "l", 0, 30), op("A", 20, "m", 30, 50)], (0, 60), {("A", 10): (60, 90), ("A", 20): (90, 110)}),
        ([op("A", 10, "l", 0, 30), op("B", 10, "l", 40, 50)], (0, 60), {("A", 10): (60, 90), ("B", 10): (90, 100)}),
        ([op("A", 10, "l", 0, 30), op("A", 20, "m", 100, 120)], (0, 60), {("A", 10): (60, 90), ("A", 20): (100, 120)}),
        ([op("A", 10, "l", -20, -10)], (0, 0), {("A", 10): (0, 10)}),  # was to begin long ago: not into the past
    ],
)  # fmt: skip
def test_table(operations: list[Operation], down_span: tuple[int, int], expected: dict[Any, Any]) -> None:
    assert times(push_right(plan(*operations), "l", *down_span)) == expected


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Feasible plans: each operation after its predecessor and after what is on its unit; one may run on each unit."""
    unit_free: dict[str, int] = dict.fromkeys("lmn", 0)
    operations = []
    for unit in "lmn":
        if draw(st.booleans()):
            left = draw(st.integers(1, 60))
            operations.append(op(f"R{unit}", 10, unit, draw(st.integers(-90, -1)), left, running=True))
            unit_free[unit] = left
    for order in range(draw(st.integers(0, 6))):
        ready = 0
        for seq in range(draw(st.integers(1, 3))):
            unit = draw(st.sampled_from("lmn"))
            start = max(ready, unit_free[unit]) + draw(st.integers(0, 40))
            ready = unit_free[unit] = start + draw(st.integers(1, 90))
            operations.append(op(f"J{order}", 10 * (seq + 1), unit, start, ready))
    return Plan(ANCHOR, "1", tuple(operations))


def check(before: Plan, shifts: list[Shift], unit: str, down_from: int, down_until: int) -> None:
    """What any right plan keeps, found without the planner's own code."""
    assert sorted(times(shifts)) == sorted(o.key for o in before.operations)
    by_unit, by_order = defaultdict(list), defaultdict(list)
    for shift in shifts:
        old = shift.operation
        by_unit[old.work_unit].append((shift.start, shift.end))
        by_order[old.job_order].append((old.seq, shift.start, shift.end))
        assert shift.start >= old.start
        assert shift.end >= old.end
        if old.running:
            assert shift.start == old.start
        else:
            assert shift.end - shift.start == old.end - old.start
            if old.work_unit == unit:
                assert shift.end <= down_from or shift.start >= down_until
    for spans in by_unit.values():
        spans.sort()
        assert all(first[1] <= second[0] for first, second in pairwise(spans))
    for steps in by_order.values():
        steps.sort()
        assert all(first[2] <= second[1] for first, second in pairwise(steps))


@given(plans(), st.sampled_from("lmn"), st.integers(-60, 60), st.integers(0, 240))
def test_any_plan_stays_right(before: Plan, unit: str, down_from: int, minutes: int) -> None:
    down_until = max(0, down_from + minutes)
    check(before, push_right(before, unit, down_from, down_until), unit, down_from, down_until)


@given(plans())
def test_nothing_moves_when_nothing_is_down(before: Plan) -> None:
    assert not [shift for shift in push_right(before, "none", 0, 0) if shift.moved]


@pytest.mark.parametrize(
    "unit, concerned", [("lathe-1", True), ("mill-1", True), ("lathe-2", False), ("mill-2", False)]
)
def test_whom_a_breakdown_of_two_hours_concerns(unit: str, concerned: bool) -> None:
    proposal = propose("push_right", down(ANCHOR, unit), demo_facts(ANCHOR))
    assert bool(proposal["late_orders"]) is concerned
    assert bool(proposal["staging"]) is concerned
    assert proposal["orders"]
    (option,) = proposal["options"]
    assert {order["job_order"] for order in option["orders"]} == set(proposal["orders"])
    check(read_plan(demo_facts(ANCHOR)["plan"]), as_shifts(option), unit, 0, 120)


def as_shifts(option: dict[str, Any]) -> list[Shift]:
    """The whole plan once the dispatch list is taken over."""
    before = read_plan(demo_facts(ANCHOR)["plan"])
    moved = {(entry["job_order"], entry["seq"]): entry for entry in option["dispatch"]}

    def minute(text: str) -> int:
        return before.minute(datetime.fromisoformat(text))

    return [
        Shift(o, minute(entry["planned_start"]), minute(entry["planned_end"])) if entry else Shift(o, o.start, o.end)
        for o in before.operations
        for entry in (moved.get(o.key),)
    ]


def test_figures_of_lathe_1() -> None:
    proposal = propose("push_right", down(ANCHOR, "lathe-1"), demo_facts(ANCHOR))
    assert {late["sale"] for late in proposal["late_orders"]} >= {"SO-2001", "SO-2002"}
    assert {move["job_order"] for move in proposal["staging"]} >= {"JO-1003"}
    assert proposal["down_until"] == "2026-11-22T10:00:00Z"
    (option,) = proposal["options"]
    figures = {figure["label"]: figure["value"] for figure in option["figures"]}
    assert figures["Orders late"] == str(len(proposal["late_orders"]))
    assert figures["Orders moved"] == str(len(proposal["orders"]))


def test_a_short_stop_of_an_idle_machine_moves_nobody() -> None:
    proposal = propose("push_right", down(ANCHOR, "furnace-1", "10m"), demo_facts(ANCHOR))
    assert (proposal["orders"], proposal["options"], proposal["late_orders"]) == ([], [], [])


@pytest.mark.parametrize(
    "using, where",
    [
        ("magic", down(ANCHOR, "lathe-1")),
        ("push_right", {}),
        ("push_right", down(ANCHOR, "lathe-1", "soon")),
        ("push_right", {**down(ANCHOR, "lathe-1"), "down_from": "2026-11-22T08:00:00"}),
    ],
)
def test_a_question_that_can_not_be_answered(using: str, where: dict[str, Any]) -> None:
    with pytest.raises(InvalidPayloadError):
        propose(using, where, demo_facts(ANCHOR))


def test_fractions_of_minutes_are_rounded_up() -> None:
    answer = {
        "as_of": "2026-11-22T08:00:00Z", "version": "1",
        "job_orders": [{"id": "A", "material": "M", "quantity": 1, "segments": [
            segment(ANCHOR, "A", 10, ("l", -10, 20)) | {"remaining_min": 9.2, "end": "2026-11-22T08:09:12Z"},
        ]}],
    }  # fmt: skip
    (operation,) = read_plan(answer).operations
    assert (operation.remaining, operation.end) == (10, 10)


def test_an_order_that_has_begun_keeps_its_start() -> None:
    facts = demo_facts(ANCHOR)
    begun = {"state": "done", "start": "2026-11-21T14:00:00Z", "end": "2026-11-21T15:00:00Z"}
    for order in facts["plan"]["job_orders"]:
        order["segments"][0] |= begun
    (option,) = propose("push_right", down(ANCHOR, "mill-1", "48h"), facts)["options"]
    assert option["orders"]
    for order in option["orders"]:
        assert order["planned_start"] == begun["start"]
        assert all(work["planned_start"] > begun["end"] for work in order["works"])
