"""Exceptions: their identity (made by intake) and the projection of their workflow."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.values import Json
from store.db import CHANGED
from store.tables import ExceptionRow, InboxRow, TaskRow, TimelineRow


async def find_open(session: AsyncSession, site: str, definition: str, key: str) -> ExceptionRow | None:
    """The open exception of this key, locked against closing until the transaction ends."""
    statement = (
        select(ExceptionRow)
        .where(col(ExceptionRow.site) == site, col(ExceptionRow.definition) == definition, col(ExceptionRow.key) == key)
        .where(col(ExceptionRow.closed_at).is_(None))
        .with_for_update()
    )
    found: ExceptionRow | None = await session.scalar(statement)
    return found


async def open_new(session: AsyncSession, row: ExceptionRow) -> None:
    """Insert an exception's identity; the partial unique index allows one open one a key."""
    session.add(row)
    await session.flush()
    await changed(session, row.id)


async def started(session: AsyncSession, exception_id: str) -> None:
    """Temporal has the workflow."""
    await session.execute(update(ExceptionRow).where(col(ExceptionRow.id) == exception_id).values(started=True))


async def project(session: AsyncSession, exception_id: str, rev: int, values: dict[str, Any]) -> None:
    """Write the workflow's state; an older `rev` never wins."""
    await session.execute(
        update(ExceptionRow)
        .where(col(ExceptionRow.id) == exception_id, col(ExceptionRow.rev) < rev)
        .values(rev=rev, **values)
    )
    await changed(session, exception_id)


async def add_entries(session: AsyncSession, rows: list[dict[str, Json]]) -> None:
    """Timeline entries; an entry that is there already stays as it is."""
    if rows:
        await session.execute(insert(TimelineRow).values(rows).on_conflict_do_nothing())


async def close(session: AsyncSession, exception_id: str, highest_seq: int, at: datetime) -> bool:
    """Close the row unless a correlated signal beyond `highest_seq` is on its way to it."""
    statement = select(ExceptionRow).where(col(ExceptionRow.id) == exception_id).with_for_update()
    row: ExceptionRow | None = await session.scalar(statement)
    if row is None or row.closed_at is not None:
        return True
    undelivered = await session.scalar(
        select(col(InboxRow.seq))
        .where(col(InboxRow.exception_id) == exception_id, col(InboxRow.category) == "signal")
        .where(col(InboxRow.status) == "correlated", col(InboxRow.seq) > highest_seq)
        .limit(1)
    )
    if undelivered is not None:
        return False
    row.closed_at = at
    await changed(session, exception_id)
    return True


async def upsert_task(session: AsyncSession, row: dict[str, Json]) -> None:
    """A task as asked; asked again (ladder) it gains people and keeps its code."""
    statement = insert(TaskRow).values(row)
    keep = {name: row[name] for name in ("asked", "standing", "shown", "shown_hash") if name in row}
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=keep))


async def update_task(session: AsyncSession, task_id: str, **values: Any) -> None:
    """Set columns of a task."""
    await session.execute(update(TaskRow).where(col(TaskRow.id) == task_id).values(**values))


async def changed(session: AsyncSession, exception_id: str) -> None:
    """Tell listeners (the console's live pages) at commit."""
    await session.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANGED, "payload": exception_id})
