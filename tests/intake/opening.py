"""Definitions with parents and on-delays in force, and what a test of them does again and again."""

from collections.abc import Callable

import pytest

from admin import shelving
from admin.actors import Actor
from admin.definitions import publish
from admin.shelving import Target
from store.db import Database
from store.tables import ExceptionRow
from store.write import exceptions
from tests.intake.hand import START, Hand
from tests.support.plant import ABORTED, DEFINITIONS

ABORTING = 8
BREAKDOWN = (DEFINITIONS / "breakdown.yaml").read_text()
OPENS = "  one_per: [signal.equipment]\n"
SHELL = Actor("operator", signed_in=False)
LINE = """definition: line_stop
title: The line stands
owner: plant_manager
opens:
  on: [machine.state]
  when: signal.state == 'held'
  one_per: [equipment.work_center]
steps:
  - notify: stopped
    to: {role: planner}
    title: The line stands
    text: All of it.
"""
UNDER = "  under: [{definition: line_stop, key: equipment.work_center}]\n"
HELD = 11


async def publish_one(database: Database, text: str) -> None:
    await publish.publish_definition(database, text, "x.yaml", author="eng", signed_off_by="sofia", now=START)


def breakdown(*lines: str, edit: Callable[[str], str] = lambda text: text) -> str:
    """The shipped definition with more lines in `opens`."""
    found = edit(BREAKDOWN.replace(OPENS, OPENS + "".join(lines)))
    assert found != BREAKDOWN
    return found


@pytest.fixture
async def lined(hand: Hand) -> Hand:
    """A stop of a whole work center swallows the breakdowns of its machines."""
    await publish_one(hand.database, breakdown(UNDER))
    await publish_one(hand.database, LINE)
    return hand


async def opened(hand: Hand) -> list[tuple[str, str]]:
    return sorted((row.definition, row.key) for row in await hand.exceptions())


async def the(hand: Hand, definition: str) -> ExceptionRow:
    (row,) = [row for row in await hand.exceptions() if row.definition == definition]
    return row


async def close(hand: Hand, definition: str) -> None:
    """As the closing activity does."""
    (row,) = [one for one in await hand.exceptions() if one.definition == definition and one.closed_at is None]
    async with hand.database.transaction() as session:
        assert await exceptions.close(session, row.id, 10**9, hand.now)


async def stop(hand: Hand, unit: str, state: int = ABORTED) -> str:
    event = await hand.state(unit, state)
    await hand.turn()
    return event


async def shelve(hand: Hand, until: str = "1h", **target: str) -> int:
    row = await shelving.shelve(
        hand.database, Target("breakdown", **target), until, reason="known fault", by=SHELL, now=hand.now
    )
    return row.id or 0
