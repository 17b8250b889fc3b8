"""Whose time a change carries when the source's clock is of no use."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors.opcua.clocks import Clocks, Told, far_off

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
TICK = timedelta(microseconds=1)
SECOND, HOUR, WEEK = timedelta(seconds=1), timedelta(hours=1), timedelta(weeks=1)


def _moments(*told: Told) -> list[datetime]:
    """What becomes of these changes of one machine, a second apart."""
    clocks = Clocks()
    return [clocks.moment("m", one, NOW + place * SECOND) for place, one in enumerate(told)]


def test_a_clock_that_runs_is_followed() -> None:
    assert _moments(Told(NOW - WEEK, 4, present=True), Told(NOW, 9)) == [NOW - WEEK, NOW]


def test_what_is_told_again_has_the_time_that_it_had() -> None:
    assert _moments(Told(None, 9), Told(None, 9), Told(None, 9, present=True)) == [NOW, NOW, NOW]


@pytest.mark.parametrize("at", [None, NOW - HOUR])
def test_changes_under_a_clock_that_stands_still_are_apart(at: datetime | None) -> None:
    first, *later = _moments(Told(at, 4, present=True), Told(at, 9), Told(at, 6), Told(at, 9))
    assert first == (at or NOW)
    assert later == [NOW + SECOND, NOW + 2 * SECOND, NOW + 3 * SECOND]


def test_after_a_clock_went_back_times_still_rise_and_it_is_followed_again() -> None:
    back, after = Told(NOW - HOUR, 9), Told(NOW + HOUR, 6)
    assert _moments(Told(NOW - SECOND, 4), back, after) == [NOW - SECOND, NOW + SECOND, NOW + HOUR]


def test_a_clock_that_was_a_little_ahead_and_went_back_still_rises() -> None:
    ahead = NOW + 60 * SECOND
    assert _moments(Told(ahead, 4), Told(NOW, 9)) == [ahead, ahead + TICK]


def test_a_clock_that_was_far_ahead_is_not_followed_into_the_future() -> None:
    assert _moments(Told(NOW + HOUR, 4), Told(NOW, 9)) == [NOW + HOUR, NOW + SECOND]


def test_what_happens_now_did_not_happen_a_week_ago() -> None:
    assert _moments(Told(NOW - 2 * WEEK, 4, present=True), Told(NOW - WEEK, 9)) == [NOW - 2 * WEEK, NOW + SECOND]


def test_what_is_replayed_after_something_newer_stays_older() -> None:
    newer, replayed = Told(NOW, 6), Told(NOW - SECOND, 9, replayed=True)
    assert _moments(newer, replayed, newer) == [NOW, NOW - SECOND, NOW]


def test_each_thing_has_its_own_time() -> None:
    clocks = Clocks()
    assert clocks.moment("m", Told(NOW, 4), NOW) == clocks.moment("n", Told(NOW, 9), NOW) == NOW


@pytest.mark.parametrize(
    "server, said",
    [
        ("2026-11-22 10:04:00+00:00", ""),
        ("2026-11-22 09:54:00", "the server's clock is 6 minutes behind ours, its times are not used: set it"),
        ("2026-11-22 11:30:00+00:00", "the server's clock is 90 minutes ahead of ours, its times are not used: set it"),
        (None, ""),
    ],
)
def test_a_server_s_clock_is_held_against_ours(server: str | None, said: str) -> None:
    assert far_off(server, NOW) == said
