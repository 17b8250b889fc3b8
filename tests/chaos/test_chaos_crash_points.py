"""Each crash point once, with kill -9: the exception completes, one decision, one posting, nobody messaged twice."""

import importlib
import itertools
from functools import reduce

import pytest

from tests.chaos.play import KINDS
from tests.chaos.points import JOURNEYS, Journey
from tests.chaos.seams import COMMITS, EVENTS, MOVES
from tests.chaos.site import Site
from tests.chaos.soundness import check

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
_MACHINES, _LOTS = itertools.cycle(["lathe-2", "mill-2"]), itertools.cycle(["L-BAR-502"])
_SALES = itertools.cycle([""])  # numbered by the ERP when it is entered


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.name)
def test_an_exception_lives_through_crashes(site: Site, journey: Journey) -> None:
    things = {"hold": _LOTS, "rush": _SALES}.get(journey.kind, _MACHINES)
    played = KINDS[journey.kind](site, next(things), journey)
    for point in journey.points:
        site.forget(point.seam)
    try:
        played.play()
        check(site, played)
        assert [point.seam for point in journey.points if not site.fired(point.seam)] == []
    finally:
        print(f"{journey.name}: {played.seconds}; nothing came to: {site.armed()}")
        site.disarm()
        played.clean_up()


def test_every_commit_seam_is_where_it_is_said_to_be() -> None:
    for opened_by in (*COMMITS, MOVES):
        room, module, *names = opened_by.split(".")
        assert callable(reduce(getattr, names, importlib.import_module(f"{room}.{module}"))), opened_by


def test_every_commit_seam_is_a_crash_point_before_and_after() -> None:
    met = {point.seam.split(".", 1)[1] for journey in JOURNEYS for point in journey.points if not point.kill}
    seams = (*COMMITS.values(), *(f"{event}.commit" for event in EVENTS))
    assert {f"{seam}.{when}" for seam in seams for when in ("before", "after")} <= met
