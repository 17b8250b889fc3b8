"""On what terms a signal opens: what can't be worked out suppresses nothing and keeps nobody out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.calendar import SiteCalendar
from domain.correlation import Shelved, Terms, terms
from domain.language.definition import Opens
from domain.rosters.people import Shift

FRIDAY = datetime(2026, 3, 27, 14, 0, tzinfo=UTC)  # 15:00 in Brno; on Sunday the clocks go forward
OFFICE = Shift.model_validate({"name": "office", "start": "08:00", "end": "16:00", "weekdays": [0, 1, 2, 3, 4]})
CALENDAR = SiteCalendar(timezone="Europe/Prague", business_hours=[OFFICE])
SCOPE = {"signal": {"state": "aborted", "line": "l1"}, "params": {"wait": "2m"}, "equipment": {"id": "m1"}}


def told(**opens: Any) -> Terms:
    return terms(Opens(on=["machine.state"], one_per=["signal.line"], **opens), SCOPE, CALENDAR, FRIDAY)


@pytest.mark.parametrize(
    "settle, delay",
    [
        ("90s", timedelta(seconds=90)),
        ("=params.wait", timedelta(minutes=2)),
        ("=signal.state == 'aborted' ? '0s' : '90s'", timedelta()),
        ("=duration('90s')", timedelta(seconds=90)),
        ("1h business", timedelta(hours=1)),
        ("2h business", timedelta(days=2, hours=17)),  # an hour less than the clock on the wall says
        ("=params.wait + ' business'", timedelta(minutes=2)),
    ],
)
def test_on_delays(settle: str, delay: timedelta) -> None:
    assert told(settle=settle) == Terms(delay)


@pytest.mark.parametrize(
    "settle", ["=params.missing", "=params.wait + 'x'", "=1 / 0 == 1 ? '1s' : '2s'", "9999h business"]
)
def test_an_on_delay_that_cannot_be_told_is_none(settle: str) -> None:
    found = told(settle=settle)
    assert found.delay == timedelta()
    (complaint,) = found.complaints
    assert complaint.startswith("settle: ")
    assert complaint.endswith("it opened without on-delay")


@pytest.mark.parametrize("priority", ["low", "medium", "high", "critical", "=signal.line == 'l1' ? 'low' : 'high'"])
def test_priorities(priority: str) -> None:
    assert told(priority=priority).priority == (priority if not priority.startswith("=") else "low")


@pytest.mark.parametrize(
    "priority", ["=size(jobs) > 0 ? 'high' : 'low'", "=signal.missing", "=1 / 0", "=no such thing"]
)
def test_what_is_not_known_yet_is_medium_without_a_word(priority: str) -> None:
    assert told(priority=priority) == Terms()


@pytest.mark.parametrize("priority", ["urgent", "", "High", "=7", "=signal", "=null", "=true"])
def test_what_is_no_priority_is_medium_and_told(priority: str) -> None:
    found = told(priority=priority)
    assert found.priority == "medium"
    assert len(found.complaints) == 1


def test_parents_whose_key_is_known() -> None:
    under = [
        {"definition": "line_stop", "key": "signal.line"},
        {"definition": "power_cut", "key": "signal.cell"},
        {"definition": "site_stop", "key": "'all'"},
    ]
    assert told(under=under).parents == (("line_stop", "l1"), ("site_stop", "all"))


def test_safety_waits_for_nothing() -> None:
    under = [{"definition": "line_stop", "key": "signal.line"}]
    assert told(safety=True, settle="2h business", under=under, priority="critical") == Terms(priority="critical")


@pytest.mark.parametrize(
    "shelf, covered",
    [
        ({"key": "k"}, True),
        ({"key": "other"}, False),
        ({"equipment": "m1"}, True),
        ({"equipment": "turning"}, True),
        ({"equipment": "milling"}, False),
        ({"key": "k", "definition": "rush_order"}, False),
        ({"equipment": "m1", "definition": "rush_order"}, False),
    ],
)
def test_what_a_shelf_covers(shelf: dict[str, str], covered: bool) -> None:
    found = Shelved(**{"definition": "breakdown", "until": FRIDAY} | shelf)  # type: ignore[arg-type]
    assert found.covers("breakdown", "k", ["m1", "turning", ""]) == covered
