"""A home tab that was opened once shows a task's change from elsewhere, at Slack's pace, and nobody else's does."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from domain.errors import RateLimitedError
from intake.gate import Gate
from intake.slack.door import SlackDoor
from intake.slack.homes import REST, SlackHomes
from intake.slack.pages import SlackPages
from store.tables import ContactRow, SlackHomeRow, TaskRow
from templates import views
from tests.conformance.channel.recorder import Fault
from tests.connectors.slack.lab import SlackLab, slack_lab
from tests.intake.hand import Hand
from tests.intake.slack_scene import JONAS, SHOWN, event, keep_task


@pytest.fixture
async def lab(hand: Hand) -> AsyncIterator[SlackLab]:
    await keep_task(hand, SHOWN, "D01", "1764000000.1")
    async with slack_lab() as lab:
        yield lab


def fresh(hand: Hand, lab: SlackLab) -> SlackHomes:
    return SlackHomes(hand.database, lab.channel, SlackPages(hand.database, views), lambda: hand.now, apart_s=0)


async def opened(hand: Hand, lab: SlackLab) -> SlackHomes:
    door = SlackDoor(Gate(hand.database), lab.channel, SlackPages(hand.database, views))
    await door.handle(event(type="app_home_opened", tab="home"))
    await door.showing.settle()
    return fresh(hand, lab)


async def taken(hand: Hand, **values: Any) -> None:
    async with hand.database.transaction() as session:
        await session.execute(update(TaskRow).values(**values))


async def test_what_changes_elsewhere_is_drawn_anew_once(hand: Hand, lab: SlackLab) -> None:
    homes = await opened(hand, lab)
    hand.later(hours=3)
    assert (await homes.step(), len(lab.workspace.views)) == (0, 1), "it shows what stands"
    await taken(hand, person="amira", standing="taken")
    assert await homes.step() == 1
    shown = lab.workspace.views[-1]
    assert (shown["how"], shown["user_id"]) == ("publish", JONAS)
    assert "Amira Haddad" in str(shown["view"])
    assert await homes.step() == 0


async def test_a_tab_rests_between_two_drawings(hand: Hand, lab: SlackLab) -> None:
    homes = await opened(hand, lab)
    hand.later(hours=3)
    await taken(hand, version=3)
    await homes.step()
    await taken(hand, version=4)
    assert await homes.step() == 0
    hand.now += REST
    assert await homes.step() == 1


async def test_whoever_never_opened_it_is_not_sent_one(hand: Hand, lab: SlackLab) -> None:
    await taken(hand, version=3)
    assert (await fresh(hand, lab).step(), lab.workspace.views) == (0, [])


async def test_c33_a_vendor_that_asks_to_wait_is_left_alone_and_nothing_is_forgotten(hand: Hand, lab: SlackLab) -> None:
    homes = await opened(hand, lab)
    hand.later(hours=3)
    await taken(hand, version=3)
    lab.recorder.takes = lambda call: call.path.endswith("views.publish")
    lab.fail(Fault.REFUSED_RATE)
    with pytest.raises(RateLimitedError):
        await homes.step()
    assert await homes.step() == 1


async def test_an_account_that_is_nobodys_any_more_is_left_alone(hand: Hand, lab: SlackLab) -> None:
    homes = await opened(hand, lab)
    hand.later(hours=3)
    async with hand.database.transaction() as session:
        await session.execute(update(ContactRow).where(col(ContactRow.address) == JONAS).values(address="U0OTHER01"))
        await session.execute(update(TaskRow).values(version=3))
    await homes.step()
    assert (len(lab.workspace.views), await hand.rows(select(SlackHomeRow))) == (1, [])
