"""What holds up a signal: an on-delay in business time, a parent, a shelf; and what none of them may hold up."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from sqlalchemy import select
from sqlmodel import col

from admin import publish, shelving
from admin.actors import Actor
from admin.shelving import Target
from store.db import Database
from store.tables import AuditRow, ExceptionRow, InboxRow
from store.write import exceptions
from tests.intake.hand import START, Hand
from tests.support.plant import ABORTED, DEFINITIONS, RUNNING, SITE

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


# -- priority ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said, given, told",
    [
        ("critical", "critical", False),
        ("\"=signal.packml == 9 ? 'high' : 'low'\"", "high", False),
        ("\"=size(jobs) > 2 ? 'high' : 'low'\"", "medium", False),  # the context comes later
        ("\"=1 / (signal.packml - 9) > 0 ? 'high' : 'low'\"", "medium", False),
        ('"=params.urgency"', "medium", True),
    ],
)
async def test_a_priority_never_keeps_a_signal_out(hand: Hand, said: str, given: str, told: bool) -> None:
    text = BREAKDOWN.replace("priority: high", f"priority: {said}").replace(
        "parameters: {", "parameters: {urgency: red, "
    )
    await publish_one(hand.database, text)
    event = await stop(hand, "lathe-1")
    (row,) = await hand.exceptions()
    assert row.priority == given
    assert (await hand.row(event)).exception_id == row.id
    facts = await hand.rows(select(AuditRow).where(col(AuditRow.kind) == "opening.complaint"))
    assert [(fact.subject, "'red' is none of low" in fact.data["complaints"][0]) for fact in facts] == (
        [(row.id, True)] if told else []
    )


# -- on-delay ---------------------------------------------------------------------------------------------------------


def office(site: dict[str, object], zone: str = "Europe/Prague") -> dict[str, object]:
    hours = {"name": "office", "start": "08:00", "end": "16:00", "weekdays": [0, 1, 2, 3, 4]}
    return site | {"timezone": zone, "business_hours": [hours], "holidays": ["2026-11-23"]}


async def test_an_on_delay_in_business_hours(hand: Hand) -> None:
    """It is Sunday, Monday is a holiday: 4 hours of the office end on Tuesday at noon, in Brno."""
    await publish_one(hand.database, breakdown("  settle: 4h business\n"))
    await _publish_site(hand, office)
    event = await stop(hand, "lathe-1")
    assert (await hand.row(event)).due_at == datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
    hand.now = datetime(2026, 11, 24, 10, 59, tzinfo=UTC)
    await hand.turn()
    assert await opened(hand) == []
    hand.later(minutes=1)
    await hand.turn()
    assert await opened(hand) == [("breakdown", "lathe-1")]


async def test_business_hours_over_the_change_of_the_clocks(hand: Hand) -> None:
    """Friday 15:00 in Brno and two hours: one before the weekend in which the clocks go back, one after it."""
    await publish_one(hand.database, breakdown("  settle: 2h business\n"))
    await _publish_site(hand, office)
    hand.now = datetime(2026, 10, 23, 13, 0, tzinfo=UTC)
    event = await stop(hand, "lathe-1")
    assert (await hand.row(event)).due_at == datetime(2026, 10, 26, 8, 0, tzinfo=UTC)


async def _publish_site(hand: Hand, edit: Callable[..., dict[str, object]]) -> None:
    site = edit(yaml.safe_load((SITE / "site.yaml").read_text()))
    await publish.publish_site(hand.database, site, author="eng", now=START)


@pytest.mark.parametrize("state, seconds", [(ABORTING, 90), (ABORTED, 0)])
async def test_an_on_delay_by_expression(hand: Hand, state: int, seconds: int) -> None:
    await publish_one(hand.database, breakdown("  settle: \"=signal.state == 'aborting' ? '90s' : '0s'\"\n"))
    event = await stop(hand, "lathe-1", state)
    due = (await hand.row(event)).due_at
    assert due == (START + timedelta(seconds=seconds) if seconds else None)
    assert await opened(hand) == ([] if seconds else [("breakdown", "lathe-1")])


async def test_an_on_delay_that_cannot_be_told_delays_nothing(hand: Hand) -> None:
    text = breakdown('  settle: "=params.patience"\n').replace("parameters: {", "parameters: {patience: a while, ")
    await publish_one(hand.database, text)
    await stop(hand, "lathe-1")
    assert await opened(hand) == [("breakdown", "lathe-1")]
    (fact,) = await hand.rows(select(AuditRow).where(col(AuditRow.kind) == "opening.complaint"))
    assert fact.data["complaints"] == [
        "settle: 'a while' is no duration: write 90s, 5m, 1h30m or 2d: it opened without on-delay"
    ]


async def test_what_cleared_in_time_opens_nothing_after_a_pause_of_the_pump(slow_hand: Hand) -> None:
    event = await stop(slow_hand, "lathe-1")
    slow_hand.later(seconds=60)
    await slow_hand.state("lathe-1", RUNNING)  # received; the pump is away
    slow_hand.later(seconds=600)
    await slow_hand.turn()
    assert await opened(slow_hand) == []
    assert (await slow_hand.row(event)).status == "ignored"


async def test_what_cleared_too_late_has_opened(slow_hand: Hand) -> None:
    event = await stop(slow_hand, "lathe-1")
    slow_hand.later(seconds=100)
    clear = await slow_hand.state("lathe-1", RUNNING)
    await slow_hand.turn()
    (row,) = await slow_hand.exceptions()
    assert {(await slow_hand.row(one)).exception_id for one in (event, clear)} == {row.id}


# -- parents ----------------------------------------------------------------------------------------------------------


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


# -- shelves ----------------------------------------------------------------------------------------------------------


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
