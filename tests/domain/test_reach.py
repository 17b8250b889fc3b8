"""Whom a message reaches by which contact, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.rosters.contacts import NotificationPolicy, QuietHours
from domain.rosters.people import ChannelName, Person
from domain.rosters.reach import allowed_at, fallbacks, plan, useful_until

PRAGUE = ZoneInfo("Europe/Prague")
NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)  # 12:00 in Prague
NIGHT = {"quiet": [{"start": "22:00", "end": "06:00"}]}
CONTACTS = [
    {"channel": "voice", "address": "+420601000001"},
    {"channel": "slack", "address": "U1"},
    {"channel": "sms", "address": "+420601000001"},
    {"channel": "email", "address": "a@example.org"},
]


def person(*contacts: Any, **more: Any) -> Person:
    return Person.model_validate({"id": "p", "name": "P", "roles": [], "contacts": contacts or CONTACTS} | more)


def planned(one: Person, priority: str, now: datetime = NOON, **more: Any) -> list[tuple[str, int]]:
    """(channel, minutes from now)."""
    due = plan(one, priority, now, PRAGUE, **more)
    return [(contact.channel.value, round((at - now).total_seconds() / 60)) for contact, at in due]


@pytest.mark.parametrize(
    "priority, expected",
    [
        ("low", [("slack", 0)]),
        ("medium", [("slack", 0)]),
        ("high", [("slack", 0), ("sms", 2), ("email", 4), ("voice", 6)]),
        ("critical", [("slack", 0), ("sms", 2), ("email", 4), ("voice", 6)]),
    ],
)
def test_where_nothing_is_set_the_first_contact_is_tried_and_in_urgent_cases_the_next(
    priority: str, expected: list[Any]
) -> None:
    assert planned(person(), priority) == expected


def test_only_verified_contacts_count_and_nothing_is_sent_to_the_console() -> None:
    contacts = [
        {"channel": "sms", "address": "+1", "verified": False},
        {"channel": "console", "address": "p"},
        {"channel": "slack", "address": "U1"},
    ]
    assert planned(person(*contacts), "critical") == [("slack", 0)]
    assert planned(person({"channel": "sms", "address": "+1", "verified": False}), "critical") == []


def test_steps_are_a_ladder_and_side_by_side() -> None:
    steps = [
        {"channel": "voice", "after": "5m"},
        {"channel": "sms"},
        {"channel": "slack", "after": "0s"},
        {"channel": "sms", "after": "3m"},
    ]
    one = person(notify={"steps": {"high": steps}})
    expected = [("sms", 0), ("slack", 0), ("sms", 3), ("voice", 5)]
    assert planned(one, "high") == planned(one, "critical") == expected
    assert planned(one, "medium") == [("slack", 0)]


def test_a_step_whose_contact_is_gone_leaves_the_default() -> None:
    one = person({"channel": "slack", "address": "U1"}, notify={"steps": {"low": [{"channel": "email"}]}})
    assert planned(one, "low") == [("slack", 0)]


def test_a_step_may_name_one_of_two_phones() -> None:
    two = [{"channel": "sms", "address": "+1"}, {"channel": "sms", "address": "+2"}]
    one = person(*two, notify={"steps": {"low": [{"channel": "sms", "address": "+2"}]}})
    assert [contact.address for contact, _ in plan(one, "low", NOON, PRAGUE)] == ["+2"]


@pytest.mark.parametrize(
    "healthy, expected",
    [
        (["sms", "voice"], [("sms", 0), ("voice", 4)]),
        (["email"], [("email", 0)]),
        ([], [("slack", 0), ("sms", 2), ("email", 4), ("voice", 6)]),
    ],
)
def test_channels_that_are_down_are_left_out_while_another_works(healthy: list[str], expected: list[Any]) -> None:
    assert planned(person(), "high", healthy=[ChannelName(name) for name in healthy]) == expected


@pytest.mark.parametrize(
    "local, priority, minutes",
    [
        ("2026-11-22T21:59", "medium", 0),
        ("2026-11-22T22:00", "medium", 480),
        ("2026-11-23T02:30", "low", 210),
        ("2026-11-23T05:59", "low", 1),
        ("2026-11-23T06:00", "low", 0),
        ("2026-11-23T02:30", "high", 0),
        ("2026-03-29T01:00", "low", 240),  # 02:00 becomes 03:00: an hour less until six
        ("2026-10-25T01:00", "low", 360),  # 03:00 becomes 02:00: an hour more
    ],
)
def test_quiet_hours_over_midnight_and_changes_of_the_clock(local: str, priority: str, minutes: int) -> None:
    now = datetime.fromisoformat(local).replace(tzinfo=PRAGUE).astimezone(UTC)
    assert planned(person(notify=NIGHT), priority, now)[0] == ("slack", minutes)


@pytest.mark.parametrize("fold", [0, 1])
def test_an_hour_that_comes_twice_is_quiet_twice(fold: int) -> None:
    hours = QuietHours.model_validate({"start": "02:00", "end": "02:30"})
    twice = datetime(2026, 10, 25, 2, 15, tzinfo=PRAGUE, fold=fold).astimezone(UTC)
    assert hours.until(ChannelName.SMS, "low", twice, PRAGUE) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_quiet_hours_are_in_the_persons_own_zone() -> None:
    one = person(notify=NIGHT, timezone="America/Chicago")
    assert planned(one, "low", datetime(2026, 11, 22, 4, 0, tzinfo=UTC)) == [("slack", 8 * 60)]  # 22:00 there
    with pytest.raises(ValidationError):
        person(timezone="Prague/Europe")


def test_a_nights_quiet_belongs_to_the_day_on_which_it_began() -> None:
    friday = person(notify={"quiet": [{"start": "22:00", "end": "06:00", "weekdays": [4]}]})
    saturday_two = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)
    assert planned(friday, "low", saturday_two) == [("slack", 240)]
    assert planned(friday, "low", saturday_two + timedelta(days=1)) == [("slack", 0)]


def test_quiet_channels_leave_it_to_the_others_and_urgent_messages_break_the_silence() -> None:
    midnight = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
    calls = {"start": "22:00", "end": "06:00", "channels": ["slack", "voice"], "broken_from": "critical"}
    one = person(notify={"quiet": [calls]})
    assert planned(one, "high", midnight) == [("sms", 0), ("email", 2), ("slack", 360), ("voice", 360)]
    assert planned(one, "critical", midnight)[0] == ("slack", 0)
    mute = person(notify={"quiet": [calls | {"channels": []}]})
    assert planned(mute, "high", midnight)[0] == ("slack", 0), "nothing but silence is left"
    assert planned(mute, "medium", midnight) == [("slack", 360)]


def test_hours_that_follow_one_another_are_one_silence() -> None:
    quiet = [{"start": "22:00", "end": "06:00"}, {"start": "06:00", "end": "08:00"}]
    assert planned(person(notify={"quiet": quiet}), "low", datetime(2026, 11, 22, 23, 0, tzinfo=UTC)) == [
        ("slack", 480)
    ]


def test_the_named_fallback_is_first_when_it_is_urgent() -> None:
    one = person(notify={"fallback": "voice"})
    assert [c.channel.value for c in fallbacks(one, "critical")] == ["voice", "slack", "sms", "email"]
    assert [c.channel.value for c in fallbacks(one, "low")] == ["slack", "sms", "email", "voice"]


def test_a_policy_is_kept_as_it_was_written() -> None:
    policy = NotificationPolicy.model_validate(NIGHT | {"steps": {"high": [{"channel": "sms", "after": "1h30m"}]}})
    assert NotificationPolicy.model_validate(policy.model_dump(mode="json")) == policy
    for wrong in ("25h", "soon", "-5m"):
        with pytest.raises(ValidationError):
            NotificationPolicy.model_validate({"steps": {"high": [{"channel": "sms", "after": wrong}]}})


_HOUR = st.times().map(lambda clock: clock.replace(microsecond=0).isoformat())
_QUIET = st.fixed_dictionaries(
    {
        "start": _HOUR,
        "end": _HOUR,
        "weekdays": st.lists(st.integers(0, 6), unique=True),
        "channels": st.lists(st.sampled_from(["slack", "sms", "voice"])),
        "broken_from": st.sampled_from(["medium", "high", "critical"]),
    }
)
_NOW = st.integers(0, 2 * 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(st.lists(_QUIET, max_size=3), _NOW, st.sampled_from(["low", "medium", "high", "critical"]))
def test_somebody_is_always_reached_and_the_urgent_at_once(quiet: list[Any], now: datetime, priority: str) -> None:
    one = person(notify={"quiet": quiet})
    due = plan(one, priority, now, PRAGUE)
    assert due
    assert all(at >= now for _, at in due)
    assert due == sorted(due, key=lambda pair: pair[1])
    if priority in ("high", "critical"):
        assert due[0][1] == now
        assert {c for c, _ in due} == set(one.contacts)
    else:
        contact, at = due[0]
        assert at == allowed_at(one, contact.channel, priority, now, PRAGUE)


def test_what_only_tells_grows_old_faster_the_more_it_matters() -> None:
    ages = [useful_until(priority, NOON) - NOON for priority in ("low", "medium", "high", "critical")]
    assert ages == sorted(ages, reverse=True)
