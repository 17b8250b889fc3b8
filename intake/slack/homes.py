"""Home tabs are drawn anew when a task of their reader changes elsewhere: accepted by phone, withdrawn, asked anew.

Only tabs that somebody has opened, each at most every ten seconds, all together at most once a second: Slack grants
views.publish a hundred a minute (Tier 4). What comes too soon waits; what is drawn is what stands then.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from domain.errors import NotFoundError, RateLimitedError, RejectedError
from intake.slack.pages import SlackPages
from intake.slack.side import FAILED, SlackSide
from store.db import Database
from store.write.messages import homes
from store.write.messages.homes import Stale

log = logging.getLogger("mos.slack")
REST = timedelta(seconds=10)  # of one tab
_EVERY_S = 2.0
_APART_S = 1.0  # of all tabs
_BATCH = 20
_PAUSE_S = 30.0


class SlackHomes:
    """One loop of the worker."""

    def __init__(
        self,
        database: Database,
        channel: SlackSide,
        pages: SlackPages,
        now: Callable[[], datetime],
        *,
        apart_s: float = _APART_S,
    ) -> None:
        self._database, self._channel, self._pages = database, channel, pages
        self._now, self._apart_s = now, apart_s

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            pause = _EVERY_S
            try:
                await self.step()
            except RateLimitedError as error:
                pause = error.retry_after
            except FAILED as error:
                log.warning("home tabs wait: %s", str(error).split("\n")[0])
                pause = _PAUSE_S
            await asyncio.sleep(pause)

    async def step(self) -> int:
        """One round; gives how many were drawn. Raises what Slack says of itself, not of one tab."""
        async with self._database.transaction() as session:
            stale = await homes.changed(session, self._now(), _BATCH)
        for place, one in enumerate(stale):
            if place:
                await asyncio.sleep(self._apart_s)
            await self._draw(one)
        return len(stale)

    async def _draw(self, stale: Stale) -> None:
        person = await self._pages.person(stale.account)
        try:
            if person is None or person.id != stale.person:
                raise NotFoundError("the account is not this person's any more")
            await self._channel.publish(stale.account, await self._pages.home(person))
        except (RejectedError, NotFoundError) as error:
            log.info("a home tab is left alone: %s", error.message)
            async with self._database.transaction() as session:
                await homes.forget(session, stale.account)
            return
        async with self._database.transaction() as session:
            await homes.drawn(session, stale.account, stale.seen, self._now() + REST)
