"""Each crash point once, with kill -9: the exception completes, one decision, one posting, nobody messaged twice.

The same when Slack refuses for a while.
"""

import importlib
import itertools
from functools import reduce

import pytest

from tests.chaos.play import KINDS
from tests.chaos.points import JOURNEYS, Journey
from tests.chaos.seams import COMMITS, EVENTS, MOVES
from tests.chaos.site import Site
from tests.chaos.soundness import check
from tests.chaos.troubled import Troubled

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


def test_people_are_told_once_when_slack_is_itself_again(site: Site) -> None:
    """Nobody dies in it. It stands here because a file has one site, and its start costs as much as three journeys."""
    played = Troubled(site, "mill-2", Journey("slack is in trouble", "breakdown", ()))
    try:
        played.play()
        check(site, played)
        again = played.tried_again()
        assert {row["channel"] for row in again} == {"slack"}
        assert {row["state"] for row in again} == {"sent"}
        assert {bool(row["edits"]) for row in again} == {True, False}, "posts and edits were refused"
        assert not site.phones.get("/violations", params={"kind": "rate"}).json(), "it did not wait as it was told"
        left = site.phones.get("/orders").json()["faults"]
        assert left == [], "not every fault was met"
    finally:
        site.phones.delete("/orders").raise_for_status()
        played.clean_up()
