"""Systems that are silent for long: whoever sees to the ledger hears of it once, however many transactions wait."""

import asyncio
import logging
from datetime import timedelta

from activities.world import World
from domain.books.trouble import PATIENCE
from domain.errors import MosError
from store.read.books import troubles as read
from store.read.health import UNAVAILABLE
from store.tables import LedgerRow
from store.write.books import ledger, troubles

log = logging.getLogger("mos.watcher")
_AWAY: tuple[type[Exception], ...] = (*UNAVAILABLE, MosError)
_EVERY_S = 15.0


class Watch:
    """Looks at the ledger only; several workers may do it side by side. `patience`: so long a system may be silent."""

    def __init__(self, world: World, patience: timedelta = PATIENCE) -> None:
        self._world, self._patience = world, patience

    async def run(self) -> None:
        """Until cancelled. A database that is away is looked at in the next round."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.look()
            except _AWAY as error:
                log.warning("nobody watches the ledger: %s", str(error).split("\n")[0])

    async def look(self) -> list[str]:
        """Of each system that is silent the transaction that waits longest, and each whose outcome is not known for as
        long; gives those of which somebody hears now."""
        before = self._world.now() - self._patience
        async with self._world.database.transaction() as session:
            doubtful = await read.doubtful(session, before)
            stuck = await read.stuck(session, before)
        told = [row.id for row in doubtful if await self._tell(row, "unknown", 1)]
        return told + [row.id for row, count in stuck if await self._tell(row, "waiting", count)]

    async def _tell(self, row: LedgerRow, kind: str, count: int) -> bool:
        link = f"{self._world.public_url}/ledger/{row.id}"
        async with self._world.database.transaction() as session:
            held = await ledger.locked(session, row.id)
            if held.status != row.status or held.trouble:
                return False  # it has moved on meanwhile, or another worker was faster
            return await troubles.tell(
                session, held, kind, self._world.now(), link=link, why=held.error or "", count=count
            )
