"""Ids that sort by time, durations, times with a zone, one text for one value."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import derived_id, make_id, task_code
from domain.values import canonical, content_hash, duration, iso, local_text, parse_time

MOMENTS = st.integers(0, 7 * 10**12).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))  # to the year 2191
RANDOMNESS = st.binary(min_size=10, max_size=16)
JSON = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=3)


@given(MOMENTS, MOMENTS, RANDOMNESS, RANDOMNESS)
def test_ids_sort_by_their_millisecond(first: datetime, second: datetime, one: bytes, two: bytes) -> None:
    if int(first.timestamp() * 1000) < int(second.timestamp() * 1000):
        assert make_id("exc", first, one) < make_id("exc", second, two)


@given(MOMENTS, RANDOMNESS)
def test_ids_are_uuid7(moment: datetime, randomness: bytes) -> None:
    prefix, _, digits = make_id("exc", moment, randomness).partition("_")
    found = uuid.UUID(hex=digits)
    assert (prefix, found.version, found.variant) == ("exc", 7, uuid.RFC_4122)
    assert found.int >> 80 == int(moment.timestamp() * 1000)


def test_derived_ids_tell_parts_apart() -> None:
    assert derived_id("tsk", "a", 1) == derived_id("tsk", "a", 1)
    assert len({derived_id("tsk", *parts) for parts in (("a", "b"), ("ab",), ("a", "b", ""), ("b", "a"))}) == 4


@given(st.binary(min_size=4, max_size=4))
def test_codes_hold_nothing_that_is_misread(randomness: bytes) -> None:
    assert re.fullmatch("[A-HJ-NP-Z2-9]{4}", task_code(randomness))


@pytest.mark.parametrize(
    "text, seconds", [("90s", 90), ("5m", 300), ("1h30m", 5400), ("2d", 172800), ("0s", 0), (" 5m ", 300)]
)
def test_duration(text: str, seconds: int) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "5 m", "-5m", "1.5h", "5m1h", "m", "five", "5min", "9" * 30 + "d"])
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        duration(text)


def test_times_need_a_zone_and_come_out_in_utc() -> None:
    assert parse_time("2026-11-22T09:00:00+01:00") == datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert iso(parse_time("2026-11-22T09:00:00+01:00")) == "2026-11-22T08:00:00Z"
    with pytest.raises(ValueError, match="no time zone"):
        parse_time("2026-11-22T09:00:00")


@given(MOMENTS)
def test_iso_is_read_again(moment: datetime) -> None:
    assert parse_time(iso(moment)) == moment


@pytest.mark.parametrize(
    "utc, shown",
    [("2026-10-25T00:30:00Z", "25 Oct 02:30"), ("2026-10-25T01:30:00Z", "25 Oct 02:30"),
     ("2026-03-29T01:00:00Z", "29 Mar 03:00"), ("2026-12-31T23:05:00Z", "1 Jan 00:05")],
)  # fmt: skip
def test_people_read_their_own_clock(utc: str, shown: str) -> None:
    assert local_text(parse_time(utc), ZoneInfo("Europe/Prague")) == shown


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5))
def test_the_same_value_has_one_text(value: dict[str, object]) -> None:
    assert canonical(value) == canonical(dict(reversed(value.items())))


def test_the_hash_is_of_the_content() -> None:
    assert content_hash({"a": 1, "b": [2]}) == content_hash({"b": [2], "a": 1}) != content_hash({"a": 1, "b": [3]})
