"""An installation without documents waits for the first push instead of failing."""

import asyncio

from store.db import Database
from store.read import site as site_read


async def is_published(database: Database) -> bool:
    """Is there a connectors document, the last thing that a push publishes before the definitions?"""
    async with database.transaction() as session:
        return await site_read.is_published(session, "connectors")


async def until_published(database: Database) -> None:
    """Waits for the first push, which another process does: asking is the only way to know."""
    while not await is_published(database):  # noqa: ASYNC110
        await asyncio.sleep(1)
