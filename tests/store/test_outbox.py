"""Messages to people: each once at the vendor, whatever dies between."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from activities.sender import Sender
from domain.asking.messages import Message, MessageKind
from domain.errors import TransientError
from domain.rosters.people import ChannelName
from store.db import Database
from store.tables import OutboxRow
from store.write.messages import outbox
from tests.support.channels import FakeChannel

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
LEASE = timedelta(seconds=8)


def message(title: str = "Repair Lathe 1") -> dict[str, Any]:
    shown = Message(kind=MessageKind.NOTIFY, definition="breakdown", exception_id="exc_1", title=title)
    return shown.model_dump(mode="json")


def row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"msg_{number}", "person": "jonas", "channel": "slack", "address": f"U{number}", "purpose": "notify",
        "payload": message(), "state": "pending", "attempts": 0, "next_at": AT, "created_at": AT, "conversation": "",
        "edits": None, "task_id": "tsk_1", **more,
    }  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def slack() -> FakeChannel:
    return FakeChannel(ChannelName.SLACK)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def sender(database: Database, slack: FakeChannel, clock: Clock) -> Sender:
    return Sender(database, {ChannelName.SLACK: slack}, clock)


async def add(database: Database, *rows: dict[str, Any]) -> None:
    async with database.transaction() as session:
        await outbox.add(session, rows)


async def states(database: Database) -> dict[str, str]:
    async with database.transaction() as session:
        return {found.id: found.state for found in (await session.scalars(select(OutboxRow))).all()}


async def turn(one: Sender, clock: Clock, rounds: int = 8) -> None:
    """Long enough for leases and pauses to be over."""
    for _ in range(rounds):
        await one.step()
        clock.now += LEASE + timedelta(seconds=1)


async def test_two_senders_send_each_once(database: Database, slack: FakeChannel, clock: Clock) -> None:
    await add(database, *(row(number) for number in range(60)))
    senders = [sender(database, slack, clock) for _ in range(2)]
    for _ in range(4):
        await asyncio.gather(*(one.step() for one in senders))
    assert sorted(slack.addresses()) == sorted(f"U{number}" for number in range(60))
    assert set((await states(database)).values()) == {"sent"}


async def test_the_same_message_is_queued_once(database: Database, slack: FakeChannel, clock: Clock) -> None:
    await add(database, row(1))
    await turn(sender(database, slack, clock), clock, 1)
    await add(database, row(1))
    await turn(sender(database, slack, clock), clock)
    assert len(slack.sent) == 1


async def test_killed_after_the_vendor_took_it(database: Database, slack: FakeChannel, clock: Clock) -> None:
    await add(database, row(1))
    killed = sender(database, slack, clock)

    async def die(*_: Any, **__: Any) -> None:
        raise asyncio.CancelledError

    killed._finish = die  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await killed.step()
    assert (slack.addresses(), await states(database)) == (["U1"], {"msg_1": "sending"})
    other = sender(database, slack, clock)
    await other.step()
    assert slack.looked_up == []  # the lease still runs: the first one may be alive
    await turn(other, clock)
    assert (slack.addresses(), slack.looked_up) == (["U1"], ["msg_1"])
    assert await states(database) == {"msg_1": "sent"}


async def test_killed_before_the_vendor_had_it(database: Database, slack: FakeChannel, clock: Clock) -> None:
    await add(database, row(1))
    async with database.transaction() as session:
        await outbox.claim(session, clock(), LEASE, 10)
    await turn(sender(database, slack, clock), clock)
    assert (slack.addresses(), slack.looked_up) == (["U1"], ["msg_1"])


async def test_a_lost_answer_is_looked_up(database: Database, slack: FakeChannel, clock: Clock) -> None:
    slack.trouble.append("swallow_answer")
    await add(database, row(1))
    await turn(sender(database, slack, clock), clock)
    assert (slack.addresses(), slack.looked_up) == (["U1"], ["msg_1"])
    assert await states(database) == {"msg_1": "sent"}


async def test_a_vendor_that_is_away_gets_it_later(database: Database, slack: FakeChannel, clock: Clock) -> None:
    slack.trouble.extend(["away", "away"])
    await add(database, row(1))
    await turn(sender(database, slack, clock), clock)
    assert slack.addresses() == ["U1"]


async def test_a_channel_that_nobody_connected_fails_loudly(
    database: Database, slack: FakeChannel, clock: Clock
) -> None:
    await add(database, row(1, channel="sms"))
    await turn(sender(database, slack, clock), clock, 1)
    async with database.transaction() as session:
        found = await session.get_one(OutboxRow, "msg_1")
    assert (found.state, found.error) == ("failed", "no sms is connected")


async def test_withdrawn_prompts_are_not_sent(database: Database, slack: FakeChannel, clock: Clock) -> None:
    await add(database, row(1), row(2, task_id="tsk_2"))
    async with database.transaction() as session:
        await outbox.withdraw(session, "tsk_1")
    await turn(sender(database, slack, clock), clock)
    assert slack.addresses() == ["U2"]


async def test_what_is_withdrawn_while_it_is_tried_in_vain_waits_for_no_next_try(
    database: Database, slack: FakeChannel, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: Any) -> Any:
        async with database.transaction() as session:
            await outbox.withdraw(session, "tsk_1")
        raise TransientError("Slack is away")

    monkeypatch.setattr(slack, "send", away)
    await add(database, row(1))
    await sender(database, slack, clock).step()
    assert await states(database) == {"msg_1": "withdrawn"}


async def test_an_older_edit_never_overwrites_a_newer(database: Database, slack: FakeChannel, clock: Clock) -> None:
    await add(database, row(1))
    await turn(sender(database, slack, clock), clock, 1)
    later = [AT + timedelta(seconds=seconds) for seconds in (1, 2)]
    await add(
        database,
        row(2, edits="msg_1", payload=message("taken"), created_at=later[0]),
        row(3, edits="msg_1", payload=message("done"), created_at=later[1]),
    )
    await turn(sender(database, slack, clock), clock)
    (shown,) = slack.edits["v-msg_1"]
    assert "done" in str(shown)
    assert await states(database) == {"msg_1": "sent", "msg_2": "withdrawn", "msg_3": "sent"}


async def test_an_edit_waits_for_its_message(database: Database, slack: FakeChannel, clock: Clock) -> None:
    slack.trouble.append("away")
    await add(database, row(1), row(2, edits="msg_1", created_at=AT + timedelta(seconds=1)))
    await turn(sender(database, slack, clock), clock)
    assert (slack.addresses(), list(slack.edits)) == (["U1"], ["v-msg_1"])
