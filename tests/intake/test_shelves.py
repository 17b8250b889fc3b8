"""What is shelved waits; what still stands at the end opens, what cleared does not, what runs goes on."""

from datetime import timedelta

import pytest

from admin import shelving
from tests.intake.hand import START, Hand
from tests.intake.opening import HELD, LINE, SHELL, close, lined, opened, publish_one, shelve, stop
from tests.support.plant import RUNNING

__all__ = ["lined"]


@pytest.mark.parametrize("target", [{"key": "lathe-1"}, {"equipment": "turning"}, {"equipment": "machining"}])
async def test_what_still_stands_opens_when_the_shelf_ends(hand: Hand, target: dict[str, str]) -> None:
    await shelve(hand, **target)
    event = await stop(hand, "lathe-1")
    row = await hand.row(event)
    assert (row.status, row.error) == ("settling", "shelved until 22 Nov 10:00")
    hand.later(minutes=59, seconds=59)
    await hand.turn()
    assert await opened(hand) == []
    hand.later(seconds=1)
    await hand.turn()
    assert await opened(hand) == [("breakdown", "lathe-1")]
    assert (await hand.row(event)).error is None


@pytest.mark.parametrize("target", [{"key": "lathe-2"}, {"equipment": "finishing"}, {"equipment": "lathe-2"}])
async def test_other_things_are_heard(hand: Hand, target: dict[str, str]) -> None:
    await shelve(hand, **target)
    await stop(hand, "lathe-1")
    assert await opened(hand) == [("breakdown", "lathe-1")]


async def test_what_cleared_under_the_shelf_opens_nothing(hand: Hand) -> None:
    await shelve(hand, key="lathe-1")
    event = await stop(hand, "lathe-1")
    await stop(hand, "lathe-1", RUNNING)
    hand.later(hours=1)
    await hand.turn()
    assert await opened(hand) == []
    assert (await hand.row(event)).status == "ignored"


async def test_unshelved_it_opens_at_once(hand: Hand) -> None:
    shelf = await shelve(hand, key="lathe-1")
    await stop(hand, "lathe-1")
    hand.later(minutes=5)
    await shelving.unshelve(hand.database, shelf, by=SHELL, now=hand.now)
    await hand.turn()
    assert await opened(hand) == [("breakdown", "lathe-1")]


async def test_two_shelves_hold_until_the_later_ends(hand: Hand) -> None:
    await shelve(hand, "1h", key="lathe-1")
    longer = await shelve(hand, "2h", equipment="turning")
    event = await stop(hand, "lathe-1")
    assert (await hand.row(event)).due_at == START + timedelta(hours=2)
    await shelving.unshelve(hand.database, longer, by=SHELL, now=hand.now)
    await hand.turn()
    assert await opened(hand) == []
    assert (await hand.row(event)).due_at == START + timedelta(hours=1)


async def test_a_shelf_begun_while_it_waits_holds_it_too(slow_hand: Hand) -> None:
    event = await stop(slow_hand, "lathe-1")
    slow_hand.later(seconds=60)
    shelf = await shelve(slow_hand, key="lathe-1")
    slow_hand.later(seconds=60)
    await slow_hand.turn()
    assert await opened(slow_hand) == []
    await shelving.unshelve(slow_hand.database, shelf, by=SHELL, now=slow_hand.now)
    await slow_hand.turn()
    assert (await slow_hand.row(event)).status == "delivered"  # its on-delay was over long before


async def test_unshelving_cuts_no_on_delay_short(slow_hand: Hand) -> None:
    shelf = await shelve(slow_hand, key="lathe-1")
    event = await stop(slow_hand, "lathe-1")
    await shelving.unshelve(slow_hand.database, shelf, by=SHELL, now=slow_hand.now)
    await slow_hand.turn()
    row = await slow_hand.row(event)
    assert (row.status, row.due_at, row.error) == ("settling", START + timedelta(seconds=90), None)


async def test_what_runs_goes_on(hand: Hand) -> None:
    await stop(hand, "lathe-1")
    await shelve(hand, key="lathe-1")
    joins = await stop(hand, "lathe-1", RUNNING)
    (row,) = await hand.exceptions()
    assert (await hand.row(joins)).exception_id == row.id


async def test_back_from_its_parent_a_shelf_holds_it(lined: Hand) -> None:
    await stop(lined, "lathe-1", HELD)
    child = await stop(lined, "lathe-2")
    await shelve(lined, key="lathe-2")
    await close(lined, "line_stop")
    await lined.turn()
    assert (await lined.row(child)).status == "settling"
    lined.later(hours=1)
    await lined.turn()
    assert ("breakdown", "lathe-2") in await opened(lined)


async def test_it_clears_although_it_joins_another_exception(hand: Hand) -> None:
    """What waits under a shelf ends also when the signal that says so belongs to somebody else's exception."""
    other = LINE.replace("definition: line_stop", "definition: a_watch").replace(
        "equipment.work_center", "equipment.id"
    )
    await publish_one(hand.database, other)
    await stop(hand, "lathe-1", HELD)
    await shelve(hand, key="lathe-2")
    waits = await stop(hand, "lathe-2")
    await stop(hand, "lathe-2", HELD)  # opens the other one, and is no breakdown any more
    hand.later(hours=1)
    await hand.turn()
    assert (await hand.row(waits)).status == "ignored"
    assert ("breakdown", "lathe-2") not in await opened(hand)
