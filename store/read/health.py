"""Is the database there? The errors that mean it is not, for callers that may not name its driver."""

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from store.db import Database

UNAVAILABLE: tuple[type[Exception], ...] = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    psycopg.OperationalError,
)
"""What a question raises when the database is down, restarting or out of connections."""


async def ping(database: Database) -> None:
    """Returns when the database answers. Raises one of UNAVAILABLE."""
    async with database.transaction() as session:
        await session.execute(text("SELECT 1"))
