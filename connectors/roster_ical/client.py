"""The only place that knows icalendar and recurring_ical_events."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import recurring_ical_events  # type: ignore[import-untyped]
from icalendar import Calendar

from connectors.roster_files import text_of
from domain.errors import InvalidPayloadError


@dataclass(frozen=True)
class Occurrence:
    """One event, or one repetition. `mails`: its attendees'."""

    summary: str
    mails: tuple[str, ...]
    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Found:
    """`title` and `zone` as the calendar names itself (X-WR-CALNAME, X-WR-TIMEZONE). `cut`: there are more."""

    title: str
    zone: str
    occurrences: list[Occurrence]
    cut: bool


def parse(data: bytes, begins: datetime, ends: datetime, at_most: int, zone: str = "") -> Found:
    """The events that touch this time, in order, at most so many, cancelled ones left out. `zone`: of times without
    one, where the calendar names none. Raises InvalidPayloadError."""
    text = text_of(data)
    try:
        calendar = Calendar.from_ical(text)
        named = _zone(str(calendar.get("X-WR-TIMEZONE", "")))
        there = ZoneInfo(named or zone or "UTC")
        events = list(islice(_between(calendar, begins, ends, there), at_most + 1))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise InvalidPayloadError("The file is no iCalendar (.ics) file", detail=str(error)) from None
    return Found(str(calendar.get("X-WR-CALNAME", "")), named, events[:at_most], len(events) > at_most)


def _between(calendar: Calendar, begins: datetime, ends: datetime, zone: ZoneInfo) -> Iterator[Occurrence]:
    for event in recurring_ical_events.of(calendar).after(begins):
        start = _moment(event["DTSTART"].dt, zone)
        if start >= ends:
            return
        if str(event.get("STATUS", "")).upper() != "CANCELLED":
            yield Occurrence(str(event.get("SUMMARY", "")), _mails(event), start, _moment(_end(event), zone))


def _end(event: Any) -> date:
    """RFC 5545 3.6.1: without an end a day lasts the day, and a moment nothing."""
    start: date = event["DTSTART"].dt
    if "DTEND" in event:
        end: date = event["DTEND"].dt
        return end
    if "DURATION" in event:
        length: timedelta = event["DURATION"].dt
        return start + length
    return start if isinstance(start, datetime) else start + timedelta(days=1)


def _moment(value: date, zone: ZoneInfo) -> datetime:
    """A day begins at midnight, and a time without a zone is on the wall, where the calendar is."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(), zone)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def _mails(event: Any) -> tuple[str, ...]:
    told = event.get("ATTENDEE", [])
    return tuple(str(one) for one in (told if isinstance(told, list) else [told]))


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key if name else ""
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ""
