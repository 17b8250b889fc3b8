"""What the pages of people and schedules draw: a week, who is on, the coming calls of a person. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.errors import InvalidPayloadError
from domain.rosters.ical import Event
from domain.rosters.people import Person, Roster
from domain.rosters.when import Span, instant
from domain.values import iso

COLOURS = 8
AHEAD = timedelta(days=28)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Bar:
    """A piece of a day: `left` and `width` in minutes, `colour` the number of who is on, None for nobody."""

    left: int
    width: int
    colour: int | None
    begins: datetime
    ends: datetime
    people: tuple[str, ...]


@dataclass(frozen=True)
class Day:
    """A day of the schedule's zone, `minutes` long (1,380 or 1,500 when clocks change)."""

    day: date
    minutes: int
    bars: list[Bar]
    holiday: bool


@dataclass(frozen=True)
class OnCall:
    """Who is on now by a schedule, and until when nothing changes (None: for the whole time looked at)."""

    schedule: str
    title: str
    people: tuple[str, ...]
    until: datetime | None


def monday(text: str, today: date) -> date:
    """The Monday of the week that is asked for. Raises InvalidPayloadError."""
    try:
        day = date.fromisoformat(text) if text else today
        return day - timedelta(days=day.weekday())
    except (ValueError, OverflowError):
        raise InvalidPayloadError("The week is a day such as 2026-11-23") from None


def week(roster: Roster, schedule: str, first: date) -> list[Day]:
    """Seven days from `first` on."""
    found = roster.schedule(schedule)
    zone = found.zone() if found else ZoneInfo("UTC")
    edges = [_midnight(first + index * _DAY, zone) for index in range(8)]
    spans = roster.spans(schedule, edges[0], edges[-1])
    groups = list(dict.fromkeys(span.people for span in spans if span.people))
    holidays = found.holidays if found else []
    return [
        Day(
            first + index * _DAY,
            _minutes(edges[index + 1] - edges[index]),
            list(_bars(spans, edges[index], edges[index + 1], groups)),
            first + index * _DAY in holidays,
        )
        for index in range(7)
    ]


def _bars(spans: Sequence[Span], begins: datetime, ends: datetime, groups: Sequence[tuple[str, ...]]) -> Iterator[Bar]:
    for span in spans:
        left, right = max(span.begins, begins), min(span.ends, ends)
        if left < right:
            colour = groups.index(span.people) % COLOURS if span.people else None
            yield Bar(_minutes(left - begins), _minutes(right - left), colour, left, right, span.people)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return instant(datetime.combine(day, time()), zone)


def _minutes(length: timedelta) -> int:
    return round(length.total_seconds() / 60)


def on_call(roster: Roster, moment: datetime) -> list[OnCall]:
    """By every schedule; looks a week ahead for the next change."""
    found = []
    for schedule in roster.schedules:
        first, *more = roster.spans(schedule.id, moment, moment + timedelta(days=7))
        found.append(OnCall(schedule.id, schedule.title, first.people, first.ends if more else None))
    return found


def calls(roster: Roster, person: Person, begins: datetime, ends: datetime) -> list[tuple[str, str, Span]]:
    """Schedule, its title, and each time in which the person is on, in order."""
    found = [
        (schedule.id, schedule.title, span)
        for schedule in roster.schedules
        for span in roster.spans(schedule.id, begins, ends)
        if person.id in span.people
    ]
    return sorted(found, key=lambda call: call[2].begins)


def events(roster: Roster, kind: str, subject: str, now: datetime) -> list[Event]:
    """A feed's: from two weeks ago to eight weeks ahead. Whole days from midnight, so that UIDs stay."""
    begins = datetime.combine(now.date() - timedelta(days=14), time(), UTC)
    ends = begins + timedelta(days=70)
    names = {person.id: person.name for person in roster.people}
    if kind == "person":
        person = roster.by_id.get(subject)
        told = calls(roster, person, begins, ends) if person else []
    else:
        found = roster.schedule(subject)
        told = [(found.id, found.title, span) for span in roster.spans(subject, begins, ends)] if found else []
    return [
        Event(
            f"{iso(span.begins)}.{subject}.{schedule}@mos",
            span.begins,
            span.ends,
            title if kind == "person" else ", ".join(names[one] for one in span.people),
        )
        for schedule, title, span in told
        if span.people
    ]


def local_moment(text: str, zone: ZoneInfo, what: str) -> datetime:
    """What a form's date and time mean there. Raises InvalidPayloadError."""
    try:
        found = datetime.fromisoformat(text.strip())
        return found.astimezone(UTC) if found.tzinfo else instant(found, zone)
    except (ValueError, OverflowError):
        raise InvalidPayloadError(f"{what} is a day and a time such as 2026-11-23 06:00") from None
