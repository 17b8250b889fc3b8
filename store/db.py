"""The database: one engine a process, one transaction an activity, request or batch."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

CHANGED = "mos_changed"  # NOTIFY channel: an exception, task or posting changed (payload: exception id)
ARRIVED = "mos_arrived"  # NOTIFY channel: the inbox has something
OUTGOING = "mos_outgoing"  # NOTIFY channel: the outbox has something


def async_url(url: str) -> str:
    """The same database for the async psycopg driver."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


class Database:
    """Hands out transactions. `url` is a libpq URL (`postgresql://...`)."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            async_url(url), pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True, pool_timeout=10
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Commits when the block ends well, rolls back otherwise. Inner code never commits."""
        async with self._sessions() as session, session.begin():
            yield session

    async def close(self) -> None:
        await self.engine.dispose()
