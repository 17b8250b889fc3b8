"""The only sender of messages: claims outbox rows under lock, renders, sends, and keeps what the vendor answered.

One message of a conversation at a time, oldest first; conversations side by side. A row found in `sending` was left by
a sender that vanished, or by an answer that never came: the vendor is asked for it by its key before it is sent again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.roles import Channel, ChannelMessage, SentMessage
from domain.errors import MosError, OutcomeUnknownError, RateLimitedError, TransientError
from domain.messages import Message
from domain.people import ChannelName
from domain.values import Json
from store.db import Database
from store.read.health import UNAVAILABLE
from store.tables import OutboxRow
from store.write import outbox
from templates.render import render

log = logging.getLogger("mos.sender")
_LEASE = timedelta(seconds=8)
_IDLE_S = 1.0
_IN_FLIGHT = 16
_PAUSES = (0.5, 1, 2, 5, 10, 30, 60)
_GIVE_UP = 40
_NO_RECEIPTS = (ChannelName.SLACK.value,)  # taken into the conversation is the last that is heard of a message


@dataclass(frozen=True)
class _Again:
    """Not sent, or unsure: try after this many seconds; unsure rows stay `sending`, so that they are looked up."""

    seconds: float
    error: str
    unsure: bool = False


class _OvertakenError(MosError):
    """This edit must not be sent any more: it would put an older state on the phone."""

    code = "mos.overtaken"


class Sender:
    """Runs beside the worker. Several may run: rows are claimed with SKIP LOCKED."""

    def __init__(
        self, database: Database, channels: Mapping[ChannelName, Channel], now: Callable[[], datetime]
    ) -> None:
        self._database, self._channels, self._now = database, channels, now
        self._woken = asyncio.Event()
        self._in_flight: dict[str, datetime] = {}  # outbox id -> when its lease began
        self._more_is_due = False

    def wake(self) -> None:
        """There may be something in the outbox."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled. A database that is away is waited for; a slow send holds up its own conversation only."""
        async with asyncio.TaskGroup() as sending:
            while True:
                try:
                    for row in await self._claim():
                        sending.create_task(self._deliver(row))
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_IDLE_S):  # not wait_for: 3.11's may lose a cancellation
                            await self._woken.wait()
                    self._woken.clear()
                except UNAVAILABLE as error:
                    log.warning("the outbox waits: %s", str(error).split("\n")[0])
                    await asyncio.sleep(_IDLE_S)

    async def step(self) -> int:
        """Claim what is due now and send it; gives how many rows were tried."""
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
            rows, self._more_is_due = await outbox.claim(session, now, _LEASE, room)
        if self._more_is_due and any(key not in self._in_flight for key in before):
            self.wake()  # done while we looked: what had to wait for it may go
        still = [key for key in ageing if key in self._in_flight]
        self._in_flight |= dict.fromkeys((*still, *(row.id for row in rows)), now)
        return rows

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
            message = self._message(row)
            sent = await self._send(row, message)
        except _OvertakenError as error:
            await self._finish(row, state="withdrawn", error=error.message)
        except TransientError as error:
            pause = error.retry_after if isinstance(error, RateLimitedError) else _pause(row.attempts)
            await self._again(row, _Again(pause, error.message))
        except OutcomeUnknownError as error:
            await self._again(row, _Again(_pause(row.attempts), error.message, unsure=True))
        except MosError as error:
            await self._finish(row, state="failed", error=f"{error.message} {error.detail}".strip()[:500])
        else:
            now = self._now()
            rendered = dict(message.payload)
            accepted: dict[str, Json] = {
                "vendor_id": sent.vendor_id,
                "conversation": sent.conversation,
                "rendered": rendered,
            }
            if row.channel in _NO_RECEIPTS and not row.edits:
                accepted["delivered_at"] = now
            await self._finish(row, state="sent", sent_at=now, error=None, **accepted)

    def _message(self, row: OutboxRow) -> ChannelMessage:
        channel = ChannelName(row.channel)
        payload = render(Message.model_validate(row.payload), channel)
        return ChannelMessage(key=row.id, address=row.address, payload=payload)

    async def _send(self, row: OutboxRow, message: ChannelMessage) -> SentMessage:
        channel = self._channels.get(ChannelName(row.channel))
        if channel is None:
            raise MosError(f"no {row.channel} is connected")
        if row.edits:
            return await self._edit(channel, row, message)
        if row.vendor_id is not None:  # its report came before the answer to our call
            return SentMessage(row.vendor_id, row.conversation)
        if row.state == "sending":
            found = await channel.find(message, row.created_at)
            if found is not None:
                return found
        return await channel.send(message)

    async def _edit(self, channel: Channel, row: OutboxRow, message: ChannelMessage) -> SentMessage:
        """Edits are idempotent by value; the message edited must have been sent."""
        async with self._database.transaction() as session:
            original, overtaken = await outbox.original(session, row)
        if overtaken:
            raise _OvertakenError("a newer edit says how it stands")
        if original.vendor_id is None:
            raise TransientError(f"{row.edits} has no vendor id yet")
        sent = SentMessage(original.vendor_id, original.conversation)
        await channel.edit(sent, message)
        return sent

    async def _again(self, row: OutboxRow, again: _Again) -> None:
        if row.attempts >= _GIVE_UP:
            await self._finish(row, state="failed", error=f"given up: {again.error}"[:500])
            return
        due = self._now() + timedelta(seconds=again.seconds)
        if again.unsure:  # stays `sending`: claimed again once its lease is over
            await self._finish(row, error=again.error, next_at=due, claimed_at=due - _LEASE)
        else:
            state = "sending" if row.state == "sending" else "pending"
            claimed = due - _LEASE if state == "sending" else None
            await self._finish(row, state=state, error=again.error, next_at=due, claimed_at=claimed)

    async def _finish(self, row: OutboxRow, **values: Json) -> None:
        async with self._database.transaction() as session:
            await outbox.finish(session, row, **values)


def _pause(attempts: int) -> float:
    return _PAUSES[min(attempts, len(_PAUSES) - 1)]
