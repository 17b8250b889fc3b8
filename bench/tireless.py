"""Three people answer for everybody here, far more often than a person may (store/read/access/limits.py): their
presses are not counted against them for longer than a second."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from sqlalchemy import delete
from sqlmodel import col

from store.db import Database
from store.read.access.limits import INBOUND, PRESSES
from store.tables import LimitRow

_EVERY_S = 1.0


@contextlib.asynccontextmanager
async def tireless(url: str) -> AsyncIterator[None]:
    """While within: what was counted is forgotten again and again."""
    database = Database(url, pool_size=1)
    forgetting = asyncio.create_task(_forget(database))
    try:
        yield
    finally:
        forgetting.cancel()
        await asyncio.gather(forgetting, return_exceptions=True)
        await database.close()


async def _forget(database: Database) -> None:
    while True:
        async with database.transaction() as session:
            await session.execute(delete(LimitRow).where(col(LimitRow.kind).in_([INBOUND.kind, PRESSES.kind])))
        await asyncio.sleep(_EVERY_S)
