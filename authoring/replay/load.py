"""How many messages a person gets, against the alarm budget of EEMUA 191 and ANSI/ISA-18.2.

Both count annunciated alarms of one operating position: about 6 an hour on average are very likely acceptable, more
than 10 within 10 minutes are a flood that nobody can follow. Here a message is counted as an alarm.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from authoring.replay.model import Case

AN_HOUR, IN_TEN_MINUTES = 6, 10
_FLOOD_ENDS = 5
HOUR, TEN_MINUTES = timedelta(hours=1), timedelta(minutes=10)


@dataclass(frozen=True)
class Load:
    """Of one person. `hours`: clock hours (UTC) in which at least one message came. `average`: messages in such an
    hour. `hour`, `ten_minutes`: the most within any 60 and 10 minutes. `hours_over`: clock hours with more than 6.
    `floods`: how often one began."""

    pages: int
    hours: int
    average: float
    hour: int
    ten_minutes: int
    hours_over: int
    floods: int

    @property
    def over(self) -> bool:
        return self.average > AN_HOUR or self.ten_minutes > IN_TEN_MINUTES


def loads(cases: Iterable[Case]) -> dict[str, Load]:
    """By person id."""
    times: Mapping[str, list[datetime]] = defaultdict(list)
    for case in cases:
        for page in case.pages:
            times[page.person].append(page.at)
    return {person: _load(sorted(at)) for person, at in times.items()}


def _load(times: Sequence[datetime]) -> Load:
    by_hour: dict[datetime, int] = defaultdict(int)
    for at in times:
        by_hour[at.replace(minute=0, second=0, microsecond=0)] += 1
    return Load(
        pages=len(times),
        hours=len(by_hour),
        average=len(times) / len(by_hour),
        hour=most_within(times, HOUR),
        ten_minutes=most_within(times, TEN_MINUTES),
        hours_over=sum(1 for many in by_hour.values() if many > AN_HOUR),
        floods=_floods(times),
    )


def most_within(times: Sequence[datetime], span: timedelta) -> int:
    """The most of these (ascending) within any such span."""
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= span:
            first += 1
        most = max(most, last - first + 1)
    return most


def _floods(times: Sequence[datetime]) -> int:
    """How often a flood began: more than 10 within 10 minutes; it ends with fewer than 5 (ISA-18.2)."""
    count = first = 0
    flooded = False
    for last, at in enumerate(times):
        while at - times[first] >= TEN_MINUTES:
            first += 1
            flooded = flooded and last - first >= _FLOOD_ENDS
        begins = not flooded and last - first + 1 > IN_TEN_MINUTES
        count += begins
        flooded = flooded or begins
    return count
