"""What changed, as it changes: one LISTEN connection a process, handed on to any number of readers."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import psycopg
from psycopg import sql

from store.db import CHANGED, Database

EVERYTHING = "*"  # what a reader gets when changes may have been missed: look at all again
_BACKLOG = 64
_PAUSES = (0.2, 0.5, 1, 2, 5)
_log = logging.getLogger(__name__)


class Changes:
    """Hands the ids of changed exceptions to readers. `run` is one task of the process and reconnects by itself."""

    def __init__(self, database: Database, *, readers: int = 200) -> None:
        self._url = database.url
        self._limit = readers
        self._readers: set[asyncio.Queue[str]] = set()

    @property
    def full(self) -> bool:
        """One more reader would be too many: it looks again from time to time instead."""
        return len(self._readers) >= self._limit

    @contextlib.asynccontextmanager
    async def reader(self) -> AsyncIterator[asyncio.Queue[str]]:
        """A queue of exception ids."""
        queue: asyncio.Queue[str] = asyncio.Queue(_BACKLOG)
        self._readers.add(queue)
        try:
            yield queue
        finally:
            self._readers.discard(queue)

    async def run(self) -> None:
        """Listen; after a lost connection everybody looks at everything again."""
        failures = 0
        while True:
            try:
                async for exception_id in self._listen():
                    failures = 0
                    self._tell(exception_id)
            except psycopg.Error as error:
                _log.warning("the console's change feed lost the database, will reconnect: %s", type(error).__name__)
            await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
            failures += 1

    async def _listen(self) -> AsyncIterator[str]:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, connect_timeout=5)
        async with connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANGED)))
            yield EVERYTHING
            async for notice in connection.notifies():
                yield notice.payload

    def _tell(self, exception_id: str) -> None:
        for queue in self._readers:
            if queue.full():  # a reader that is behind gets one hint instead of the backlog
                while not queue.empty():
                    queue.get_nowait()
                exception_id = EVERYTHING
            queue.put_nowait(exception_id)
