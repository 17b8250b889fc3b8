"""Who is on call at a moment, and over a time. Pure; moments are aware UTC.

A clock time that a change to summer time skips is taken as the first moment after the gap; of a doubled one the first
counts (PEP 495, fold=0). Turns and windows are counted on the wall's clock, so their hand-overs keep their hour.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from domain.rosters.model import CREW, EVERYBODY, Layer, Schedule, Window, unique
from domain.values import duration

_DAY = timedelta(days=1)
_STEP = timedelta(seconds=1)

Crews = Mapping[str, Sequence[str]]
"""A shift's name -> the people who work it."""


@dataclass(frozen=True)
class Span:
    """The same people are on from `begins` until before `ends`; nobody when `people` is empty."""

    begins: datetime
    ends: datetime
    people: tuple[str, ...]


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The moment when this (naive) time stands on the wall there."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == local:
        return first
    early, late = local.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    before = early.astimezone(zone).utcoffset()
    while late - early > _STEP:
        middle = early + (late - early) / 2
        early, late = (middle, late) if middle.astimezone(zone).utcoffset() == before else (early, middle)
    return late.replace(microsecond=0)


def on_call(schedule: Schedule, moment: datetime, crews: Crews | None = None) -> tuple[str, ...]:
    """Who is on at this moment, absences not looked at."""
    moment, crews = moment.astimezone(UTC), crews or {}
    on = [(layer.level, found) for layer in schedule.layers if (found := _of_layer(schedule, layer, moment))]
    on += [(0, entry.people) for entry in schedule.entries if entry.begins <= moment < entry.ends]
    top = max((level for level, _ in on), default=0)
    people = unique(_expanded((one for level, group in on if level == top for one in group), crews))
    for override in schedule.overrides:
        if override.begins <= moment < override.ends:
            people = _overridden(people, override.people, override.instead_of)
    return people


def _overridden(people: tuple[str, ...], new: Sequence[str], instead_of: Sequence[str]) -> tuple[str, ...]:
    if EVERYBODY in instead_of:
        return unique(new)
    if instead_of and not set(instead_of) & set(people):
        return people
    return unique([*(one for one in people if one not in instead_of), *new])


def _expanded(people: Iterator[str], crews: Crews) -> Iterator[str]:
    for one in people:
        if one.startswith(CREW):
            yield from crews.get(one.removeprefix(CREW), ())
        else:
            yield one


def _of_layer(schedule: Schedule, layer: Layer, moment: datetime) -> Sequence[str]:
    """Whose turn it is, if the layer is on."""
    zone = schedule.zone(layer)
    if layer.until is not None and moment >= instant(layer.until, zone):
        return ()
    if layer.since is not None and moment < instant(layer.since, zone):
        return ()
    number = _turn_at(layer, zone, moment)
    if number < 0 or not _is_on(schedule, layer, zone, moment):
        return ()
    return layer.turns[number % len(layer.turns)]


def _turn_at(layer: Layer, zone: ZoneInfo, moment: datetime) -> int:
    """The number of the turn, from 0; negative before the first."""
    length, local = duration(layer.turn), moment.astimezone(zone).replace(tzinfo=None, fold=0)
    number = (local - layer.starts) // length
    while instant(layer.starts + number * length, zone) > moment:
        number -= 1
    while instant(layer.starts + (number + 1) * length, zone) <= moment:
        number += 1
    return number


def _is_on(schedule: Schedule, layer: Layer, zone: ZoneInfo, moment: datetime) -> bool:
    """Is a window open? A window belongs to the day on which it begins, and so does its being a holiday."""
    today = moment.astimezone(zone).date()
    if not layer.windows:
        return _heeds(schedule, layer, today)
    return any(
        begins <= moment < ends and _heeds(schedule, layer, day)
        for window in layer.windows
        for day, begins, ends in _windows(window, zone, today - window.over, today)
    )


def _heeds(schedule: Schedule, layer: Layer, day: date) -> bool:
    if layer.holidays == "as_usual":
        return True
    return (day in schedule.holidays) == (layer.holidays == "only")


def _windows(window: Window, zone: ZoneInfo, first: date, last: date) -> Iterator[tuple[date, datetime, datetime]]:
    """Day, begin and end of a window that begins on one of these days."""
    for index in range((last - first).days + 1):
        day = first + index * _DAY
        if day.weekday() in window.weekdays:
            ends = datetime.combine(day + window.over, window.end)
            yield day, instant(datetime.combine(day, window.start), zone), instant(ends, zone)


def cuts(schedule: Schedule, begins: datetime, ends: datetime) -> set[datetime]:
    """Every moment between these at which anything may change."""
    found = {moment for layer in schedule.layers for moment in _layer_cuts(schedule, layer, begins, ends)}
    found |= {edge for entry in schedule.entries for edge in (entry.begins, entry.ends)}
    found |= {edge for override in schedule.overrides for edge in (override.begins, override.ends)}
    return {moment for moment in found if begins < moment < ends}


def _layer_cuts(schedule: Schedule, layer: Layer, begins: datetime, ends: datetime) -> Iterator[datetime]:
    zone, length = schedule.zone(layer), duration(layer.turn)
    first, last = (moment.astimezone(zone).date() for moment in (begins, ends))
    low = max((datetime.combine(first - _DAY, time()) - layer.starts) // length, 0)
    high = (datetime.combine(last + 2 * _DAY, time()) - layer.starts) // length
    if len(layer.turns) > 1:
        yield from (instant(layer.starts + number * length, zone) for number in range(low, high + 1))
    yield from (instant(edge, zone) for edge in (layer.starts, layer.since, layer.until) if edge is not None)
    for window in layer.windows:
        for _, begin, end in _windows(window, zone, first - window.over, last):
            yield from (begin, end)
    if layer.holidays != "as_usual":
        for day in schedule.holidays:
            yield from (instant(datetime.combine(edge, time()), zone) for edge in (day, day + _DAY))


def spans(schedule: Schedule, start: datetime, end: datetime, crews: Crews | None = None) -> list[Span]:
    """Who is on from `start` until before `end`, without gaps between the spans; exact, not sampled."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    edges = [start, *sorted(cuts(schedule, start, end)), end]
    return joined(Span(a, b, on_call(schedule, a, crews)) for a, b in pairwise(edges) if a < b)


def joined(found: Iterator[Span]) -> list[Span]:
    """Neighbours with the same people become one."""
    kept: list[Span] = []
    for span in found:
        if kept and kept[-1].people == span.people and kept[-1].ends == span.begins:
            kept[-1] = Span(kept[-1].begins, span.ends, span.people)
        else:
            kept.append(span)
    return kept


def from_now(schedule: Schedule, now: datetime, ahead: timedelta) -> Schedule:
    """What it says from now on, in one form: two schedules that are equal in it have the same people on for so long.
    Layers begin with the turn of now; entries that are over, or begin later, and overrides are left out."""
    ends = now + ahead
    entries = sorted(
        (one for one in schedule.entries if one.ends > now and one.begins < ends),
        key=lambda one: (one.begins, one.ends, one.people),
    )
    layers = [_begun(layer, now.astimezone(schedule.zone(layer)).replace(tzinfo=None)) for layer in schedule.layers]
    return schedule.model_copy(update={"entries": entries, "layers": layers, "overrides": []})


def _begun(layer: Layer, local: datetime) -> Layer:
    """The same rotation, told from the turn at this time on."""
    length = duration(layer.turn)
    number = max((local - layer.starts) // length, 0)
    place = number % len(layer.turns)
    turns = [*layer.turns[place:], *layer.turns[:place]]
    return layer.model_copy(update={"starts": layer.starts + number * length, "turns": turns})
