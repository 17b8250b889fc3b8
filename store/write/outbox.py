"""The outbox: a row per message to a person. Writers add and withdraw; the sender alone moves rows on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.values import Json
from store.db import OUTGOING
from store.tables import OutboxRow


async def add(session: AsyncSession, rows: Sequence[dict[str, Json]]) -> None:
    """Queue messages; one whose id is there already is not queued again. Wakes the sender at commit."""
    if rows:
        await session.execute(insert(OutboxRow).values(list(rows)).on_conflict_do_nothing())
        await session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": OUTGOING})


async def withdraw(session: AsyncSession, task_id: str) -> None:
    """Prompts of this task that were not sent yet are not sent any more."""
    await session.execute(
        update(OutboxRow)
        .where(col(OutboxRow.task_id) == task_id, col(OutboxRow.state) == "pending", col(OutboxRow.edits).is_(None))
        .values(state="withdrawn")
    )


async def of_task(session: AsyncSession, task_id: str) -> list[OutboxRow]:
    """The messages of a task that reached, or may have reached, a person."""
    statement = select(OutboxRow).where(
        col(OutboxRow.task_id) == task_id,
        col(OutboxRow.edits).is_(None),
        col(OutboxRow.state).in_(("sent", "sending")),
    )
    return list((await session.scalars(statement.order_by(col(OutboxRow.created_at)))).all())


async def claim(session: AsyncSession, now: datetime, lease: timedelta, limit: int) -> list[OutboxRow]:
    """Take messages that are due: pending ones, and ones whose sender vanished (`sending` for longer than the lease).

    The returned rows keep the state they were found in (`pending` or `sending`); in the table all are `sending`.
    """
    stale = (col(OutboxRow.state) == "sending") & (col(OutboxRow.claimed_at) < now - lease)
    statement = (
        select(OutboxRow)
        .where(or_((col(OutboxRow.state) == "pending") & (col(OutboxRow.next_at) <= now), stale))
        .order_by(col(OutboxRow.created_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = list((await session.scalars(statement)).all())
    for row in rows:
        session.expunge(row)
    ids = [row.id for row in rows]
    await session.execute(
        update(OutboxRow)
        .where(col(OutboxRow.id).in_(ids))
        .values(state="sending", claimed_at=now, attempts=col(OutboxRow.attempts) + 1)
    )
    return rows


async def is_overtaken(session: AsyncSession, row: OutboxRow) -> bool:
    """Is there a newer edit of the same message?"""
    newer = (
        select(col(OutboxRow.id))
        .where(col(OutboxRow.edits) == row.edits, col(OutboxRow.created_at) > row.created_at)
        .limit(1)
    )
    return await session.scalar(newer) is not None


async def finish(session: AsyncSession, row_id: str, **values: Any) -> None:
    """What became of a claimed message."""
    await session.execute(update(OutboxRow).where(col(OutboxRow.id) == row_id).values(**values))


async def next_due(session: AsyncSession) -> datetime | None:
    """When the next waiting message is due."""
    found: datetime | None = await session.scalar(
        select(func.min(col(OutboxRow.next_at))).where(col(OutboxRow.state) == "pending")
    )
    return found
