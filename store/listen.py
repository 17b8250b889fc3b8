"""Listening to PostgreSQL's NOTIFY: what changed, without asking again and again."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import psycopg
from psycopg import sql

_PAUSE_S = 1.0


async def notifications(url: str, channels: Sequence[str]) -> AsyncIterator[tuple[str, str]]:
    """(channel, payload) for ever. After every (re)connect each channel is yielded once with an empty payload, since
    something may have happened while nobody listened."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                for channel in channels:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                for channel in channels:
                    yield channel, ""
                async for notice in connection.notifies():
                    yield notice.channel, notice.payload
        except psycopg.OperationalError:
            await asyncio.sleep(_PAUSE_S)
