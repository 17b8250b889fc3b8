"""People, how to reach them, and who fits a selector."""

from collections.abc import Mapping
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from domain.contacts import ChannelName as ChannelName  # noqa: PLC0414 - known to all as people's
from domain.contacts import ContactMethod as ContactMethod  # noqa: PLC0414
from domain.contacts import NotificationPolicy, ZoneName


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
    """A person on the roster. `areas` and `skills` empty = all of them. `authorities` name what they may decide."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    name: str
    language: str = "en"
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
    """Everybody and the shifts they work."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shifts: list[Shift] = []
    people: list[Person]

    def on_shift(self, person: Person, moment: datetime, zone: ZoneInfo) -> bool:
        """A person without shifts is always on."""
        names = set(person.shifts)
        return not names or any(shift.covers(moment, zone) for shift in self.shifts if shift.name in names)


class Selector(BaseModel):
    """Who is asked: every given criterion must hold. An empty text criterion does not select. `shift`: current (on
    now), any (whoever it is, on or off), or the name of a shift that somebody works."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str = ""
    skill: str = ""
    certificate: str = ""
    area: str = ""
    account: str = ""
    person: str = ""
    authority: str = ""
    shift: str = "current"

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
    """Who fits at `moment`, in a stable order. May be empty: the caller says so to somebody."""
    day = moment.astimezone(zone).date()
    fitting = [
        person
        for person in roster.people
        if selector.fits(person)
        and _certified(person, selector.certificate, day)
        and _works(roster, person, selector.shift, moment, zone)
    ]
    return sorted(fitting, key=lambda person: person.id)


def _certified(person: Person, name: str, day: date) -> bool:
    held = (one for one in person.certificates if one.name == name)
    return not name or any(one.until is None or one.until >= day for one in held)


def _works(roster: Roster, person: Person, shift: str, moment: datetime, zone: ZoneInfo) -> bool:
    if shift == "any":
        return True
    return roster.on_shift(person, moment, zone) if shift == "current" else shift in person.shifts


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
