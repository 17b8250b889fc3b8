"""Which channels work: learnt from every call, kept for all senders to see, tried again until they are back."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from connectors.roles import Channel, ChannelMessage
from domain.asking.messages import Message
from domain.errors import AuthError, MosError, OutcomeUnknownError, RateLimitedError, TransientError
from domain.rosters.people import ChannelName
from store.db import Database
from store.read.messages import reach as read
from store.tables import OutboxRow
from store.write.messages import health, reach
from templates.render import render

_BATCH = 50
_LOOK_AGAIN = timedelta(seconds=5)
_MEMORY = timedelta(days=2)  # a vendor may forget older messages
_LONGEST_WAIT = 60.0
_FAULTS = (TransientError, OutcomeUnknownError, AuthError)


class Outages:
    """One for a sender. `shut`: the channels that nothing new is sent to now."""

    def __init__(
        self, database: Database, channels: Mapping[ChannelName, Channel], now: Callable[[], datetime]
    ) -> None:
        self._database, self._channels, self._now = database, channels, now
        self._down, self._ailing = set[str](), set[str]()
        self._waits: dict[str, datetime] = {}  # the vendor asked for a pause until then
        self._half_open: set[str] = set()
        self._stopped = False

    def shut(self) -> list[str]:
        now = self._now()
        waiting = {channel for channel, until in self._waits.items() if until > now}
        return sorted((self._down - self._half_open) | waiting)

    def is_down(self, channel: str) -> bool:
        return channel in self._down

    def room(self, room: int) -> int:
        """How many messages at once: where a channel is tried again by a message, a single one."""
        return min(room, 1) if self._half_open else room

    async def look(self, session: AsyncSession) -> None:
        """What all senders have learnt."""
        rows = await read.ailing(session)
        self._ailing = {row.channel for row in rows}
        self._down = {row.channel for row in rows if row.down_since is not None}
        self._half_open &= self._down
        self._stopped = await read.any_stopped(session)

    async def failed(self, channel: str, error: MosError) -> None:
        """A call raised this. A vendor that answers "wait" or "no" works."""
        if isinstance(error, RateLimitedError):
            self._waits[channel] = self._now() + timedelta(seconds=min(error.retry_after, _LONGEST_WAIT))
            return
        if not isinstance(error, _FAULTS):
            await self.worked(channel)
            return
        weight = health.ENOUGH if isinstance(error, AuthError) else 2 if isinstance(error, OutcomeUnknownError) else 1
        self._ailing.add(channel)
        self._half_open.discard(channel)
        async with self._database.transaction() as session:
            if await health.failed(session, channel, weight, error.message, self._now()):
                self._down.add(channel)

    async def worked(self, channel: str) -> None:
        """A call got through."""
        if channel not in self._ailing | self._down:
            return
        self._ailing.discard(channel)
        self._down.discard(channel)
        self._half_open.discard(channel)
        async with self._database.transaction() as session:
            await health.worked(session, channel, self._now())

    async def divert(self) -> None:
        """What is due on a channel that is down, or for an address that wants no more, goes to the next contact."""
        if not self._down and not self._stopped:
            return
        async with self._database.transaction() as session:
            found = await read.stranded(session, sorted(self._down), self._now(), _BATCH)
        pause = timedelta(0) if self._half_open else _LOOK_AGAIN  # what stays may be the one that tries
        for row_id in found:
            async with self._database.transaction() as session:
                await reach.divert(session, row_id, self._now(), pause)

    async def probe(self) -> None:
        """Try the channels that are down and whose time has come: ask for a message, which the vendor may have or not;
        where it can't be asked the next message tries."""
        if not self._down:
            return
        async with self._database.transaction() as session:
            due = await health.claim_probe(session, self._now())
            known = {name: await read.newest(session, name, self._now() - _MEMORY) for name in due}
        await asyncio.gather(*(self._try(name, row) for name, row in known.items()))

    async def _try(self, name: str, row: OutboxRow | None) -> None:
        channel = self._channels.get(ChannelName(name))
        if channel is None or not channel.can_find or row is None:
            self._half_open.add(name)
            return
        try:
            payload = row.rendered or render(Message.model_validate(row.payload), ChannelName(name))
            await channel.find(ChannelMessage(key=row.id, address=row.address, payload=payload), row.created_at)
        except RateLimitedError:
            await self.worked(name)
        except MosError as error:
            await self.failed(name, error)
        else:
            await self.worked(name)
