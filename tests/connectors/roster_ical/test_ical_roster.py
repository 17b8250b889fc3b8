"""Calendars as programs write them, read as a schedule: repetitions, zones, attendees, strangers."""

from datetime import UTC, datetime

import pytest

from connectors.roster_ical.manifest import build
from domain.errors import InvalidPayloadError
from domain.rosters.imported import Imported
from domain.rosters.people import Person
from domain.rosters.when import on_call

PEOPLE = [
    Person.model_validate({"id": name, "name": title, "roles": [],
                           "contacts": [{"channel": "email", "address": f"{name}@example.com"}]})
    for name, title in (("ada", "Ada Novak"), ("bo", "Bo Li"))
]  # fmt: skip
NIGHT = """DTSTART;TZID=Europe/Prague:20261019T220000
DTEND;TZID=Europe/Prague:20261020T060000
RRULE:FREQ=DAILY;COUNT=14
EXDATE;TZID=Europe/Prague:20261023T220000
SUMMARY:On call - Ada Novak - Hall 1"""
MEETING = """DTSTART:20261101T100000Z
DURATION:PT2H
SUMMARY:Cover
ATTENDEE;CN=Somebody:mailto:BO@example.com"""
DAY = """DTSTART;VALUE=DATE:20261103
SUMMARY:Bo Li, Ada Novak"""


def read(*events: str) -> Imported:
    inner = "".join(
        f"BEGIN:VEVENT\nUID:{n}\nDTSTAMP:20261001T000000Z\n{one}\nEND:VEVENT\n" for n, one in enumerate(events)
    )
    head = "VERSION:2.0\nPRODID:-//x//x//EN\nX-WR-CALNAME:Hall 1\nX-WR-TIMEZONE:Europe/Prague"
    text = f"BEGIN:VCALENDAR\n{head}\n{inner}END:VCALENDAR\n"
    source = build({"begins": datetime(2026, 10, 18, tzinfo=UTC), "days": 60})
    return source.read(text.replace("\n", "\r\n").encode(), PEOPLE)


def test_repetitions_zones_attendees_and_days() -> None:
    found = read(NIGHT, MEETING, DAY)
    (one,) = found.schedules
    assert (found.problems, one.id, one.timezone, len(one.entries)) == ([], "hall_1", "Europe/Prague", 15)
    assert on_call(one, datetime(2026, 10, 24, 20, tzinfo=UTC)) == ("ada",)  # 22:00 in summer time
    assert on_call(one, datetime(2026, 10, 25, 20, 59, tzinfo=UTC)) == ()  # clocks went back
    assert on_call(one, datetime(2026, 10, 25, 21, tzinfo=UTC)) == ("ada",)
    assert on_call(one, datetime(2026, 10, 23, 21, tzinfo=UTC)) == ()  # left out by EXDATE
    assert on_call(one, datetime(2026, 11, 1, 11, tzinfo=UTC)) == ("bo",)
    assert set(on_call(one, datetime(2026, 11, 2, 23, tzinfo=UTC))) == {"ada", "bo"}  # the day begins at midnight there


def test_strangers_are_told_and_cancelled_events_do_not_count() -> None:
    found = read(MEETING.replace("BO@example.com", "zoe@example.com"), NIGHT + "\nSTATUS:CANCELLED")
    assert found.problems == ["1 events 'Cover' name nobody on the roster"]
    assert found.schedules[0].entries == []


def test_a_rule_without_end_is_cut_and_told() -> None:
    found = read("DTSTART:20261019T000000Z\nDURATION:PT1M\nRRULE:FREQ=MINUTELY\nSUMMARY:Bo Li")
    assert len(found.schedules[0].entries) == 5000
    assert found.problems == ["more than 5000 events: take over fewer days"]


@pytest.mark.parametrize(
    "data", [b"", b"no calendar", b"\xff\xfe", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR"]
)
def test_what_is_no_calendar_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidPayloadError):
        build({"begins": datetime(2026, 10, 18, tzinfo=UTC)}).read(data, PEOPLE)
