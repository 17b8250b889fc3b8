"""Whose time a change carries: the source's, unless its clock is of no use. Pure.

Intake drops what has the id of something it has, and what is older than the state that it knows. A clock that stands
still would give two faults one id, and one that went back would make every later fault old news: both would be lost.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.values import Json

_TICK = timedelta(microseconds=1)
_AHEAD = timedelta(minutes=5)
"""A clock further ahead is not followed: intake keeps what happened later than this for a person to look at."""
_LATE = timedelta(days=1)
"""What is told as it happens did not happen that long ago: the clock is wrong."""


@dataclass(frozen=True)
class Told:
    """One change as its source tells it. `present`: how the thing stood when we subscribed, which may be long ago;
    `replayed`: asked for again after an outage, so newer ones may have come before it."""

    at: datetime | None
    value: Json
    present: bool = False
    replayed: bool = False


class Clocks:
    """The last change of each thing, by key: its times only rise, and one that is told again has the same time."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[Told, datetime]] = {}

    def moment(self, key: str, told: Told, now: datetime) -> datetime:
        """When it happened, as far as can be known."""
        last = self._last.get(key)
        if last and (last[0].at, last[0].value) == (told.at, told.value):
            return last[1]
        if told.replayed and told.at is not None and last and told.at <= last[1]:
            return told.at  # older than what is known already, and says so
        moment = _credible(told, last[1] if last else None, now)
        self._last[key] = told, moment
        return moment


def far_off(server: Json, now: datetime) -> str:
    """How the server's own clock is wrong, for people; empty when it is near ours, or cannot be read."""
    try:
        theirs = datetime.fromisoformat(str(server))
    except ValueError:
        return ""
    difference = (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)) - now
    if abs(difference) < _AHEAD:
        return ""
    minutes, way = round(abs(difference) / timedelta(minutes=1)), "ahead of" if difference > timedelta() else "behind"
    return f"the server's clock is {minutes} minutes {way} ours, its times are not used: set it"


def _credible(told: Told, last: datetime | None, now: datetime) -> datetime:
    """The source's time if it has one and it rises, else the moment of arrival, later than the last one too."""
    if told.at is not None and (last is None or told.at > last) and (told.present or now - told.at < _LATE):
        return told.at
    if last is not None and now <= last <= now + _AHEAD:
        return last + _TICK
    return now
