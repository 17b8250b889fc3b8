"""What the pump asks: which exceptions have something waiting, and what."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.tables import ExceptionRow, InboxRow


async def exceptions_with_deliveries(session: AsyncSession, now: datetime) -> dict[str, bool]:
    """Exceptions that have correlated rows, the longest waiting first, without those held back at `now`; for each: did
    its oldest row already fail to get through?"""
    oldest = (
        select(col(InboxRow.exception_id), col(InboxRow.seq), col(InboxRow.due_at), col(InboxRow.error))
        .ext(distinct_on(col(InboxRow.exception_id)))
        .where(col(InboxRow.status) == "correlated", col(InboxRow.exception_id).is_not(None))
        .order_by(col(InboxRow.exception_id), col(InboxRow.seq))
        .subquery()
    )
    due = oldest.c.due_at.is_(None) | (oldest.c.due_at <= now)
    statement = select(oldest.c.exception_id, oldest.c.error.is_not(None)).where(due).order_by(oldest.c.seq).limit(500)
    return {str(found[0]): bool(found[1]) for found in (await session.execute(statement)).all()}


async def deliveries(
    session: AsyncSession, exception_id: str, limit: int
) -> tuple[ExceptionRow | None, list[InboxRow]]:
    """An exception and its correlated rows in inbox order; None when nothing waits."""
    statement = (
        select(ExceptionRow, InboxRow)
        .join(InboxRow, col(InboxRow.exception_id) == col(ExceptionRow.id))
        .where(col(ExceptionRow.id) == exception_id, col(InboxRow.status) == "correlated")
        .order_by(col(InboxRow.seq))
        .limit(limit)
    )
    found = (await session.execute(statement)).all()
    return found[0][0] if found else None, [row for _, row in found]


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
