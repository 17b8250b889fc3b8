"""The only sender of messages: claims outbox rows under lock, renders, sends, and keeps what the vendor answered.

One message of a conversation at a time, oldest first; conversations side by side, urgent ones first. A row found in
`sending` was left by a sender that vanished, or by an answer that never came: the vendor is asked for it by its key
before it is sent again; a vendor that can't be asked (e-mail) gets it again under the same key. What can't arrive goes
to the same person's next contact (`store.write.messages.reach`), whose channels' health is `activities.outage`'s.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from activities import bundling
from activities.outage import Outages
from connectors.roles import Channel, ChannelMessage, SentMessage
from domain.asking.messages import Message
from domain.errors import MosError, OutcomeUnknownError, RateLimitedError, TransientError
from domain.rosters.contacts import is_urgent
from domain.rosters.people import ChannelName
from domain.values import Json
from store.db import Database
from store.read.health import UNAVAILABLE
from store.read.messages import prompts
from store.read.messages.reach import ENDED
from store.tables import OutboxRow
from store.write.messages import outbox, reach
from templates.render import render

log = logging.getLogger("mos.sender")
_LEASE = timedelta(seconds=8)
_IDLE_S = 1.0
_IN_FLIGHT = 16
_PAUSES = (0.5, 1, 2, 5, 10, 30, 60)
_GIVE_UP = 40
_Answer = TypeVar("_Answer")
_NO_RECEIPTS = (ChannelName.SLACK.value, ChannelName.EMAIL.value)  # taken is the last that is heard of a message


@dataclass(frozen=True)
class _Again:
    """Not sent, or unsure: try after this many seconds; unsure rows stay `sending`, so that they are looked up."""

    seconds: float
    error: str
    unsure: bool = False


class _OvertakenError(MosError):
    """This edit must not be sent any more: it would put an older state on the phone."""

    code = "mos.overtaken"


class _NotYetError(MosError):
    """The message that this edit replaces has not been sent, or is not known to be."""


class _NotNeededError(MosError):
    """It had not arrived, and needs not be sent any more; `code` is its state."""


class Sender:
    """Runs beside the worker. Several may run: rows are claimed with SKIP LOCKED."""

    def __init__(
        self, database: Database, channels: Mapping[ChannelName, Channel], now: Callable[[], datetime]
    ) -> None:
        self._database, self._channels, self._now = database, channels, now
        self._outages = Outages(database, channels, now)
        self._woken = asyncio.Event()
        self._in_flight: dict[str, datetime] = {}  # outbox id -> when its lease began
        self._more_is_due = False

    def wake(self) -> None:
        """There may be something in the outbox."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled. A database that is away is waited for; a slow send holds up its own conversation only."""
        async with asyncio.TaskGroup() as sending:
            sending.create_task(self._probing())
            while True:
                try:
                    await self._outages.divert()
                    for row in await self._claim():
                        sending.create_task(self._deliver(row))
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_IDLE_S):  # not wait_for: 3.11's may lose a cancellation
                            await self._woken.wait()
                    self._woken.clear()
                except UNAVAILABLE as error:
                    log.warning("the outbox waits: %s", str(error).split("\n")[0])
                    await asyncio.sleep(_IDLE_S)

    async def _probing(self) -> None:
        """Apart from the sending: a vendor that does not answer takes its time to say so."""
        while True:
            with contextlib.suppress(*UNAVAILABLE):
                await self._outages.probe()
            await asyncio.sleep(_IDLE_S)

    async def step(self) -> int:
        """Claim what is due now and send it; gives how many rows were tried."""
        await self._outages.probe()
        await self._outages.divert()
        rows = await self._claim()
        await asyncio.gather(*(self._deliver(row) for row in rows))
        return len(rows)

    async def _claim(self) -> list[OutboxRow]:
        """Take what is due, as far as there is room; keep the leases of what is still being sent."""
        now, room, before = self._now(), _IN_FLIGHT - len(self._in_flight), list(self._in_flight)
        ageing = [key for key, since in self._in_flight.items() if now - since > _LEASE / 4]
        if not room and not ageing:
            self._more_is_due = True  # perhaps: we were woken
            return []
        async with self._database.transaction() as session:
            if ageing:
                await outbox.renew(session, ageing, now)
            await self._outages.look(session)
            room, shut = self._outages.room(room), self._outages.shut()
            rows, self._more_is_due = await outbox.claim(session, now, _LEASE, room, shut)
            await self._bundle(session, rows, now)
        if self._more_is_due and any(key not in self._in_flight for key in before):
            self.wake()  # done while we looked: what had to wait for it may go
        still = [key for key in ageing if key in self._in_flight]
        self._in_flight |= dict.fromkeys((*still, *(row.id for row in rows)), now)
        return rows

    async def _bundle(self, session: AsyncSession, rows: list[OutboxRow], now: datetime) -> None:
        """What waits behind a message that is not urgent goes with it, as far as it may."""
        heads = [row for row in rows if bundling.may_have_company(row)]
        waiting = await outbox.behind(session, heads, now) if heads else []
        for head in heads:
            there = [row for row in waiting if (row.channel, row.address) == (head.channel, head.address)]
            company = bundling.company(head, there, _payload) if there else []
            if company:
                await outbox.bind(session, head, company, now)

    async def _deliver(self, row: OutboxRow) -> None:
        try:
            await self._one(row)
        except UNAVAILABLE as error:
            log.warning("%s is looked up later, its record waits: %s", row.id, str(error).split("\n")[0])
        finally:
            del self._in_flight[row.id]
            if self._more_is_due:
                self.wake()

    async def _one(self, row: OutboxRow) -> None:
        try:
            message = await self._message(row)
            sent = await self._send(row, message)
        except _OvertakenError as error:
            await self._finish(row, state="withdrawn", error=error.message)
        except _NotNeededError as error:
            await self._finish(row, state=error.code, error=error.message, ended_at=self._now())
        except _NotYetError as error:
            await self._again(row, _Again(_pause(row.attempts), error.message))
        except TransientError as error:
            pause = error.retry_after if isinstance(error, RateLimitedError) else _pause(row.attempts)
            await self._again(row, _Again(pause, error.message))
        except OutcomeUnknownError as error:
            await self._again(row, _Again(_pause(row.attempts), error.message, unsure=True))
        except MosError as error:
            await self._failed(row, f"{error.message} {error.detail}".strip(), error.code)
        else:
            await self._sent(row, message, sent)

    async def _sent(self, row: OutboxRow, message: ChannelMessage, sent: SentMessage) -> None:
        now = self._now()
        accepted: dict[str, Json] = {
            "vendor_id": sent.vendor_id,
            "conversation": sent.conversation,
            "rendered": dict(message.payload),
        }
        if row.channel in _NO_RECEIPTS and not row.edits:
            accepted["delivered_at"] = now
        await self._finish(row, state="sent", sent_at=now, error=None, **accepted)

    async def _message(self, row: OutboxRow) -> ChannelMessage:
        """What the channel is given: the row's own text, or one of all that goes with it."""
        parts = [_payload(row)]
        if row.bundle:
            async with self._database.transaction() as session:
                parts += [_payload(other) for other in await outbox.carried(session, row)]
        payload = bundling.merged(parts, row) or parts[0]
        return ChannelMessage(key=row.id, address=row.address, payload={**payload, **await self._thread(row)})

    async def _thread(self, row: OutboxRow) -> dict[str, Json]:
        """On Slack, what follows a task's message goes into that message's thread."""
        if row.channel != ChannelName.SLACK.value or row.task_id is None or row.edits:
            return {}
        async with self._database.transaction() as session:
            ts = await prompts.thread_of(session, row)
        return {"thread_ts": ts} if ts else {}

    async def _send(self, row: OutboxRow, message: ChannelMessage) -> SentMessage:
        channel = self._channels.get(ChannelName(row.channel))
        if channel is None:
            raise MosError(f"no {row.channel} is connected")
        if row.edits:
            return await self._edit(channel, row, message)
        if row.vendor_id is not None:  # its report came before the answer to our call
            return SentMessage(row.vendor_id, row.conversation)
        if row.state == "sending":
            found = await self._known(channel, row, message)
            if found is not None:
                return found
        return await self._call(row, channel.send(message))

    async def _known(self, channel: Channel, row: OutboxRow, message: ChannelMessage) -> SentMessage | None:
        """What the vendor has of a message in doubt. Where it has nothing, is it still to be sent?"""
        found = await self._call(row, channel.find(message, row.created_at)) if channel.can_find else None
        if found is None:
            if row.unwanted:
                raise _NotNeededError("withdrawn while it was being sent", code="withdrawn")
            if row.elsewhere_at is not None:
                raise _NotNeededError("it had not arrived; another channel has it", code="moved")
            if row.expires_at is not None and row.expires_at <= self._now():
                raise _NotNeededError("it had not arrived, and is too old now", code="expired")
        return found

    async def _call(self, row: OutboxRow, call: Awaitable[_Answer]) -> _Answer:
        """A call to the vendor; what it shows of the channel's health is kept."""
        try:
            answer = await call
        except MosError as error:
            await self._outages.failed(row.channel, error)
            raise
        await self._outages.worked(row.channel)
        return answer

    async def _edit(self, channel: Channel, row: OutboxRow, message: ChannelMessage) -> SentMessage:
        """Edits are idempotent by value; the message edited must have been sent."""
        async with self._database.transaction() as session:
            original, overtaken = await outbox.original(session, row)
        if overtaken:
            raise _OvertakenError("a newer edit says how it stands")
        if original.vendor_id is None and original.state in (*ENDED, "withdrawn"):
            raise _OvertakenError(f"{row.edits} was never sent")
        if original.vendor_id is None:
            raise _NotYetError(f"{row.edits} has no vendor id yet")
        sent = SentMessage(original.vendor_id, original.conversation)
        await self._call(row, channel.edit(sent, message))
        return sent

    async def _again(self, row: OutboxRow, again: _Again) -> None:
        if row.attempts >= _GIVE_UP:
            await self._failed(row, f"given up: {again.error}", "")
            return
        is_lost = self._outages.is_down(row.channel) and row.state == "pending" and not again.unsure
        due = self._now() + timedelta(seconds=0 if is_lost else again.seconds)  # at once, to another contact
        if again.unsure:  # stays `sending`: claimed again once its lease is over
            await self._finish(row, error=again.error, next_at=due, claimed_at=due - _LEASE)
            await self._elsewhere(row)
        elif row.state == "sending":
            await self._finish(row, state="sending", error=again.error, next_at=due, claimed_at=due - _LEASE)
            await self._elsewhere(row)
        else:
            async with self._database.transaction() as session:
                waits = {"error": again.error, "next_at": due, "claimed_at": None, "bundle": None}
                await outbox.put_back(session, row, self._now(), **waits)

    async def _elsewhere(self, row: OutboxRow) -> None:
        """An urgent message in doubt on a channel that is down: the person gets it by another channel too, once. Others
        wait until the vendor can be asked."""
        if row.edits or row.elsewhere_at or not is_urgent(row.priority) or not self._outages.is_down(row.channel):
            return
        now = self._now()
        async with self._database.transaction() as session:
            await reach.lock(session, row)
            if await reach.fail_over(session, row, now, in_doubt=True):
                await outbox.finish(session, row, elsewhere_at=now)
        self.wake()

    async def _failed(self, row: OutboxRow, error: str, code: str) -> None:
        """It will never arrive: the next contact of each person concerned is due."""
        now = self._now()
        async with self._database.transaction() as session:
            await reach.lock(session, row, *(await outbox.carried(session, row) if row.bundle else []))
            for one in await outbox.end(session, row, now, state="failed", error=error[:500]):
                await reach.gave_up(session, one, now, code)
        self.wake()

    async def _finish(self, row: OutboxRow, **values: Json) -> None:
        async with self._database.transaction() as session:
            await outbox.finish(session, row, **values)


def _payload(row: OutboxRow) -> Mapping[str, Json]:
    return render(Message.model_validate(row.payload), ChannelName(row.channel))


def _pause(attempts: int) -> float:
    return _PAUSES[min(attempts, len(_PAUSES) - 1)]
