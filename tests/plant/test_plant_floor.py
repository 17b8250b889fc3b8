"""The floor's own rules: what runs, what waits, what a posting may change. Pure, in plant time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from infra.plant.catalogue import load_catalogue
from infra.plant.clock import PlantClock
from infra.plant.mes.floor import Floor
from infra.plant.mes.postings import DispatchEntry, DispatchRequest, dispatch
from infra.plant.mes.seeding import seeded_floor
from infra.plant.problem import Problem

ANCHOR = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def _at(minutes: float) -> datetime:
    return ANCHOR + timedelta(minutes=minutes)


@pytest.fixture
def floor() -> Floor:
    return seeded_floor(load_catalogue(), PlantClock(ANCHOR))


def _entry(floor: Floor, segment_id: str, unit: str, start: float, minutes: float) -> DispatchEntry:
    return DispatchEntry(segment_id=segment_id, equipment_id=unit, start=_at(start), end=_at(start + minutes))


def _state(floor: Floor, segment_id: str) -> tuple[str, float]:
    segment = floor.segment(segment_id)
    assert segment is not None
    return segment.progress.state, round(segment.progress.remaining_min)


def test_the_plan_is_worked_off_as_planned_when_nothing_happens(floor: Floor) -> None:
    floor.advance(_at(100))
    assert _state(floor, "JO-1001/10") == ("done", 0)
    assert _state(floor, "JO-1001/20") == ("running", 110)
    floor.advance(_at(3000))
    ends = {s.id: s.progress.actual_end for s in floor.segments()}
    assert ends == {s.id: s.planned.end for s in floor.segments()}
    assert {order.status for order in floor.job_orders.values()} == {"done"}


def test_the_order_of_looking_changes_nothing(floor: Floor) -> None:
    once = floor.model_copy(deep=True)
    once.advance(_at(700))
    for minutes in range(0, 701, 7):
        floor.advance(_at(minutes))
    floor.advance(_at(700))
    for seen, expected in zip(floor.segments(), once.segments(), strict=True):
        assert seen.progress.state == expected.progress.state
        assert seen.progress.remaining_min == pytest.approx(expected.progress.remaining_min)


def test_work_stands_still_while_its_machine_is_down_and_goes_on_after(floor: Floor) -> None:
    floor.advance(_at(30))
    floor.units["lathe-1"].state = "down"
    floor.advance(_at(200))
    assert _state(floor, "JO-1001/10") == ("running", 60)
    assert _state(floor, "JO-1003/10") == ("released", 120)
    floor.units["lathe-1"].state = "up"
    floor.advance(_at(260))
    assert _state(floor, "JO-1001/10") == ("done", 0)
    assert _state(floor, "JO-1003/10") == ("running", 120)


def test_a_replanned_segment_starts_on_its_new_machine_at_its_new_time(floor: Floor) -> None:
    request = DispatchRequest(entries=[_entry(floor, "JO-1003/10", "lathe-2", 270, 120)])
    assert dispatch(floor, request, floor.version) == {"version": 2, "changed": ["JO-1003/10"]}
    floor.advance(_at(269))
    assert _state(floor, "JO-1003/10")[0] == "released"
    floor.advance(_at(280))
    segment = floor.segment("JO-1003/10")
    assert segment is not None
    assert (segment.progress.equipment_id, segment.progress.actual_start) == ("lathe-2", _at(270))


def test_a_machine_runs_its_orders_in_the_new_sequence(floor: Floor) -> None:
    """JO-1008 was after JO-1003 on lathe-1; the new list has it first."""
    entries = [_entry(floor, "JO-1008/10", "lathe-1", 90, 100), _entry(floor, "JO-1003/10", "lathe-1", 200, 120)]
    dispatch(floor, DispatchRequest(entries=entries), floor.version)
    sequence = {s.id: s.planned.sequence for s in floor.segments() if s.planned.equipment_id == "lathe-1"}
    assert sequence["JO-1008/10"] < sequence["JO-1003/10"]
    floor.advance(_at(95))
    assert (_state(floor, "JO-1008/10")[0], _state(floor, "JO-1003/10")[0]) == ("running", "released")
    floor.advance(_at(1000))
    ran = [s for s in floor.segments() if s.progress.equipment_id == "lathe-1" and s.progress.actual_start]
    order = [s.id for s in sorted(ran, key=lambda s: s.progress.actual_start or ANCHOR)]
    assert order.index("JO-1008/10") < order.index("JO-1003/10")


@pytest.mark.parametrize(
    "entries,place",
    [
        ([("JO-9999/10", "lathe-1", 0, 10)], "entries.0.segment_id"),
        ([("JO-1003/10", "mill-1", 90, 120)], "entries.0.equipment_id"),
        ([("JO-1003/10", "lathe-1", 90, -5)], "entries.0.end"),
        ([("JO-1003/10", "lathe-1", 90, 10), ("JO-1003/10", "lathe-1", 200, 10)], "entries"),
        ([("JO-1003/10", "lathe-1", 90, 120), ("JO-1008/10", "lathe-1", 200, 120)], "entries.1.start"),
        ([("JO-1003/10", "lathe-1", 90, 120), ("JO-1003/20", "mill-1", 200, 120)], "entries.1.start"),
        ([("JO-1001/10", "lathe-2", -60, 200)], "entries.0.start"),
    ],
)
def test_a_list_that_cannot_be_is_refused_whole(
    floor: Floor, entries: list[tuple[str, str, float, float]], place: str
) -> None:
    before = floor.model_dump()
    good = _entry(floor, "JO-1010/20", "press-1", 700, 90)
    request = DispatchRequest(entries=[*(_entry(floor, *entry) for entry in entries), good])
    with pytest.raises(Problem) as refused:
        dispatch(floor, request, floor.version)
    assert refused.value.status == 422
    assert place in {fault["loc"] for fault in refused.value.extra["errors"]}
    assert floor.model_dump() == before


def test_a_running_segment_may_get_another_end(floor: Floor) -> None:
    request = DispatchRequest(entries=[_entry(floor, "JO-1001/10", "lathe-1", -60, 400)])
    assert dispatch(floor, request, 1)["changed"] == ["JO-1001/10"]


def test_what_is_done_cannot_be_planned(floor: Floor) -> None:
    floor.advance(_at(100))
    with pytest.raises(Problem, match="same key") as refused:
        dispatch(floor, DispatchRequest(entries=[_entry(floor, "JO-1001/10", "lathe-1", 300, 90)]), 1)
    assert refused.value.extra["errors"][0]["msg"] == "JO-1001/10 is done."


def test_plant_time_runs_by_its_factor() -> None:
    clock = PlantClock(ANCHOR, 60, real=lambda: ANCHOR + timedelta(minutes=2))
    assert clock.now() == _at(120)
