"""Schedules: who is on call when, as layers of rotations with overrides; swaps and absences.

Clock times and days are those of the schedule's zone (or the layer's own): a hand-over at 06:00 stays at 06:00 when
clocks change. A moment that is entered for once (override, swap, absence) is an aware time.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, NaiveDatetime, model_validator

from domain.rosters.contacts import ZoneName
from domain.values import duration

EVERYBODY = "*"
CREW = "shift:"  # `shift:early` among the people of a turn: everybody who works that shift
_HOUR = timedelta(hours=1)


def _turn(text: str) -> str:
    if not _HOUR <= duration(text) <= timedelta(days=366):
        raise ValueError("a turn lasts from 1h to 366d: write 12h, 1d or 7d")
    return text


Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]


class Part(BaseModel):
    """Immutable, and nothing unknown in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Window(Part):
    """Hours of a week: from `start` on these weekdays (Monday 0) to `end`, `days` days later. An end that is not after
    the start is the next day's."""

    start: time = time()
    end: time = time()
    weekdays: list[Annotated[int, Field(ge=0, le=6)]] = [0, 1, 2, 3, 4, 5, 6]
    days: int = Field(default=0, ge=0, le=7)

    @property
    def over(self) -> timedelta:
        """From the day of the start to the day of the end."""
        return timedelta(days=self.days or int(self.end <= self.start))


class Layer(Part):
    """One rotation. `turns`: who is on in each turn, in their order (people's ids, or `shift:NAME`; none = nobody); the
    first turn begins at `starts`, each lasts `turn` by the clock on the wall. The layer itself is on from `since`, if
    that is later, until before `until`. `windows`: hours when the layer is on at all; none =
    always. `level`: of the layers that are on, the highest counts; the same level adds up."""

    name: str = Field(default="", max_length=120)
    turns: list[list[str]] = Field(min_length=1, max_length=400)
    starts: NaiveDatetime
    since: NaiveDatetime | None = None
    until: NaiveDatetime | None = None
    turn: Annotated[str, AfterValidator(_turn)] = "7d"
    windows: list[Window] = []
    holidays: Literal["as_usual", "off", "only"] = "as_usual"
    level: int = Field(default=0, ge=0, le=99)
    timezone: ZoneName = ""


class Entry(Part):
    """People who are on for once, as a calendar says it. Counts as a layer of level 0."""

    begins: Moment
    ends: Moment
    people: list[str] = Field(min_length=1)

    @model_validator(mode="after")
    def _forward(self) -> "Entry":
        _check_order(self.begins, self.ends)
        return self


class Override(Part):
    """`people` are on instead of `instead_of`, while one of these would be on: `["*"]` = instead of everybody, whoever
    it is; empty = as well. Without `people` somebody is taken off only. The later entered wins."""

    id: Identifier
    begins: Moment
    ends: Moment
    people: list[str] = []
    instead_of: list[str] = [EVERYBODY]
    reason: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _forward(self) -> "Override":
        _check_order(self.begins, self.ends)
        if not self.people and not self.instead_of:
            raise ValueError("say who is on, or who is off")
        return self


class Schedule(Part):
    """Who is on call. `holidays` are days of its zone, for layers that heed them."""

    id: Identifier
    title: str = Field(min_length=1, max_length=120)
    timezone: ZoneName = ""
    layers: list[Layer] = Field(default=[], max_length=50)
    entries: list[Entry] = Field(default=[], max_length=5000)
    holidays: list[date] = []
    overrides: list[Override] = []

    def zone(self, layer: Layer | None = None) -> ZoneInfo:
        """The layer's zone, else the schedule's."""
        return ZoneInfo((layer.timezone if layer else "") or self.timezone or "UTC")

    def everybody(self) -> set[str]:
        """Who is named anywhere in it, crews among them."""
        named = {one for layer in self.layers for group in layer.turns for one in group}
        named |= {one for entry in self.entries for one in entry.people}
        return named | {one for override in self.overrides for one in override.people}


class Swap(Part):
    """`asker` wants `taker` to take over their time in a schedule; with `back_*` the asker takes the taker's time
    then. It holds once both, or a lead, agreed."""

    id: Identifier
    schedule: Identifier
    asker: str
    taker: str
    begins: Moment
    ends: Moment
    back_begins: Moment | None = None
    back_ends: Moment | None = None
    standing: Literal["asked", "agreed", "refused", "withdrawn"] = "asked"

    @model_validator(mode="after")
    def _two_people(self) -> "Swap":
        _check_order(self.begins, self.ends)
        if (self.back_begins is None) != (self.back_ends is None):
            raise ValueError("give both ends of the time in return, or none")
        if self.back_begins and self.back_ends:
            _check_order(self.back_begins, self.back_ends)
        if self.asker == self.taker:
            raise ValueError("a swap needs two people")
        return self

    def overrides(self) -> list[Override]:
        """What an agreed swap changes in its schedule."""
        if self.standing != "agreed":
            return []
        found = [_instead(self.id, self.begins, self.ends, self.taker, self.asker)]
        if self.back_begins and self.back_ends:
            found.append(_instead(f"{self.id}.back", self.back_begins, self.back_ends, self.asker, self.taker))
        return found


class Absence(Part):
    """A time in which somebody is not asked: holiday, illness, training. `ends` None = until further notice."""

    id: Identifier
    person: str
    begins: Moment
    ends: Moment | None = None
    kind: Literal["holiday", "sick", "training", "other"] = "other"

    @model_validator(mode="after")
    def _forward(self) -> "Absence":
        if self.ends is not None:
            _check_order(self.begins, self.ends)
        return self

    def covers(self, moment: datetime) -> bool:
        return self.begins <= moment and (self.ends is None or moment < self.ends)


def _instead(id_: str, begins: datetime, ends: datetime, who: str, instead_of: str) -> Override:
    return Override(id=id_, begins=begins, ends=ends, people=[who], instead_of=[instead_of], reason="swap")


def _check_order(begins: datetime, ends: datetime) -> None:
    if ends <= begins:
        raise ValueError("the end must be after the begin")


def unique(people: Iterable[str]) -> tuple[str, ...]:
    """In their order, each once."""
    return tuple(dict.fromkeys(people))
