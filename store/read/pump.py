"""What the pump asks: which exceptions have something waiting, and what."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.tables import ExceptionRow, InboxRow


async def exceptions_with_deliveries(session: AsyncSession) -> list[str]:
    """Ids of exceptions that have correlated rows, the longest waiting first."""
    statement = (
        select(col(InboxRow.exception_id))
        .where(col(InboxRow.status) == "correlated")
        .order_by(col(InboxRow.seq))
        .limit(500)
    )
    return list(dict.fromkeys(found for found in (await session.scalars(statement)).all() if found))


async def deliveries(session: AsyncSession, exception_id: str, limit: int) -> list[InboxRow]:
    """The correlated rows of an exception in inbox order."""
    statement = (
        select(InboxRow)
        .where(col(InboxRow.exception_id) == exception_id, col(InboxRow.status) == "correlated")
        .order_by(col(InboxRow.seq))
        .limit(limit)
    )
    return list((await session.scalars(statement)).all())


async def signals_of(session: AsyncSession, exception_id: str) -> list[InboxRow]:
    """Every signal that ever belonged to an exception, in inbox order."""
    statement = (
        select(InboxRow)
        .where(col(InboxRow.exception_id) == exception_id, col(InboxRow.category) == "signal")
        .order_by(col(InboxRow.seq))
    )
    return list((await session.scalars(statement)).all())


async def open_exceptions(session: AsyncSession, opened_before: datetime) -> list[ExceptionRow]:
    """Open exceptions that Temporal should know: started ones, opened before that moment."""
    statement = select(ExceptionRow).where(
        col(ExceptionRow.closed_at).is_(None),
        col(ExceptionRow.started).is_(True),
        col(ExceptionRow.opened_at) < opened_before,
    )
    return list((await session.scalars(statement)).all())
