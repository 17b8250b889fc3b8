"""The database: one engine a process, one transaction an activity, request or batch."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from domain.values import Json

CHANGED = "mos_changed"  # NOTIFY channel: an exception, task or posting changed (payload: exception id)
ARRIVED = "mos_arrived"  # NOTIFY channel: the inbox has something
OUTGOING = "mos_outgoing"  # NOTIFY channel: the outbox has something


_ESCAPES = re.compile(
    r"(\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})"  # an escaped backslash, a whole pair: both stay
    r"|\\u0000|\\ud[89a-f][0-9a-f]{2}"
)


def storable(value: Json) -> str:
    """JSON that PostgreSQL's JSONB takes: NUL and lone surrogates become U+FFFD, NaN and infinities their names as text.

    Sources send such values; a message that can't be kept would be sent again for ever, or lost.
    """
    text = json.dumps(value)
    if "NaN" in text or "Infinity" in text:
        text = json.dumps(json.loads(text, parse_constant=str))
    if "\\u0000" in text or "\\ud" in text:
        text = _ESCAPES.sub(lambda found: found[1] or "\\ufffd", text)
    return text


def async_url(url: str) -> str:
    """The same database for the async psycopg driver."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


class Database:
    """Hands out transactions. `url` is a libpq URL (`postgresql://...`)."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            async_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            pool_timeout=10,
            json_serializer=storable,
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Commits when the block ends well, rolls back otherwise. Inner code never commits."""
        async with self._sessions() as session, session.begin():
            yield session

    async def close(self) -> None:
        await self.engine.dispose()
