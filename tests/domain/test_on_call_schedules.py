"""Who is on call: turns, windows, layers, overrides, swaps, absences; at both changes of the clocks in two zones."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.rosters.model import Schedule, Swap
from domain.rosters.people import Roster, Selector, select
from domain.rosters.when import instant, on_call, spans

PRAGUE, NEW_YORK = ZoneInfo("Europe/Prague"), ZoneInfo("America/New_York")


def schedule(*layers: dict[str, Any], zone: str = "Europe/Prague", **more: Any) -> Schedule:
    return Schedule.model_validate({"id": "s", "title": "S", "timezone": zone, "layers": list(layers), **more})


def at(text: str, zone: ZoneInfo = PRAGUE) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def local(spans_: list[Any], zone: ZoneInfo) -> list[tuple[str, str]]:
    return [(f"{one.begins.astimezone(zone):%m-%d %H:%M}", ",".join(one.people)) for one in spans_]


DAILY = {"turns": [["a"], ["b"]], "starts": "2026-01-01T06:00", "turn": "1d"}
TWELVE = {"turns": [["a"], ["b"]], "starts": "2026-01-01T06:00", "turn": "12h"}


@pytest.mark.parametrize(
    "zone, day, hours",
    [
        (PRAGUE, "2026-03-29", 23), (PRAGUE, "2026-10-25", 25), (PRAGUE, "2026-06-01", 24),
        (NEW_YORK, "2026-03-08", 23), (NEW_YORK, "2026-11-01", 25),
    ],
)  # fmt: skip
def test_the_hand_over_stays_at_six_when_clocks_change(zone: ZoneInfo, day: str, hours: int) -> None:
    before = at(f"{day}T06:00", zone) - timedelta(hours=hours)
    found = spans(schedule(DAILY, zone=zone.key), before, before + timedelta(days=3))
    assert found[0].begins == before
    assert found[0].ends - found[0].begins == timedelta(hours=hours)
    assert all(one.ends.astimezone(zone).hour == 6 for one in found[:-1])
    assert {one.people for one in found} == {("a",), ("b",)}


@pytest.mark.parametrize("zone, day", [(PRAGUE, "03-29"), (NEW_YORK, "03-08")])
def test_a_turn_that_begins_in_the_skipped_hour_begins_after_it(zone: ZoneInfo, day: str) -> None:
    night = {"turns": [["a"], ["b"]], "starts": "2026-01-01T02:30", "turn": "1d"}
    found = spans(schedule(night, zone=zone.key), at(f"2026-{day}T00:00", zone), at(f"2026-{day}T12:00", zone))
    assert [begin for begin, _ in local(found, zone)] == [f"{day} 00:00", f"{day} 03:00"]


@pytest.mark.parametrize("zone, day", [(PRAGUE, "2026-10-25"), (NEW_YORK, "2026-11-01")])
def test_a_turn_that_begins_in_the_doubled_hour_begins_at_its_first_reading(zone: ZoneInfo, day: str) -> None:
    clock = "02:30" if zone is PRAGUE else "01:30"
    night = {"turns": [["a"], ["b"]], "starts": f"2026-01-01T{clock}", "turn": "1d"}
    found = spans(schedule(night, zone=zone.key), at(f"{day}T00:00", zone), at(f"{day}T12:00", zone))
    assert found[1].begins == datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=zone, fold=0).astimezone(UTC)


def test_twelve_hour_turns_keep_day_and_night_over_the_change() -> None:
    found = spans(schedule(TWELVE), at("2026-10-24T06:00"), at("2026-10-26T06:00"))
    assert local(found, PRAGUE) == [
        ("10-24 06:00", "a"), ("10-24 18:00", "b"), ("10-25 06:00", "a"), ("10-25 18:00", "b"),
    ]  # fmt: skip
    assert found[1].ends - found[1].begins == timedelta(hours=13)


def test_nobody_is_on_before_the_first_turn_nor_after_the_last() -> None:
    one = schedule({**DAILY, "until": "2026-01-03T06:00"})
    assert on_call(one, at("2026-01-01T05:59")) == ()
    assert on_call(one, at("2026-01-01T06:00")) == ("a",)
    assert on_call(one, at("2026-01-03T05:59")) == ("b",)
    assert on_call(one, at("2026-01-03T06:00")) == ()


WEEKEND = {"start": "17:00", "end": "07:00", "weekdays": [4], "days": 3}


def test_a_window_over_days_and_a_layer_on_top() -> None:
    plant = schedule(
        {"turns": [["a"]], "starts": "2026-01-01T00:00"},
        {"turns": [["w"]], "starts": "2026-01-01T00:00", "windows": [WEEKEND], "level": 1},
    )
    found = spans(plant, at("2026-11-20T00:00"), at("2026-11-24T00:00"))  # Friday to Monday
    assert local(found, PRAGUE) == [("11-20 00:00", "a"), ("11-20 17:00", "w"), ("11-23 07:00", "a")]


def test_layers_of_one_level_are_on_together() -> None:
    both = schedule(DAILY, {"turns": [["x", "y"]], "starts": "2026-01-01T00:00"})
    assert on_call(both, at("2026-01-01T12:00")) == ("a", "x", "y")


def test_holidays_take_a_layer_off_and_bring_another() -> None:
    plant = schedule(
        {"turns": [["a"]], "starts": "2026-01-01T00:00", "holidays": "off"},
        {"turns": [["h"]], "starts": "2026-01-01T00:00", "holidays": "only"},
        holidays=[date(2026, 12, 24)],
    )
    found = spans(plant, at("2026-12-23T12:00"), at("2026-12-26T00:00"))
    assert local(found, PRAGUE) == [("12-23 12:00", "a"), ("12-24 00:00", "h"), ("12-25 00:00", "a")]


def test_a_night_that_begins_on_a_holiday_is_the_holidays() -> None:
    window = {"start": "22:00", "end": "06:00"}
    night = {"turns": [["a"]], "starts": "2026-01-01T00:00", "holidays": "off", "windows": [window]}
    plant = schedule(night, holidays=[date(2026, 12, 24)])
    assert on_call(plant, at("2026-12-24T03:00")) == ("a",)  # the night of the 23rd
    assert on_call(plant, at("2026-12-25T03:00")) == ()


def override(**more: Any) -> dict[str, Any]:
    return {"id": "o1", "begins": "2026-06-01T08:00:00Z", "ends": "2026-06-01T12:00:00Z", **more}


@pytest.mark.parametrize(
    "change, on",
    [
        ({"people": ["z"]}, ("z",)),
        ({"people": ["z"], "instead_of": []}, ("a", "b", "z")),
        ({"people": ["z"], "instead_of": ["a"]}, ("b", "z")),
        ({"people": ["z"], "instead_of": ["nobody_there"]}, ("a", "b")),
        ({"instead_of": ["a"]}, ("b",)),
        ({}, ()),
    ],
)
def test_overrides(change: dict[str, Any], on: tuple[str, ...]) -> None:
    one = schedule({"turns": [["a", "b"]], "starts": "2026-01-01T00:00"}, overrides=[override(**change)])
    assert on_call(one, datetime(2026, 6, 1, 8, tzinfo=UTC)) == on
    assert on_call(one, datetime(2026, 6, 1, 12, tzinfo=UTC)) == ("a", "b")


def test_a_swap_holds_once_it_is_agreed_and_only_for_the_askers_time() -> None:
    asked = Swap(
        id="w", schedule="s", asker="a", taker="b", begins=at("2026-01-03T06:00"), ends=at("2026-01-05T06:00"),
        back_begins=at("2026-01-06T06:00"), back_ends=at("2026-01-07T06:00"),
    )  # fmt: skip
    assert asked.overrides() == []
    agreed = asked.model_copy(update={"standing": "agreed"})
    one = schedule(DAILY, overrides=[found.model_dump() for found in agreed.overrides()])
    found = spans(one, at("2026-01-03T06:00"), at("2026-01-08T06:00"))
    assert local(found, PRAGUE) == [("01-03 06:00", "b"), ("01-05 06:00", "a")]  # the 6th was b's, and is a's


def test_refused() -> None:
    for wrong in (
        {"layers": [{**DAILY, "turn": "5m"}]},
        {"layers": [{**DAILY, "turns": []}]},
        {"timezone": "Europe/Prag"},
        {"overrides": [override(ends="2026-06-01T07:00:00Z")]},
        {"overrides": [override(ends="2026-06-01T13:00:00")]},  # without a zone
    ):
        with pytest.raises(ValidationError):
            Schedule.model_validate({"id": "s", "title": "S", **wrong})


NIGHT = {"turns": [["shift:early"]], "starts": "2026-01-01T18:00", "windows": [{"start": "18:00", "end": "06:00"}]}
ROSTER = Roster.model_validate(
    {
        "shifts": [{"name": name, "start": "06:00", "end": "14:00"} for name in ("early", "dawn")],
        "people": [
            {"id": "a", "name": "A", "roles": ["tech"], "shifts": ["early"]},
            {"id": "b", "name": "B", "roles": ["tech"], "shifts": ["early"]},
            {"id": "n", "name": "N", "roles": ["expert"], "shifts": ["dawn"], "timezone": "America/New_York"},
            {"id": "gone", "name": "G", "roles": ["tech"], "shifts": ["early"], "active": False},
        ],
        "schedules": [{"id": "night", "title": "Night", "timezone": "Europe/Prague", "layers": [NIGHT]}],
        "absences": [{"id": "x", "person": "b", "begins": "2026-06-01T00:00:00Z", "ends": "2026-06-02T00:00:00Z"}],
    }
)  # fmt: skip


def who(selector: Selector, moment: datetime) -> list[str]:
    return [person.id for person in select(ROSTER, selector, moment, PRAGUE)]


@pytest.mark.parametrize(
    "selector, local_time, found",
    [
        (Selector(schedule="night"), "2026-06-01T20:00", ["a"]),  # b is away; a's shift is over, but the call is theirs
        (Selector(schedule="night"), "2026-06-03T20:00", ["a", "b"]),
        (Selector(schedule="night", role="expert"), "2026-06-03T20:00", []),
        (Selector(schedule="night"), "2026-06-03T12:00", []),
        (Selector(schedule="no_such"), "2026-06-03T20:00", []),
        (Selector(role="tech"), "2026-06-01T08:00", ["a"]),
        (Selector(person="b", shift="any"), "2026-06-01T08:00", ["b"]),  # somebody must know
        (Selector(role="tech", shift="any"), "2026-06-01T23:00", ["a"]),
        (Selector(role="expert"), "2026-06-01T08:00", []),  # 02:00 in New York
        (Selector(role="expert"), "2026-06-01T13:00", ["n"]),
    ],
)
def test_who_is_asked(selector: Selector, local_time: str, found: list[str]) -> None:
    assert who(selector, at(local_time)) == found


def test_an_absence_leaves_a_gap_in_the_spans() -> None:
    assert [one.people for one in ROSTER.spans("night", at("2026-06-01T00:00"), at("2026-06-01T06:00"))] == [
        ("a", "b"), ("a",),
    ]  # fmt: skip


CLOCKS = st.sampled_from(["00:00", "01:30", "02:00", "02:30", "06:00", "22:00"])
WINDOWS = st.fixed_dictionaries(
    {"start": CLOCKS, "end": CLOCKS, "weekdays": st.lists(st.integers(0, 6), unique=True), "days": st.integers(0, 3)}
)
LAYERS = st.fixed_dictionaries(
    {
        "turns": st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=2), min_size=1, max_size=3),
        "starts": st.sampled_from(["2026-03-27T02:30", "2026-03-28T06:00", "2025-10-20T00:00"]),
        "turn": st.sampled_from(["1h", "8h", "12h", "1d", "7d"]),
        "windows": st.lists(WINDOWS, max_size=2),
        "holidays": st.sampled_from(["as_usual", "off", "only"]),
        "level": st.integers(0, 1),
    }
)


@settings(max_examples=60, deadline=None)
@given(layers=st.lists(LAYERS, min_size=1, max_size=3), minutes=st.lists(st.integers(0, 4 * 1440 - 1), max_size=40))
def test_spans_say_what_on_call_says_at_every_moment(layers: list[dict[str, Any]], minutes: list[int]) -> None:
    one = schedule(*layers, holidays=["2026-03-29"], overrides=[override(begins="2026-03-29T00:10:00Z", people=["z"])])
    begins = at("2026-03-27T00:00")
    found = spans(one, begins, begins + timedelta(days=4))
    assert [span.ends for span in found[:-1]] == [span.begins for span in found[1:]]
    for minute in minutes:
        moment = begins + timedelta(minutes=minute)
        span = next(span for span in found if span.begins <= moment < span.ends)
        assert span.people == on_call(one, moment)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.sampled_from([PRAGUE, NEW_YORK]))  # noqa: DTZ001
def test_instants_keep_their_order(wall: datetime, zone: ZoneInfo) -> None:
    assert instant(wall, zone) <= instant(wall + timedelta(minutes=17), zone)
