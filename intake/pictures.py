"""Fetches the pictures that people sent, after their messages are committed: a vendor that is away loses none.

A message's pictures are noted in the transaction that tells whose it is, so nothing of strangers is ever fetched. What
fails is tried again for a week and can be seen meanwhile; what is no picture is refused, and can be seen too.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from sqlalchemy.ext.asyncio import AsyncSession

from connectors.pictures import Picture
from connectors.roles import Channel, Media
from domain.errors import AuthError, ConfigError, MosError, NotFoundError, RejectedError, TransientError
from domain.ids import derived_id
from domain.rosters.people import ChannelName, Person
from domain.values import Json
from intake.photos import Developed, develop
from store.db import Database
from store.read.access.policy import picture_policy
from store.read.evidence import media as read
from store.read.health import UNAVAILABLE
from store.tables import InboxRow, MediaRow
from store.write.evidence import audit
from store.write.evidence import media as write

log = logging.getLogger("mos.pictures")
_EVERY_S = 1.0
_LEASE = timedelta(minutes=2)
_PAUSES_S = (5, 15, 60, 300, 1800, 3600)
_TRIED = timedelta(days=7)
_SETTLING = timedelta(minutes=10)  # so long a vendor may not have yet what it told us of
_TOGETHER = timedelta(minutes=15)  # a picture sent first, and then the words that say what it belongs to
_SWEEP = timedelta(hours=1)
_BATCH = 4
_FETCHED_S = 25  # a vendor that hands out a byte now and then holds up nobody's pictures for longer
_DEATHS = 5  # so often a worker may die, or be taken for dead, over one picture
PHOTO: Mapping[str, str] = {"en": "Photo", "de": "Foto", "es": "Foto", "pl": "Zdjęcie"}
"""What a message that is nothing but a picture says, by language."""


@runtime_checkable
class PictureSource(Protocol):
    """A channel by which pictures come."""

    async def picture(self, media: Media) -> Picture:
        """Raises RejectedError (no picture, not allowed), NotFoundError, AuthError, TransientError."""
        ...


async def note(session: AsyncSession, row: InboxRow, person: Person) -> None:
    """This person's message came with pictures."""
    told = row.body.get("media") or []
    rows = [
        {
            "id": derived_id("pic", row.seq, place),
            "inbox_seq": row.seq,
            "place": place,
            "channel": row.body["channel"],
            "person": person.id,
            "url": str(one.get("url") or ""),
            "claimed_type": str(one.get("type") or "")[:100],
            "caption": str(row.body.get("text") or "")[:500],
            "state": "pending",
            "attempts": 0,
            "next_at": row.received_at,
            "received_at": row.received_at,
            "came": "",
            "picture": "",
        }
        for place, one in enumerate(told)
    ]
    if rows:
        await write.note(session, rows)


async def belong(session: AsyncSession, row: InboxRow, person: Person) -> None:
    """It is known now which exception this message is about: so are its pictures, and those sent just before."""
    if row.exception_id is not None:
        await write.attach(session, person.id, row.exception_id, row.received_at - _TOGETHER)


class Gatherer:
    """One loop of the worker; several may run."""

    def __init__(
        self, database: Database, channels: Mapping[ChannelName, Channel], now: Callable[[], datetime]
    ) -> None:
        self._database, self._now = database, now
        self._sources = {name: one for name, one in channels.items() if isinstance(one, PictureSource)}
        self._swept: datetime | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                while await self.step():
                    pass
                await self.sweep()
            except UNAVAILABLE as error:
                log.warning("pictures wait: %s", str(error).split("\n")[0])
            await asyncio.sleep(_EVERY_S)

    async def step(self) -> int:
        """One round; gives how many were tried."""
        now = self._now()
        async with self._database.transaction() as session:
            for exception_id in await write.attach_reported(session, now - timedelta(hours=1)):
                await write.tell(session, exception_id)
            rows = await write.claim(session, now, _LEASE, _BATCH)
        for row in rows:
            await self._one(row)
        return len(rows)

    async def sweep(self) -> None:
        """Once an hour: what was kept long enough goes, its hash and its record stay."""
        now = self._now()
        if self._swept is not None and now - self._swept < _SWEEP:
            return
        self._swept = now
        more = True
        while more:
            async with self._database.transaction() as session:
                keep = (await picture_policy(session)).keep
                rows = await read.outdated(session, now - keep, 200)
                for row in rows:
                    await _audit(session, row, "picture.expired", now, sha256=row.picture)
                await write.expire(session, rows, now)
                more = bool(rows)

    async def _one(self, row: MediaRow) -> None:
        try:
            if row.attempts > _DEATHS and not row.error:
                raise RejectedError("The picture is not taken: nobody who looked at it came to an end.")
            if await self._too_many(row):
                return
            source = self._sources.get(ChannelName(row.channel))
            if source is None:
                raise ConfigError(f"no {row.channel} is connected that has pictures")
            async with asyncio.timeout(_FETCHED_S):
                picture = await source.picture(Media(row.url, row.claimed_type))
            await self._keep(row, await asyncio.to_thread(develop, picture))
        except TimeoutError:
            await self._again(row, TransientError(f"The picture is not whole after {_FETCHED_S} s."), "lost")
        except (TransientError, AuthError, ConfigError) as error:
            await self._again(row, error, "lost")
        except NotFoundError as error:
            await self._again(row, error, "gone", within=_SETTLING)
        except MosError as error:
            await self._end(row, "refused", error)

    async def _too_many(self, row: MediaRow) -> bool:
        async with self._database.transaction() as session:
            policy, (count, size) = await picture_policy(session), await read.held(session, row)
            full = count >= policy.most or size >= policy.most_bytes
            if full:
                why = f"there are {count} pictures already: the site keeps no more"
                await self._ended(session, row, "too_many", why)
        return full

    async def _keep(self, row: MediaRow, found: Developed) -> None:
        now, picture = self._now(), found.row()
        async with self._database.transaction() as session:
            if await write.keep(session, row.id, picture, found.came, now):
                about = {"sha256": picture["sha256"], "came_sha256": found.came, "bytes": picture["size"]}
                await _audit(session, row, "picture.kept", now, **about)

    async def _again(self, row: MediaRow, error: MosError, given_up: str, within: timedelta = _TRIED) -> None:
        now, why = self._now(), f"{error.message} {error.detail}".strip()[:300]
        if now - row.received_at > within:
            await self._end(row, given_up, error)
            return
        pause = _PAUSES_S[min(row.attempts, len(_PAUSES_S)) - 1]
        async with self._database.transaction() as session:
            await write.again(session, row.id, why, now + timedelta(seconds=pause))
        if row.attempts.bit_count() == 1:
            log.warning("a picture of %s waits, tried %d times: %s", row.person, row.attempts, why)

    async def _end(self, row: MediaRow, state: str, error: MosError) -> None:
        async with self._database.transaction() as session:
            await self._ended(session, row, state, f"{error.message} {error.detail}".strip()[:300])

    async def _ended(self, session: AsyncSession, row: MediaRow, state: str, why: str) -> None:
        now = self._now()
        if await write.end(session, row.id, state, now, error=why):
            await _audit(session, row, f"picture.{state}", now, why=why)


async def _audit(session: AsyncSession, row: MediaRow, kind: str, now: datetime, **data: Json) -> None:
    """Who sent it, by what message, and its hash. It is about its exception, where there is one."""
    about = {"media": row.id, "channel": row.channel, "inbox": row.inbox_seq} | data
    fact = {"at": now, "kind": kind, "actor": row.person, "subject": row.exception_id or row.person, "data": about}
    await audit.add(session, fact)
