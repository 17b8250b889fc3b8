"""Parents in a replay: what intake gave to a parent is given to it again, and comes back when the parent closes."""

from datetime import datetime, timedelta

import pytest

from authoring.replay import correlating, recorded
from authoring.replay.correlating import Simulate
from authoring.replay.model import Case
from authoring.simulator.opening import Opener
from domain.language.definition_text import load
from store.read import site as site_read
from tests.intake.conftest import hand
from tests.intake.hand import START, Hand
from tests.intake.opening import HELD, UNDER, breakdown, close, lined, stop, the
from tests.support.fixtures import database_url, postgres, published, published_template
from tests.support.plant import RUNNING

__all__ = ["database_url", "hand", "lined", "postgres", "published", "published_template"]


def lasting(minutes: float) -> Simulate:
    """Every exception lasts so long."""

    def simulate(signal: object, look: object, at: datetime, *_: object) -> Case:
        key, received = look.key, signal.received_at  # type: ignore[attr-defined]
        return Case(key, at, received, at + timedelta(minutes=minutes), "completed", ())

    return simulate


async def replayed(hand: Hand, text: str) -> list[tuple[str, float]]:
    """Key and minute of what this version of the breakdown would have opened."""
    async with hand.database.transaction() as session:
        found = await recorded.read(session, "breakdown", START - timedelta(hours=1), START + timedelta(days=1))
        site = await site_read.site(session)
    opener = Opener(load(text), site, {}, site.calendar)
    chains = correlating.look(opener, found).chains.values()
    cases = [case for chain in chains for case in correlating.tell(chain, lasting(5))]
    return sorted((case.key, (case.opened_at - START).total_seconds() / 60) for case in cases)


@pytest.mark.parametrize("stands", [True, False])
async def test_as_it_happened(lined: Hand, stands: bool) -> None:
    await stop(lined, "lathe-1", HELD)
    await stop(lined, "lathe-2")
    await stop(lined, "mill-1")
    lined.later(minutes=3)
    if not stands:
        await stop(lined, "lathe-2", RUNNING)
    lined.later(minutes=7)
    await close(lined, "line_stop")
    await lined.turn()
    rows = {row.key: (row.opened_at - START).total_seconds() / 60 for row in await lined.exceptions()}
    happened = sorted((key, at) for key, at in rows.items() if key != "turning")
    assert happened == ([("lathe-2", 10), ("mill-1", 0)] if stands else [("mill-1", 0)])
    assert await replayed(lined, breakdown(UNDER)) == happened


async def test_a_version_without_the_parent_opens_at_once(lined: Hand) -> None:
    await stop(lined, "lathe-1", HELD)
    lined.later(minutes=1)
    await stop(lined, "lathe-2")
    assert (await the(lined, "line_stop")).closed_at is None
    assert await replayed(lined, breakdown("  settle: 30s\n")) == [("lathe-2", 1.5)]
