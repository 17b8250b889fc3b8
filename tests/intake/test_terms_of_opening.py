"""Priority and on-delay as authors say them: none keeps a signal out that can't be worked out."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from sqlalchemy import select
from sqlmodel import col

from admin.definitions import publish
from store.tables import AuditRow
from tests.intake.hand import START, Hand
from tests.intake.opening import (
    ABORTING,
    BREAKDOWN,
    breakdown,
    lined,
    opened,
    publish_one,
    stop,
)
from tests.support.plant import ABORTED, RUNNING, SITE

__all__ = ["lined"]


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
