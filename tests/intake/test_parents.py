"""A parent that is open takes its children; what stands when it closes comes back; safety knows neither."""

from datetime import timedelta

from sqlalchemy import select
from sqlmodel import col

from store.tables import InboxRow
from tests.intake.hand import START, Hand
from tests.intake.opening import (
    ABORTING,
    HELD,
    LINE,
    UNDER,
    breakdown,
    close,
    lined,
    opened,
    publish_one,
    shelve,
    stop,
    the,
)
from tests.support.plant import ABORTED, RUNNING

__all__ = ["lined"]


async def test_an_open_parent_takes_the_children(lined: Hand) -> None:
    await stop(lined, "lathe-1", HELD)
    child, other = await stop(lined, "lathe-2"), await stop(lined, "mill-1")
    assert await opened(lined) == [("breakdown", "mill-1"), ("line_stop", "turning")]
    parent, alone = await the(lined, "line_stop"), await the(lined, "breakdown")
    assert [(await lined.row(event)).exception_id for event in (child, other)] == [parent.id, alone.id]
    assert lined.temporal.joined == [[(await lined.row(child)).seq]]


async def test_a_child_that_was_first_stays_its_own(lined: Hand) -> None:
    await stop(lined, "lathe-2")
    await stop(lined, "lathe-1", HELD)
    again = await stop(lined, "lathe-2", RUNNING)
    assert await opened(lined) == [("breakdown", "lathe-2"), ("line_stop", "turning")]
    own = await the(lined, "breakdown")
    assert (await lined.row(again)).exception_id == own.id


async def test_a_child_that_waits_is_taken_when_its_time_is_over(hand: Hand) -> None:
    """The machine tells a moment before the line does: an on-delay gives the parent time to open."""
    await publish_one(hand.database, breakdown(UNDER, "  settle: 30s\n"))
    await publish_one(hand.database, LINE)
    child = await stop(hand, "lathe-2")
    await stop(hand, "lathe-1", HELD)
    hand.later(seconds=30)
    await hand.turn()
    assert await opened(hand) == [("line_stop", "turning")]
    assert (await hand.row(child)).exception_id == (await hand.exceptions())[0].id


async def test_what_stands_when_the_parent_closes_opens_then(lined: Hand) -> None:
    await stop(lined, "lathe-1", HELD)
    for state in (ABORTING, ABORTED):
        child = await stop(lined, "lathe-2", state)
    lined.later(minutes=10)
    await close(lined, "line_stop")
    await lined.turn()
    parent, own = await the(lined, "line_stop"), await the(lined, "breakdown")
    assert (own.definition, own.key, own.opened_at) == ("breakdown", "lathe-2", lined.now)
    rows = await lined.rows(select(InboxRow).order_by(col(InboxRow.seq)))
    assert [row.exception_id for row in rows] == [parent.id, parent.id, own.id]  # the last word stands, not the first
    assert lined.temporal.started[own.id] == [(await lined.row(child)).seq]


async def test_what_is_over_when_the_parent_closes_opens_nothing(lined: Hand) -> None:
    await stop(lined, "lathe-1", HELD)
    child = await stop(lined, "lathe-2")
    await stop(lined, "lathe-2", RUNNING)
    await close(lined, "line_stop")
    await lined.turn()
    assert await opened(lined) == [("line_stop", "turning")]
    assert (await lined.row(child)).status == "delivered"


async def test_it_clears_in_the_moment_in_which_the_parent_closes(lined: Hand) -> None:
    """Its clear signal is committed but not looked at yet."""
    await stop(lined, "lathe-1", HELD)
    child = await stop(lined, "lathe-2")
    lined.later(seconds=10)
    await lined.state("lathe-2", RUNNING)
    lined.later(seconds=1)
    await close(lined, "line_stop")
    await lined.turn()
    assert await opened(lined) == [("line_stop", "turning")]
    assert ((await lined.row(child)).status, (await lined.row(child)).error) == (
        "ignored",
        "it cleared while it waited",
    )


async def test_the_line_hears_of_its_children_too(lined: Hand) -> None:
    """What is no child's own goes to the parent, that a machine runs again as well."""
    await stop(lined, "lathe-1", HELD)
    await stop(lined, "lathe-2")
    again = await stop(lined, "lathe-2", RUNNING)
    assert (await lined.row(again)).exception_id == (await the(lined, "line_stop")).id


async def test_children_hear_of_their_machine_before_the_line_does(hand: Hand) -> None:
    """Whatever the names: `a_line` would come first."""
    line = LINE.replace("definition: line_stop", "definition: a_line")
    await publish_one(hand.database, line)
    await publish_one(hand.database, breakdown(UNDER.replace("line_stop", "a_line")))
    await stop(hand, "lathe-2")
    await stop(hand, "lathe-1", HELD)
    again = await stop(hand, "lathe-2", RUNNING)
    assert (await hand.row(again)).exception_id == (await the(hand, "breakdown")).id


async def test_back_from_its_parent_it_has_its_on_delay_still(hand: Hand) -> None:
    await publish_one(hand.database, breakdown(UNDER, "  settle: 90s\n"))
    await publish_one(hand.database, LINE)
    await stop(hand, "lathe-1", HELD)
    child = await stop(hand, "lathe-2")
    hand.later(seconds=60)
    await close(hand, "line_stop")
    await hand.turn()
    assert (await hand.row(child)).due_at == START + timedelta(seconds=90)
    hand.later(seconds=30)
    await hand.turn()
    assert await opened(hand) == [("breakdown", "lathe-2"), ("line_stop", "turning")]


async def test_two_machines_under_one_key_come_back_each(hand: Hand) -> None:
    by_center = breakdown(UNDER, edit=lambda text: text.replace("[signal.equipment]", "[equipment.work_center]"))
    await publish_one(hand.database, by_center)
    await publish_one(hand.database, LINE)
    await stop(hand, "lathe-1", HELD)
    first, second = await stop(hand, "lathe-1"), await stop(hand, "lathe-2")
    await stop(hand, "lathe-2", RUNNING)
    await close(hand, "line_stop")
    await hand.turn()
    assert await opened(hand) == [("breakdown", "turning"), ("line_stop", "turning")]
    own = await the(hand, "breakdown")
    assert (await hand.row(first)).exception_id == own.id
    assert (await hand.row(second)).exception_id != own.id


async def test_safety_knows_no_parent_no_shelf_and_no_delay(hand: Hand) -> None:
    await publish_one(hand.database, LINE)
    await publish_one(hand.database, breakdown(UNDER, "  settle: 90s\n"))
    await shelve(hand, equipment="machining")
    await publish_one(hand.database, breakdown(UNDER, "  settle: 90s\n  safety: true\n"))
    await stop(hand, "lathe-1", HELD)
    await stop(hand, "lathe-2")
    assert await opened(hand) == [("breakdown", "lathe-2"), ("line_stop", "turning")]
