"""The database: one engine a process, one transaction an activity, request or batch."""

import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from domain.values import Json

CHANGED = "mos_changed"  # NOTIFY channel: an exception, task or posting changed (payload: exception id, or INBOX)
INBOX = "inbox"  # payload of CHANGED: something came in that is no exception's (unreadable, refused, a source lost)
ARRIVED = "mos_arrived"  # NOTIFY channel: the inbox has something
OUTGOING = "mos_outgoing"  # NOTIFY channel: the outbox has something
_TRUSTED_S = 1.0  # a connection used this recently is not tried out first


_ESCAPES = re.compile(
    r"(\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})"  # an escaped backslash, a whole pair: both stay
    r"|\\u0000|\\ud[89a-f][0-9a-f]{2}"
)


def storable(value: Json) -> str:
    """JSON that PostgreSQL's JSONB takes: NUL and lone surrogates become U+FFFD, NaN and infinities become text.

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

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self.url = url
        # No overflow: those connections would be closed after use, and a log-in costs more than a transaction.
        self.engine: AsyncEngine = create_async_engine(
            async_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_use_lifo=True,
            pool_timeout=10,
            json_serializer=storable,
            hide_parameters=True,  # what a failed statement carried is in no log (C7)
        )
        _try_out_the_idle(self.engine)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")  # the same connections
        self._statements = async_sessionmaker(alone, expire_on_commit=False, autoflush=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Commits when the block ends well, rolls back otherwise. Inner code never commits."""
        async with self._sessions() as session, session.begin():
            yield session

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[AsyncSession]:
        """Each statement commits by itself and sees what is committed: for reading, and for a single write. Two round
        trips fewer than a transaction."""
        async with self._statements() as session:
            yield session

    async def close(self) -> None:
        await self.engine.dispose()


def _try_out_the_idle(engine: AsyncEngine) -> None:
    """What SQLAlchemy's pre-ping does, but only for connections that may have died unnoticed: one round trip less."""
    dialect = engine.dialect

    def returned(_: Any, record: Any) -> None:
        record.info["returned"] = time.monotonic()

    def taken(connection: Any, record: Any, _: Any) -> None:
        if time.monotonic() - record.info.get("returned", time.monotonic()) < _TRUSTED_S:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise DisconnectionError("the connection has died") from error

    event.listen(engine.sync_engine, "checkin", returned)
    event.listen(engine.sync_engine, "checkout", taken)
