"""Who is on, at any hour of the year, and who fits."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from domain.rosters.people import Person, Roster, Selector, Shift, select

PRAGUE = ZoneInfo("Europe/Prague")
NIGHT = Shift(name="night", start=time(22), end=time(6), weekdays=[0, 1, 2, 3, 4])  # begins Monday to Friday
DAY = Shift(name="day", start=time(6), end=time(14), weekdays=[0, 1, 2, 3, 4])
ALWAYS = Shift(name="always", start=time(0), end=time(0))


@pytest.mark.parametrize(
    "shift, local, on",
    [
        (DAY, "2026-11-20T05:59:59", False),
        (DAY, "2026-11-20T06:00:00", True),
        (DAY, "2026-11-20T14:00:00", False),
        (DAY, "2026-11-21T08:00:00", False),  # Saturday
        (NIGHT, "2026-11-20T22:00:00", True),
        (NIGHT, "2026-11-21T05:59:59", True),  # Friday's night on Saturday morning
        (NIGHT, "2026-11-21T06:00:00", False),
        (NIGHT, "2026-11-21T22:30:00", False),  # no night begins on Saturday
        (NIGHT, "2026-11-23T03:00:00", False),  # nor was there one on Sunday
        (ALWAYS, "2026-11-22T00:00:00", True),
        (NIGHT, "2026-03-28T01:59:59", True),
        # The clocks go forward on Sunday 29 March at 02:00 and back on Sunday 25 October at 03:00.
        (Shift(name="n", start=time(22), end=time(6)), "2026-03-29T01:59:59", True),
        (Shift(name="n", start=time(22), end=time(6)), "2026-03-29T03:00:00", True),
        (Shift(name="n", start=time(22), end=time(6)), "2026-03-29T06:00:00", False),
        (Shift(name="n", start=time(22), end=time(2)), "2026-03-29T03:00:00", False),
    ],
)
def test_covers(shift: Shift, local: str, on: bool) -> None:
    moment = datetime.fromisoformat(local).replace(tzinfo=PRAGUE)
    assert shift.covers(moment.astimezone(UTC), PRAGUE) is on


def test_a_night_in_october_is_nine_hours_long_and_one_in_march_seven() -> None:
    shift = Shift(name="n", start=time(22), end=time(6))

    def minutes(first: datetime, count: int) -> int:
        moments = (datetime.fromtimestamp(first.timestamp() + 60 * m, UTC) for m in range(count))
        return sum(shift.covers(moment, PRAGUE) for moment in moments)

    assert minutes(datetime(2026, 10, 24, 12, tzinfo=UTC), 24 * 60) == 9 * 60
    assert minutes(datetime(2026, 3, 28, 12, tzinfo=UTC), 24 * 60) == 7 * 60


def person(name: str, **more: object) -> Person:
    return Person.model_validate({"id": name, "name": name, "roles": ["technician"], **more})


@pytest.mark.parametrize(
    "selector, found",
    [
        (Selector(role="technician"), ["all", "mill", "turn"]),
        (Selector(role="technician", skill="turning"), ["all", "turn"]),  # no skills written = all of them
        (Selector(role="technician", skill="turning", area="hall2"), ["all"]),
        (Selector(authority="report"), ["turn"]),
        (Selector(person="mill"), ["mill"]),
        (Selector(role="planner"), []),
        (Selector(person="gone"), []),
        (Selector(person="late"), []),
    ],
)
def test_select(selector: Selector, found: list[str]) -> None:
    roster = Roster(
        shifts=[DAY, NIGHT],
        people=[
            person("turn", skills=["turning"], areas=["hall1"], authorities=["report"]),
            person("mill", skills=["milling"], shifts=["day", "night"]),
            person("all"),
            person("gone", active=False),
            person("late", shifts=["night"]),
        ],
    )
    noon = datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert [chosen.id for chosen in select(roster, selector, noon, PRAGUE)] == found
