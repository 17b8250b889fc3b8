"""A press whose account Slack can't tell about is neither lost nor believed: it waits, and its presser is told."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from intake.gate import DoorAnswer, Gate
from intake.slack.door import SlackDoor
from intake.slack.pages import SlackPages
from intake.slack.vouching import PATIENCE, SlackVouching
from store.tables import OutboxRow
from templates import views
from tests.conformance.channel.recorder import Fault
from tests.connectors.slack.lab import TS, SlackLab, slack_lab
from tests.intake.hand import Hand
from tests.intake.slack_scene import JONAS, SHOWN, answers, keep_task, press


@pytest.fixture
async def lab(hand: Hand) -> AsyncIterator[SlackLab]:
    """Slack refuses to say who presses, once."""
    await keep_task(hand, SHOWN, "D01", "1764000000.1")
    hand.now = TS
    async with slack_lab() as lab:
        lab.recorder.takes = lambda call: call.path.endswith("users.info")
        lab.fail(Fault.REFUSED_RATE)
        yield lab


async def pressed(hand: Hand, lab: SlackLab) -> SlackVouching:
    door = SlackDoor(Gate(hand.database), lab.channel, SlackPages(hand.database, views))
    assert await door.handle(press()) == DoorAnswer(200)
    await door.showing.settle()
    await hand.turn()
    assert hand.temporal.answers == []
    (row,) = await answers(hand)
    assert row.status == "unvouched"
    return SlackVouching(hand.database, lab.channel, lambda: hand.now)


async def test_c8_it_counts_once_slack_can_say(hand: Hand, lab: SlackLab) -> None:
    vouching = await pressed(hand, lab)
    told = [call.data for call in lab.recorder.calls if call.path.endswith("chat.postEphemeral")]
    assert ["Slack can't say at the moment" in str(one["text"]) for one in told] == [True]
    assert await vouching.step() == 1
    await hand.turn()
    assert [(answer.person, answer.verb) for answer in hand.temporal.answers] == [("jonas", "accept")]
    assert await vouching.step() == 0


async def test_c8_an_account_without_power_is_turned_away_then(hand: Hand, lab: SlackLab) -> None:
    vouching = await pressed(hand, lab)
    lab.workspace.users[JONAS] = {"deleted": True}
    await vouching.step()
    await hand.turn()
    (row,) = await answers(hand)
    assert (row.status, row.outcome["code"], hand.temporal.answers) == ("answered", "unknown_person", [])


async def test_after_ten_minutes_its_presser_reads_that_it_is_not_recorded(hand: Hand, lab: SlackLab) -> None:
    vouching = await pressed(hand, lab)
    lab.fail(Fault.REFUSED_RATE)
    assert await vouching.step() == 0
    hand.now += PATIENCE + timedelta(seconds=1)
    lab.fail(Fault.REFUSED_RATE)
    assert await vouching.step() == 1
    await hand.turn()
    (row,) = await answers(hand)
    (reply,) = await hand.rows(select(OutboxRow).where(col(OutboxRow.purpose) == "reply"))
    assert (row.status, reply.person, reply.payload["reply_code"]) == ("answered", "jonas", "unavailable")
    assert hand.temporal.answers == []
