"""A sender that is killed between the vendor's acceptance and our record: WhatsApp, a call, e-mail, on the stand-ins.

Slack and SMS die so in `tests/chaos`, with their whole process.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from activities.sender import Sender
from connectors.email.connector import build as build_email
from connectors.roles import Channel, ChannelMessage, SentMessage
from domain.rosters.people import ChannelName
from store.db import Database
from store.tables import OutboxRow
from tests.api.seeding import HOLD, QUALITY
from tests.api.test_lines_against_phones import CHAT, MAIL, PHONE, Site, phones, site
from tests.connectors.email.lab import config as email_config
from tests.templates.test_golden_renders import TASK

__all__ = ["phones", "site"]


class Killed(Database):
    """A database that nobody reaches any more once the vendor has taken the message."""

    def __init__(self, inner: Database) -> None:
        self._inner, self.url, self.taken = inner, inner.url, False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        if self.taken:
            raise asyncio.CancelledError
        async with self._inner.transaction() as session:
            yield session


class Taking:
    """The channel; tells the database when a message was taken."""

    def __init__(self, inner: Channel, database: Killed) -> None:
        self._inner, self._database = inner, database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def send(self, message: ChannelMessage) -> SentMessage:
        sent = await self._inner.send(message)
        self._database.taken = True
        return sent


async def channels_of(site: Site) -> Mapping[ChannelName, Channel]:
    mail = str((await site.control("GET", "/addresses"))["email"])
    return site.channels | {ChannelName.EMAIL: build_email(email_config(int(mail.rpartition(":")[2].strip("/"))))}


async def queue(site: Site, channel: ChannelName, address: str, now: datetime) -> None:
    values: dict[str, Any] = {"exception_id": HOLD, "purpose": "task", "channel": channel.value, "person": QUALITY}
    values |= {"address": address, "payload": TASK.model_dump(mode="json"), "priority": "high"}
    async with site.database.transaction() as session:
        session.add(OutboxRow(id="msg_killed", next_at=now, created_at=now, **values))


@pytest.mark.parametrize(
    "name, address, times",
    [(ChannelName.WHATSAPP, CHAT, 1), (ChannelName.VOICE, PHONE, 1), (ChannelName.EMAIL, MAIL, 2)],
)
async def test_c32_killed_after_it_was_taken(site: Site, name: ChannelName, address: str, times: int) -> None:
    """Exactly once at the person; e-mail, which can't be looked up, again under the same Message-ID."""
    now, channels = datetime.now(UTC), await channels_of(site)
    await queue(site, name, address, now)
    dying = Killed(site.database)
    first = Sender(dying, {name: Taking(channels[name], dying)}, lambda: now)
    with pytest.raises(asyncio.CancelledError):
        await first.step()
    row = await site.row("msg_killed")
    assert (dying.taken, row.state) == (True, "sending")

    second = Sender(site.database, channels, lambda: now)
    async with asyncio.timeout(60):
        while row.state != "sent":  # a call that still rings is looked at again
            now += timedelta(seconds=30)
            await second.step()
            await asyncio.sleep(0.05)
            row = await site.row("msg_killed")
    assert row.vendor_id is not None
    [shown] = await site.texts(name.value)  # the phone shows what has one Message-ID once
    assert shown.get("times", 1) == times
