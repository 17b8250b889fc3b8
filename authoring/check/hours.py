"""Who can be reached in every hour of the coming weeks: shifts, schedules, overrides, absences, certificates, contacts.

Time is cut at every moment at which anything may change (a shift begins or ends, a day begins, clocks change), so a
piece in between is as its first moment is, and the answer is exact, not sampled.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

from domain.rosters.people import Person, Roster, Selector, Shift, zone_of
from domain.rosters.when import cuts

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SHOWN = 4
_DAY = timedelta(days=1)
_EDGE = timedelta(days=8)


@dataclass(frozen=True)
class Gap:
    """Nobody from `begin` until `end` (aware UTC); `open_end`: at least until the horizon."""

    begin: datetime
    end: datetime
    open_end: bool = False


class Hours:
    """The weeks from `begins` on. A mask has one bit for each piece of time, set when somebody can be reached in it."""

    def __init__(
        self, roster: Roster, zone: ZoneInfo, begins: datetime, weeks: int, channels: frozenset[str] | None = None
    ) -> None:
        self._roster, self._zone, self._channels = roster, zone, channels
        self.begins, self.ends = begins.astimezone(UTC), begins.astimezone(UTC) + timedelta(weeks=weeks)
        self._cuts = sorted(self._moments())
        self._pieces = list(zip(self._cuts, self._cuts[1:], strict=False))
        self._always = (1 << len(self._pieces)) - 1
        self.whole = self._mask(lambda piece: piece[0] < self.ends and piece[1] > self.begins)
        self._covered_by: dict[tuple[str, str], int] = {}
        self._called: dict[str, dict[str, int]] = {}
        self._known: dict[tuple[str, str, str, str], int] = {}
        self._told: dict[int, str] = {}

    def fitting(self, selector: Selector) -> list[Person]:
        """Everybody who fits at some hour or other, as far as roles, skills and areas go."""
        return [person for person in self._roster.people if selector.fits(person)]

    def can_be_told(self, person: Person) -> bool:
        """Messages go to the first contact method."""
        first = next((contact.channel.value for contact in person.contacts), None)
        return first is not None and (self._channels is None or first in self._channels)

    def reach(self, selector: Selector) -> int:
        """When somebody fits and can be told: what `domain.rosters.people.select` says at each moment."""
        people = (person for person in self.fitting(selector) if self.can_be_told(person))
        return reduce(or_, (self._there(person, selector) for person in people), 0)

    def _there(self, person: Person, selector: Selector) -> int:
        key = (person.id, selector.certificate, selector.shift, selector.schedule)
        if key not in self._known:
            self._known[key] = self._works(person, selector) & self._certified(person, selector.certificate)
        return self._known[key]

    def _works(self, person: Person, selector: Selector) -> int:
        """Of somebody who is absent nothing is expected, except that with `any` somebody must know."""
        shift, called = selector.shift, self._on_call(selector.schedule, person)
        if shift == "any":
            return called
        present = called & ~self._away(person)
        if shift == "current":
            return present if selector.schedule or not person.shifts else present & self._on_shift(person)
        return present if shift in person.shifts else 0

    def _on_shift(self, person: Person) -> int:
        there = zone_of(person, self._zone)
        names = set(person.shifts)
        return reduce(or_, (self._covered(one, there) for one in self._roster.shifts if one.name in names), 0)

    def _on_call(self, schedule: str, person: Person) -> int:
        if not schedule:
            return self._always
        if schedule not in self._called:
            self._called[schedule] = self._calls(schedule)
        return self._called[schedule].get(person.id, 0)

    def _calls(self, schedule: str) -> dict[str, int]:
        """Person -> when they are on by this schedule."""
        found: dict[str, int] = {}
        for span in self._roster.spans(schedule, self._cuts[0], self._cuts[-1]):
            for person in span.people:
                found[person] = found.get(person, 0) | self._between(span.begins, span.ends)
        return found

    def _away(self, person: Person) -> int:
        absences = self._roster.absences_of(person.id)
        return reduce(or_, (self._between(one.begins, one.ends or self._cuts[-1]) for one in absences), 0)

    def _between(self, begin: datetime, end: datetime) -> int:
        """The pieces from one cut to another."""
        low, high = bisect_left(self._cuts, begin), bisect_left(self._cuts, end)
        return ((1 << high) - 1) & ~((1 << low) - 1) & self._always

    def _certified(self, person: Person, name: str) -> int:
        held = [one.until for one in person.certificates if one.name == name]
        if not name or None in held:
            return self._always
        last = max((until for until in held if until is not None), default=date.min)
        return self._mask(lambda piece: piece[0].astimezone(self._zone).date() <= last)

    def _covered(self, shift: Shift, zone: ZoneInfo) -> int:
        key = (shift.name, zone.key)
        if key not in self._covered_by:
            self._covered_by[key] = self._mask(lambda piece: shift.covers(piece[0], zone))
        return self._covered_by[key]

    def _mask(self, holds: Callable[[tuple[datetime, datetime]], bool]) -> int:
        return sum(1 << index for index, piece in enumerate(self._pieces) if holds(piece))

    def gaps(self, mask: int) -> list[Gap]:
        """The times whose bits are not set, put together where they touch, as far as they concern these weeks."""
        found: list[Gap] = []
        for index, (begin, end) in enumerate(self._pieces):
            if mask >> index & 1:
                continue
            if found and found[-1].end == begin:
                begin = found.pop().begin
            found.append(Gap(begin, end, end == self._cuts[-1]))
        return [gap for gap in found if gap.begin < self.ends and gap.end > self.begins]

    def told(self, mask: int) -> str:
        """`Sun 02:00-06:00; first gap 2026-11-29 02:00`: how the gaps repeat, and the first to come; empty = no gap."""
        if mask not in self._told:
            gaps = self.gaps(mask)
            self._told[mask] = self._words(gaps) if gaps else ""
        return self._told[mask]

    def _words(self, gaps: list[Gap]) -> str:
        local = max(gaps[0].begin, self.begins).astimezone(self._zone)
        return f"{', '.join(self._patterns(gaps))}; first gap {local:%Y-%m-%d %H:%M}"

    def _patterns(self, gaps: list[Gap]) -> list[str]:
        days: dict[tuple[str, str, int], list[int]] = {}
        found: list[str] = []
        for gap in gaps:
            begin, end = gap.begin.astimezone(self._zone), gap.end.astimezone(self._zone)
            if gap.open_end and gap.end - gap.begin > 7 * _DAY:
                found.append(f"from {begin:%a %Y-%m-%d %H:%M} on")
                continue
            over = (end.date() - begin.date()).days
            if over and end.time() == time():
                over -= 1
            weekdays = days.setdefault((f"{begin:%H:%M}", f"{end:%H:%M}", over), [])
            weekdays += [begin.weekday()] if begin.weekday() not in weekdays else []
        found += [_pattern(sorted(weekdays), *times) for times, weekdays in days.items()]
        more = len(found) - _SHOWN
        return [*found[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]

    def _moments(self) -> set[datetime]:
        """From more than a week before to as much after, so that gaps over the edges are seen whole."""
        zones = {self._zone, *(zone_of(person, self._zone) for person in self._roster.people)}
        found = {moment for zone in zones for moment in self._clocks(zone)}
        first, last = min(found), max(found)
        for schedule in self._roster.schedules:
            found |= cuts(schedule, first, last)
        for absence in self._roster.absences:
            found |= {edge for edge in (absence.begins, absence.ends) if edge and first < edge < last}
        return found

    def _clocks(self, zone: ZoneInfo) -> set[datetime]:
        """When days and shifts begin and end, where the clock is that zone's."""
        first = self.begins.astimezone(zone).date() - _EDGE
        count = (self.ends.astimezone(zone).date() + _EDGE - first).days + 1
        clocks = {time()} | {clock for shift in self._roster.shifts for clock in (shift.start, shift.end)}
        found = set[datetime]()
        for day in (first + index * _DAY for index in range(count)):
            found |= {_utc(day, clock, fold, zone) for clock in clocks for fold in (0, 1)}
            begin, end = _utc(day, time(), 0, zone), _utc(day + _DAY, time(), 0, zone)
            if end - begin != _DAY:  # clocks change: on a half hour, wherever that is
                found |= {begin + half * timedelta(minutes=30) for half in range(52)}
        return found


def _utc(day: date, clock: time, fold: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock.replace(fold=fold), zone).astimezone(UTC)


def _pattern(weekdays: list[int], begin: str, end: str, over: int) -> str:
    until = "24:00" if end == "00:00" else end
    if over >= 1 and (over > 1 or until >= begin):
        return ", ".join(f"{_DAYS[day]} {begin}-{_DAYS[(day + over) % 7]} {until}" for day in weekdays)
    return f"{_days(weekdays)} {begin}-{until}"


def _days(weekdays: Iterable[int]) -> str:
    days = list(weekdays)
    if len(days) == 7:
        return "daily"
    in_a_row = days == list(range(days[0], days[0] + len(days))) and len(days) > 2
    return f"{_DAYS[days[0]]}-{_DAYS[days[-1]]}" if in_a_row else ", ".join(_DAYS[day] for day in days)
