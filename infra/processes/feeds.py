"""Feeds in: looks at the schedules of other systems by their addresses, beside the worker. Of several workers one looks
at a feed at a time; one that is killed is followed by another after the lease."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from admin.roster import followed as roster_feeds
from admin.roster.followed import Look
from connectors.roster_feeds import CalendarConfig, FeedClient, FeedConfig
from domain.errors import ConfigError, MosError, NotFoundError
from domain.rosters.imported import Imported
from domain.rosters.people import Person
from domain.values import Json, content_hash
from infra import connect
from infra.commands.roster_sources import read_apart, window
from infra.connect import Connection
from infra.run import now
from store.db import Database
from store.read import site as site_read
from store.read.health import UNAVAILABLE
from store.write.rosters import feeds as write

log = logging.getLogger("mos.feeds")
PAUSE_S = 5.0
Read = Callable[[str, dict[str, Json], bytes, Sequence[Person]], Awaitable[Imported]]
_ACCEPT = {"roster_pagerduty": "application/vnd.pagerduty+json;version=2"}


class Feeds:
    """Looks at feeds; `read` reads an export (see `read_apart`)."""

    def __init__(self, database: Database, read: Read = read_apart, clock: Callable[[], datetime] = now) -> None:
        self._database, self._read, self._clock = database, read, clock

    async def run(self, pause: float = PAUSE_S) -> None:
        """Until cancelled; a database that is away is looked for in the next round."""
        while True:
            try:
                while await self.look():
                    pass
            except UNAVAILABLE as error:
                log.warning("feeds wait for the database: %s", str(error).split("\n")[0])
            except MosError as error:
                log.error("feeds are not looked at: %s", error.message)
            await asyncio.sleep(pause)

    async def look(self) -> str:
        """At the feed that is due longest; its name, or empty when none is due."""
        moment = self._clock()
        async with self._database.transaction() as session:
            try:
                document = await site_read.document(session, "connectors")
            except NotFoundError:
                document = []
            known = {one.name: one for one in connect.read_connections(document) if one.role == "roster"}
            await write.keep(session, {name: _row(one) for name, one in known.items()}, moment)
            row = await write.claim(session, list(known), moment)
        if row is None:
            return ""
        await self._look(known[row.name], row.claimed_at or moment)
        return row.name

    async def _look(self, connection: Connection, claimed_at: datetime) -> None:
        asked = Look(connection.name, claimed_at)
        try:
            config = _config(connection)
            mine = [config.schedule] if isinstance(config, CalendarConfig) else config.schedules
            asked = Look(connection.name, claimed_at, mine, config.despite_problems)
            found = await self._fetched(connection, config, claimed_at)
            for line in await roster_feeds.take_over(self._database, asked, found, self._clock()):
                log.info("feed %s: %s", connection.name, line)
        except MosError as error:
            log.warning("feed %s: %s %s", connection.name, error.message, error.detail)
            await roster_feeds.failed(self._database, asked, error, self._clock())

    async def _fetched(self, connection: Connection, config: FeedConfig, moment: datetime) -> Imported:
        """Raises MosError; nothing in it or in what was found tells a secret."""
        client = connect.feed(_accepting(connection, config))
        try:
            found = await self._read_at(client, connection.kind, config, moment)
        except MosError as error:
            error.message, error.detail = client.hidden(error.message), client.hidden(error.detail)
            raise
        found.problems = [client.hidden(problem) for problem in found.problems]
        return found

    async def _read_at(self, client: FeedClient, kind: str, config: FeedConfig, moment: datetime) -> Imported:
        data = await client.get(moment)
        async with self._database.transaction() as session:
            people = list((await site_read.roster(session)).people)
            zone = (await site_read.site(session)).timezone
        return await self._read(kind.removeprefix("roster_"), _settings(config, zone, moment), data, people)


def _row(connection: Connection) -> dict[str, Json]:
    """What the row says of the settings. Wrong ones are told when it is looked at."""
    values: dict[str, Json] = {"kind": connection.kind, "version": content_hash(connection.model_dump(mode="json"))}
    try:
        config = _config(connection)
    except ConfigError:
        return values | {"host": "", "minutes": 60, "stale_after": 24}
    return values | {"host": config.host, "minutes": config.minutes, "stale_after": config.stale_after}


def _config(connection: Connection) -> FeedConfig:
    config = connect.settings_of(connection)
    if not isinstance(config, FeedConfig):
        raise ConfigError(f"connector '{connection.name}': role roster is for feeds, kind roster_ical and the like")
    return config


def _accepting(connection: Connection, config: FeedConfig) -> Connection:
    if config.accept or connection.kind not in _ACCEPT:
        return connection
    return connection.model_copy(update={"config": {**connection.config, "accept": _ACCEPT[connection.kind]}})


def _settings(config: FeedConfig, zone: str, moment: datetime) -> dict[str, Json]:
    if not isinstance(config, CalendarConfig):
        return {}
    told = {"schedule": config.schedule, "title": config.title, "days": config.days}
    return told | {"timezone": config.timezone or zone, "begins": window(moment)}
