"""Presses of accounts that Slack could not tell us about (users.info was refused for a while): kept in the inbox,
looked at again until Slack can, then taken in or turned away. Nobody's press counts before that (C8), and none is lost.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import TransientError
from intake import admitting
from intake.replies import reply_row
from intake.slack.side import SlackSide
from store.db import Database
from store.read import site as site_read
from store.read.health import UNAVAILABLE
from store.tables import InboxRow
from store.write import inbox
from store.write.messages import outbox

log = logging.getLogger("mos.slack")
PATIENCE = timedelta(minutes=10)  # later a press means something else than it did
_EVERY_S = 3.0
_UNKNOWN = "slack can not say"
_BATCH = 20


class SlackVouching:
    """One loop of the worker."""

    def __init__(self, database: Database, channel: SlackSide, now: Callable[[], datetime]) -> None:
        self._database, self._channel, self._now = database, channel, now

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.step()
            except UNAVAILABLE as error:
                log.warning("unvouched presses wait: %s", str(error).split("\n")[0])
            await asyncio.sleep(_EVERY_S)

    async def step(self) -> int:
        """One round; gives how many are settled. The first that Slack can't tell ends it."""
        async with self._database.transaction() as session:
            waiting = await inbox.unvouched(session, _BATCH)
        settled = 0
        for row in waiting:
            verdict = await self._verdict(row)
            if verdict is None:
                break
            await self._settle(row.seq or 0, verdict)
            settled += 1
        return settled

    async def _verdict(self, row: InboxRow) -> str | None:
        """Why the account has no power, or empty; None while Slack can't say and there is time. No transaction waits
        for Slack."""
        now = self._now()
        try:
            return await self._channel.barred_account(str(row.body["address"]), now)
        except TransientError:
            return None if now - row.received_at < PATIENCE else _UNKNOWN

    async def _settle(self, seq: int, verdict: str) -> None:
        async with self._database.transaction() as session:
            row = await inbox.lock(session, seq)
            if row.status != "unvouched":
                return
            if verdict == _UNKNOWN:
                await self._give_up(session, row)
            elif verdict:
                admitting.end(row, "unknown_person", silent=True)
            else:
                await inbox.vouched(session, row)

    async def _give_up(self, session: AsyncSession, row: InboxRow) -> None:
        """Say so: a person who thinks to have accepted is nobody's help."""
        admitting.end(row, "unavailable")
        person = await site_read.person_at(session, row.source, str(row.body["address"]))
        if person is not None:
            row.signal = {"person": person.id, "name": person.name, "language": person.language}
            zone = ZoneInfo((await site_read.site(session)).timezone)
            reply = reply_row(row, self._now(), zone)
            await outbox.add(session, [reply] if reply else [])
