"""What a vendor reports of a message after it took it: on the message's own row, or as an arrival that nobody wants."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.values import Json
from store.db import CHANGED
from store.tables import InboxRow, OutboxRow
from store.write.messages import reach


async def apply(
    session: AsyncSession, key: str, channel: str, vendor_id: str, *, delivered_at: datetime | None, failure: str
) -> list[OutboxRow] | None:
    """What the vendor says became of a message after it took it; None when it is none of ours. Gives the messages
    (it, and what went with it) that failed by this.

    Reports repeat and overtake each other, and may come before our own record of the send: the first delivery counts,
    nothing undoes it, and a vendor's id that we had not heard yet is kept, so that the message is not sent again.
    """
    seen = await session.get(OutboxRow, key)
    if seen is None or seen.channel != channel or seen.vendor_id not in (None, vendor_id):
        return None
    mine = (
        select(OutboxRow).where((col(OutboxRow.id) == key) | (col(OutboxRow.bundle) == key)).order_by(col(OutboxRow.id))
    )
    await reach.lock(session, *(await session.scalars(mine)).all())
    fresh = mine.with_for_update().execution_options(populate_existing=True)
    rows = (await session.scalars(fresh)).all()
    return [row for row in rows if await _one(session, row, vendor_id, delivered_at, failure)]


async def _one(
    session: AsyncSession, row: OutboxRow, vendor_id: str, delivered_at: datetime | None, failure: str
) -> bool:
    """Has it failed by this?"""
    before = (row.vendor_id, row.delivered_at, row.state)
    row.vendor_id = vendor_id
    if delivered_at is not None and row.delivered_at is None:
        row.delivered_at = delivered_at
        if row.state == "failed":
            row.state, row.error, row.ended_at, row.sent_at = "sent", None, None, row.sent_at or delivered_at
    elif failure and row.delivered_at is None:
        row.state, row.error = "failed", failure
    if row.exception_id and before != (row.vendor_id, row.delivered_at, row.state):
        await session.execute(select(func.pg_notify(CHANGED, row.exception_id)))
    return row.state == "failed" and before[2] != "failed"


async def ignore(session: AsyncSession, *, source: str, event_id: str, body: Json, why: str, at: datetime) -> None:
    """Keep a report of a message that is not ours, once, where the console shows what came in."""
    row = {"category": "report", "source": source, "event_id": event_id, "kind": "message.status", "body": body}
    row |= {"status": "ignored", "error": why, "received_at": at, "attempts": 0}
    await session.execute(insert(InboxRow).values(row).on_conflict_do_nothing(constraint="inbox_once"))
