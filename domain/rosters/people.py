"""People, how to reach them, and who fits a selector."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from domain.rosters.contacts import ChannelName as ChannelName  # noqa: PLC0414 - known to all as people's
from domain.rosters.contacts import ContactMethod as ContactMethod  # noqa: PLC0414
from domain.rosters.contacts import NotificationPolicy, ZoneName
from domain.rosters.criteria import Criteria
from domain.rosters.model import CREW, Absence, Schedule
from domain.rosters.when import Span, cuts, joined, on_call


class Shift(BaseModel):
    """Hours of a day in the site's zone; an end before the start runs over midnight; equal = the whole day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    start: time
    end: time
    weekdays: list[int] = [0, 1, 2, 3, 4, 5, 6]

    def covers(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Is this shift on at `moment` (aware)? A night shift belongs to the weekday on which it began."""
        local = moment.astimezone(zone)
        clock, day = local.time(), local.weekday()
        if self.start == self.end:
            return day in self.weekdays
        if self.start < self.end:
            return day in self.weekdays and self.start <= clock < self.end
        began_today = clock >= self.start and day in self.weekdays
        return began_today or (clock < self.end and (day - 1) % 7 in self.weekdays)


class Certificate(BaseModel):
    """A qualification that ends: valid through `until` (a day in the site's zone); without it, for good."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    until: date | None = None


class Person(BaseModel):
    """A person on the roster. `areas` and `skills` empty = all of them. `authorities` name what they may decide.

    language: what they are written to in; `languages`: others that they understand as well. timezone: theirs, where it
    is not the site's: their shifts, days off and quiet hours are in it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    name: str
    language: str = "en"
    languages: list[str] = []
    roles: list[str]
    skills: list[str] = []
    areas: list[str] = []
    shifts: list[str] = []
    authorities: list[str] = []
    certificates: list[Certificate] = []
    accounts: list[str] = []  # customers this person looks after; empty = all of them
    contacts: list[ContactMethod] = []
    timezone: ZoneName = ""
    notify: NotificationPolicy = NotificationPolicy()
    active: bool = True


class Roster(BaseModel):
    """Everybody, the shifts they work, the schedules they are on call by, and when they are away.

    What is looked up again and again is kept with it: never change its lists.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shifts: list[Shift] = []
    people: list[Person]
    schedules: list[Schedule] = []
    absences: list[Absence] = []

    @cached_property
    def by_id(self) -> Mapping[str, Person]:
        return {person.id: person for person in self.people}

    @cached_property
    def _by_role(self) -> Mapping[str, list[Person]]:
        found: dict[str, list[Person]] = {}
        for person in self.people:
            for role in dict.fromkeys(person.roles):
                found.setdefault(role, []).append(person)
        return found

    @cached_property
    def crews(self) -> Mapping[str, list[str]]:
        """A shift's name -> the active people who work it."""
        found: dict[str, list[str]] = {}
        for person in self.people:
            for shift in person.shifts if person.active else ():
                found.setdefault(shift, []).append(person.id)
        return found

    @cached_property
    def _away(self) -> Mapping[str, list[Absence]]:
        found: dict[str, list[Absence]] = {}
        for absence in self.absences:
            found.setdefault(absence.person, []).append(absence)
        return found

    def schedule(self, name: str) -> Schedule | None:
        return next((one for one in self.schedules if one.id == name), None)

    def absent(self, person: str, moment: datetime) -> bool:
        return any(absence.covers(moment) for absence in self._away.get(person, ()))

    def absences_of(self, person: str) -> Sequence[Absence]:
        return self._away.get(person, ())

    def on_call(self, schedule: str, moment: datetime) -> tuple[str, ...]:
        """Who is on by this schedule and there: no one who is absent or inactive. Nobody stands in by itself."""
        found = self.schedule(schedule)
        named = on_call(found, moment, self.crews) if found else ()
        return tuple(one for one in named if self._there(one, moment))

    def _there(self, person: str, moment: datetime) -> bool:
        known = self.by_id.get(person)
        return known is not None and known.active and not self.absent(person, moment)

    def spans(self, schedule: str, start: datetime, end: datetime) -> list[Span]:
        """Who is on from `start` until before `end`, absences looked at; a span with nobody is a gap."""
        start, end, found = start.astimezone(UTC), end.astimezone(UTC), self.schedule(schedule)
        named = self._named(found) if found else ()
        edges = cuts(found, start, end) if found else set()
        for absence in (one for person in named for one in self.absences_of(person)):
            edges |= {edge for edge in (absence.begins, absence.ends) if edge and start < edge < end}
        ordered = [start, *sorted(edges), end]
        return joined(Span(a, b, self.on_call(schedule, a)) for a, b in pairwise(ordered) if a < b)

    def _named(self, schedule: Schedule) -> Iterable[str]:
        for one in schedule.everybody():
            yield from self.crews.get(one.removeprefix(CREW), []) if one.startswith(CREW) else [one]

    def on_shift(self, person: Person, moment: datetime, zone: ZoneInfo) -> bool:
        """By their shifts, in their own zone if they have one; a person without shifts is always on."""
        names = set(person.shifts)
        there = zone_of(person, zone)
        return not names or any(shift.covers(moment, there) for shift in self.shifts if shift.name in names)

    def candidates(self, selector: "Selector") -> Sequence[Person]:
        """Those among whom the selector's people are, without looking at everybody where that can be helped."""
        if selector.person:
            return [self.by_id[selector.person]] if selector.person in self.by_id else []
        return self._by_role.get(selector.role, ()) if selector.role else self.people


def zone_of(person: Person, site: ZoneInfo) -> ZoneInfo:
    """Where this person's clock is."""
    return ZoneInfo(person.timezone) if person.timezone else site


class Selector(Criteria):
    """Who is asked: every given criterion must hold. An empty text criterion does not select. `shift`: current (on
    now), any (whoever it is, on or off), or the name of a shift that somebody works. `schedule`: who is on call by it
    now; then `current` shifts are not looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def fits(self, person: Person) -> bool:
        """Everything but time: certificates that end and shifts are `select`'s."""
        return (
            person.active
            and self.person in ("", person.id)
            and (not self.role or self.role in person.roles)
            and (not self.skill or not person.skills or self.skill in person.skills)
            and (not self.area or not person.areas or self.area in person.areas)
            and (not self.account or not person.accounts or self.account in person.accounts)
            and (not self.authority or self.authority in person.authorities)
        )


def select(roster: Roster, selector: Selector, moment: datetime, zone: ZoneInfo) -> list[Person]:
    """Who fits at `moment` and is not absent, in a stable order. May be empty: the caller says so to somebody.

    With `shift: any` those who are absent are asked when everybody is: somebody must know.
    """
    called = set(roster.on_call(selector.schedule, moment)) if selector.schedule else None
    day, on = moment.astimezone(zone).date(), _On(roster, moment, zone)
    fitting = [
        person
        for person in roster.candidates(selector)
        if (called is None or person.id in called)
        and selector.fits(person)
        and _certified(person, selector.certificate, day)
        and _works(person, selector, on)
    ]
    there = [person for person in fitting if not roster.absent(person.id, moment)]
    if selector.shift == "any":
        there = there or fitting
    return sorted(there, key=lambda person: person.id)


def _certified(person: Person, name: str, day: date) -> bool:
    held = (one for one in person.certificates if one.name == name)
    return not name or any(one.until is None or one.until >= day for one in held)


class _On:
    """Which shifts are on at this moment, found out once for each zone."""

    def __init__(self, roster: Roster, moment: datetime, zone: ZoneInfo) -> None:
        self._roster, self._moment, self._zone = roster, moment, zone
        self._known: dict[str, set[str]] = {}

    def shifts(self, person: Person) -> set[str]:
        if person.timezone not in self._known:
            there = zone_of(person, self._zone)
            on = {shift.name for shift in self._roster.shifts if shift.covers(self._moment, there)}
            self._known[person.timezone] = on
        return self._known[person.timezone]


def _works(person: Person, selector: Selector, on: _On) -> bool:
    shift = selector.shift
    if shift == "any" or (shift == "current" and selector.schedule):
        return True
    if shift != "current":
        return shift in person.shifts
    return not person.shifts or not on.shifts(person).isdisjoint(person.shifts)


def least_loaded(people: list[Person], load: Mapping[str, int], at_most: int) -> list[Person]:
    """Those with the fewest open tasks. `load`: person id -> open tasks."""
    return sorted(people, key=lambda person: (load.get(person.id, 0), person.id))[:at_most]


def may_decide(person: Person | None, authority: str, area: str, channel: str, risk: str) -> str:
    """Empty when this person may decide it by this channel; else `not_allowed`, or `sign_in`: high risk is decided
    in the console only."""
    if person is None or not person.active or authority not in person.authorities:
        return "not_allowed"
    if area and person.areas and area not in person.areas:
        return "not_allowed"
    return "sign_in" if risk == "high" and channel != ChannelName.CONSOLE.value else ""
