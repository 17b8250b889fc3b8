"""Shelves: begun and ended by people, one at a time with the pump, so that no signal falls between."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.db import ARRIVED, INBOX
from store.tables import InboxRow, ShelfRow
from store.write import exceptions


async def begin(session: AsyncSession, row: ShelfRow) -> None:
    """From now on its signals wait. Tells the console at commit."""
    session.add(row)
    await session.flush()
    await exceptions.changed(session, INBOX)


async def end(session: AsyncSession, row: ShelfRow, by: str, at: datetime) -> None:
    """Its signals are looked at again at once; the row stays as history. The caller holds `inbox.one_at_a_time`: a
    batch of the pump that still saw the shelf has ended, and what it put aside is found here."""
    row.ended_by, row.ended_at = by, at
    await session.flush()
    await session.execute(
        update(InboxRow)
        .where(col(InboxRow.status) == "settling", col(InboxRow.definition) == row.definition)
        .where(col(InboxRow.due_at) > at)
        .values(due_at=at)
    )
    await session.execute(select(func.pg_notify(ARRIVED, "")))
    await exceptions.changed(session, INBOX)
