"""The listener: every source in one process; what they report is in the inbox before they acknowledge it."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from connectors.roles import Source, SourceState
from domain.errors import MosError
from domain.signals import RawSignal
from infra import connect, slack
from infra.processes.published import is_published, until_published
from infra.run import first_of, now
from infra.settings import Settings
from intake import signals
from intake.sources import raw_state
from store.db import Database
from store.read import site as site_read
from store.read.health import UNAVAILABLE

log = logging.getLogger("mos.listener")
_PAUSE_S = 2.0


async def run(settings: Settings, database: Database, ready: Callable[[], None]) -> None:
    """Until cancelled. A source that fails is started again; the others go on."""
    if not await is_published(database):
        ready()
        await until_published(database)
    async with database.transaction() as session:
        connections = connect.read_connections(await site_read.document(session, "connectors"))
    found = connect.sources(connections)
    log.info("listening to %s for %s", ", ".join(source.name for source in found), settings.public_url)
    ready()
    await first_of(_slack(settings, database), *(_keep(source, database) for source in found))


async def _slack(settings: Settings, database: Database) -> None:
    """Socket Mode where it is set; ends never, as the sources do not."""
    await slack.listen(settings, database)
    await asyncio.Event().wait()


async def _keep(source: Source, database: Database) -> None:
    async def accept(raws: Sequence[RawSignal]) -> None:
        await _durably(database, raws)

    async def report(state: SourceState) -> None:
        log.info("%s is %s %s", state.source, "connected" if state.connected else "lost", state.detail)
        await _durably(database, [raw_state(state, now())])

    while True:
        try:
            await source.run(accept, report)
        except MosError as error:
            log.error("%s: %s %s", source.name, error.message, error.detail)
            await report(SourceState(source.name, connected=False, detail=error.message))
        await asyncio.sleep(_PAUSE_S)


async def _durably(database: Database, raws: Sequence[RawSignal]) -> None:
    """Commit; while the database is away the source is not acknowledged, and waits."""
    while True:
        try:
            await signals.receive(database, raws, now())
        except UNAVAILABLE as error:
            log.warning("the inbox is out of reach: %s", str(error).split("\n")[0])
            await asyncio.sleep(0.5)
        else:
            return
