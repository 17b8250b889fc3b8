"""One slow vendor call holds up nobody else, and nobody reads the newer message before the older."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from activities import sender as module
from activities.sender import Sender
from connectors.roles import ChannelMessage, SentMessage
from domain.asking.messages import Message, MessageKind
from domain.rosters.people import ChannelName
from store.db import Database
from store.tables import OutboxRow
from store.write.messages import outbox
from tests.support.channels import FakeChannel
from tests.support.eventually import eventually

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


class Stuck(FakeChannel):
    """Calls for the address `UX` hang until `go` is set; `begun` says whom it was called for."""

    def __init__(self) -> None:
        super().__init__(ChannelName.SLACK)
        self.go, self.begun = asyncio.Event(), list[str]()

    async def send(self, message: ChannelMessage) -> SentMessage:
        self.begun.append(message.address)
        if message.address == "UX":
            await self.go.wait()
        return await super().send(message)


class Clock:
    now = AT

    def __call__(self) -> datetime:
        return self.now


def row(key: str, address: str, second: int = 0, **more: Any) -> dict[str, Any]:
    shown = Message(kind=MessageKind.NOTIFY, definition="breakdown", exception_id="exc_1", title=f"Look at {key}")
    return {
        "id": key, "person": "jonas", "channel": "slack", "address": address, "purpose": "task", "edits": None,
        "payload": shown.model_dump(mode="json"), "state": "pending", "attempts": 0, "next_at": AT,
        "created_at": AT + timedelta(seconds=second), "conversation": "", "task_id": "tsk_1", **more,
    }  # fmt: skip


async def add(database: Database, *rows: dict[str, Any]) -> None:
    async with database.transaction() as session:
        await outbox.add(session, rows)


async def found(database: Database) -> dict[str, OutboxRow]:
    async with database.transaction() as session:
        return {one.id: one for one in (await session.scalars(select(OutboxRow))).all()}


@asynccontextmanager
async def running(sender: Sender) -> AsyncIterator[Sender]:
    task = asyncio.create_task(sender.run())
    try:
        yield sender
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def reached(slack: FakeChannel, count: int) -> list[str]:
    async def sent() -> bool:
        return len(slack.sent) >= count

    await eventually(sent, f"{count} messages were sent")
    return slack.addresses()


async def test_a_slow_send_holds_up_its_own_conversation_only(published: Database) -> None:
    """Even with more behind it, for the same person, than are sent at a time."""
    slack = Stuck()
    await add(published, *(row(f"x{n:02}", "UX", n) for n in range(20)))
    async with running(Sender(published, {ChannelName.SLACK: slack}, lambda: AT)) as sender:
        await eventually(lambda: _is(slack.begun == ["UX"]), "the first call hangs")
        await add(published, *(row(f"m{n:02}", f"U{n}", 30 + n) for n in range(40)))
        sender.wake()
        assert sorted(await reached(slack, 40)) == sorted(f"U{n}" for n in range(40))
        assert slack.begun.count("UX") == 1
        slack.go.set()
        await reached(slack, 60)
    order = [message.key for message in slack.sent if message.address == "UX"]
    assert order == [f"x{n:02}" for n in range(20)]
    assert slack.looked_up == []


async def _is(value: bool) -> bool:
    return value


async def test_a_send_that_outlasts_its_lease_is_not_taken_over(published: Database) -> None:
    slack, clock = Stuck(), Clock()
    await add(published, row("x1", "UX"), row("x2", "UX", 1))
    other = Sender(published, {ChannelName.SLACK: slack}, clock)
    async with running(Sender(published, {ChannelName.SLACK: slack}, clock)) as sender:
        await eventually(lambda: _is(slack.begun == ["UX"]), "the call hangs")
        for _ in range(8):
            clock.now += module._LEASE / 2

            async def renewed() -> bool:
                sender.wake()
                return (await found(published))["x1"].claimed_at == clock.now

            await eventually(renewed, "the lease runs anew")
            assert await other.step() == 0
        slack.go.set()
        assert await reached(slack, 2) == ["UX", "UX"]
    assert [message.key for message in slack.sent] == ["x1", "x2"]


async def test_one_that_died_in_a_slow_send_is_looked_up_once(published: Database) -> None:
    slack, clock = Stuck(), Clock()
    await add(published, row("x1", "UX"), row("u1", "U1", 1))

    async def one_is_done() -> bool:
        return (await found(published))["u1"].state == "sent"

    async with running(Sender(published, {ChannelName.SLACK: slack}, clock)):
        await eventually(one_is_done, "the other conversation goes on")
    slack.go.set()
    other = Sender(published, {ChannelName.SLACK: slack}, clock)
    assert await other.step() == 0
    clock.now += module._LEASE + timedelta(seconds=1)
    assert await other.step() == 1
    assert (slack.addresses(), slack.looked_up) == (["U1", "UX"], ["x1"])


@pytest.mark.parametrize("trouble", ["away", "swallow_answer"])
async def test_a_message_that_waits_for_its_next_try_lets_later_ones_pass(published: Database, trouble: Any) -> None:
    slack = FakeChannel(ChannelName.SLACK)
    slack.trouble.append(trouble)
    await add(published, row("x1", "U1"), row("x2", "U1", 1))
    sender = Sender(published, {ChannelName.SLACK: slack}, lambda: AT)
    assert [await sender.step() for _ in range(3)] == [1, 1, 0]
    states = {key: one.state for key, one in (await found(published)).items()}
    assert states == {"x1": "pending" if trouble == "away" else "sending", "x2": "sent"}


async def test_what_slack_took_counts_as_delivered(published: Database) -> None:
    slack, sms = FakeChannel(ChannelName.SLACK), FakeChannel(ChannelName.SMS, can_edit=False)
    await add(published, row("x1", "U1"), row("x2", "+420601000002", channel="sms"))
    await Sender(published, {ChannelName.SLACK: slack, ChannelName.SMS: sms}, lambda: AT).step()
    await add(published, row("x3", "U1", 1, edits="x1"))
    await Sender(published, {ChannelName.SLACK: slack, ChannelName.SMS: sms}, lambda: AT).step()
    assert {key: one.delivered_at for key, one in (await found(published)).items()} == {
        "x1": AT,
        "x2": None,
        "x3": None,
    }


async def test_the_faster_of_two_senders_has_the_last_word(published: Database) -> None:
    """A sender that slept too long comes back with an error, when its message is long sent."""
    slack = FakeChannel(ChannelName.SLACK)
    await add(published, row("x1", "U1"))
    late = Sender(published, {ChannelName.SLACK: slack}, lambda: AT)
    (claimed,) = await late._claim()
    async with published.transaction() as session:
        await session.execute(update(OutboxRow).where(col(OutboxRow.id) == "x1").values(state="sent", vendor_id="v"))
    slack.away = True
    await late._deliver(claimed)
    one = (await found(published))["x1"]
    assert (one.state, one.vendor_id, one.error) == ("sent", "v", None)
