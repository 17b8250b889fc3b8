"""Durations and moments as a plant says them: plain time, business hours, clocks and shifts. Pure.

A site's calendar is in its own zone; everything handed in and out is aware UTC. Clock times that a change to summer
time skips are taken at the moment after the gap; of doubled ones the first counts (PEP 495, fold=0).
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from domain.rosters.people import Shift
from domain.values import duration, parse_time

_CLOCK = re.compile(r"(?:(mon|tue|wed|thu|fri|sat|sun) )?([01]\d|2[0-3]):([0-5]\d)")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAMED = ("shift.end", "shift.start", "business.start", "business.end")
_HORIZON_DAYS = 400


def check_span(text: str) -> None:
    """Raises ValueError for what is no duration."""
    duration(text.removesuffix(" business"))


def check_moment(text: str) -> None:
    """Raises ValueError for what is no moment."""
    if text in _NAMED or _CLOCK.fullmatch(text):
        return
    try:
        parse_time(text)
    except ValueError:
        known = ", ".join(_NAMED)
        raise ValueError(f"'{text}' is no moment: write 06:00, 'mon 06:00', {known} or an ISO time with zone") from None


class SiteCalendar(BaseModel):
    """When the site works. No business hours = round the clock; no shifts = one shift without an end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: str = "UTC"
    shifts: list[Shift] = []
    business_hours: list[Shift] = []
    holidays: list[date] = []

    def after(self, start: datetime, span: str) -> datetime:
        """`span` after `start`; a span that ends in ` business` counts business hours only.

        Raises ValueError when the site's business hours don't hold so much within 400 days.
        """
        length = duration(span.removesuffix(" business"))
        if not span.endswith(" business") or not self.business_hours:
            return start + length
        for begin, end in self._windows(self.business_hours, start, skip=frozenset(self.holidays)):
            begin = max(begin, start)
            if end - begin >= length:
                return begin + length
            length -= max(end - begin, timedelta())
        raise ValueError(f"'{span}' does not end within {_HORIZON_DAYS} days: look at the site's business hours")

    def moment(self, text: str, now: datetime) -> datetime:
        """The next such moment after `now`. Raises ValueError for what is no moment."""
        clock = _CLOCK.fullmatch(text)
        if clock:
            return self._next_clock(clock, now)
        if text.startswith("shift."):
            return self._edge(self.shifts, text.endswith(".end"), now, frozenset())
        if text.startswith("business."):
            return self._edge(self.business_hours, text.endswith(".end"), now, frozenset(self.holidays))
        return parse_time(text)

    def is_business(self, moment: datetime) -> bool:
        """Does the site work in the office sense at this moment?"""
        zone = ZoneInfo(self.timezone)
        if moment.astimezone(zone).date() in self.holidays:
            return False
        return not self.business_hours or any(hours.covers(moment, zone) for hours in self.business_hours)

    def _next_clock(self, clock: re.Match[str], now: datetime) -> datetime:
        zone = ZoneInfo(self.timezone)
        today = now.astimezone(zone).date()
        wanted = time(int(clock[2]), int(clock[3]))
        days = (today + timedelta(days=ahead) for ahead in range(9))
        fitting = (day for day in days if clock[1] in (None, _DAYS[day.weekday()]))
        return next(moment for day in fitting if (moment := _utc(day, wanted, zone)) > now)

    def _edge(self, hours: list[Shift], end: bool, now: datetime, skip: frozenset[date]) -> datetime:
        """The next begin or end of such hours; without hours it is now."""
        edges = (finish if end else begin for begin, finish in self._windows(hours, now, skip))
        return next((edge for edge in edges if edge > now), now)

    def _windows(
        self, hours: list[Shift], start: datetime, skip: frozenset[date]
    ) -> Iterator[tuple[datetime, datetime]]:
        """When these hours run, in order and without overlaps, from the day before `start` on."""
        zone = ZoneInfo(self.timezone)
        first = start.astimezone(zone).date() - timedelta(days=1)
        reached = datetime.min.replace(tzinfo=UTC)
        for day in (first + timedelta(days=ahead) for ahead in range(_HORIZON_DAYS)):
            on = [one for one in hours if day.weekday() in one.weekdays and day not in skip]
            for begin, end in sorted(
                (_utc(day, one.start, zone), _utc(_last_day(day, one), one.end, zone)) for one in on
            ):
                if end > reached:
                    yield max(begin, reached), end
                    reached = end


def _last_day(day: date, hours: Shift) -> date:
    return day + timedelta(days=1) if hours.end <= hours.start else day


def _utc(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
