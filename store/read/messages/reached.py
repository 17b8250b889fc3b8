"""How we reached people and they us: what a channel cannot ask its vendor."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.tables import InboxRow, OutboxRow, TaskRow


async def last_inbound(session: AsyncSession, channel: str, address: str) -> datetime | None:
    """When somebody last wrote to us from this address."""
    wrote = select(func.max(col(InboxRow.received_at))).where(
        col(InboxRow.source) == channel,
        col(InboxRow.category) == "answer",
        col(InboxRow.body)["address"].astext == address,
    )
    found: datetime | None = await session.scalar(wrote)
    return found


async def claimed(session: AsyncSession, vendor_ids: Sequence[str], key: str) -> set[str]:
    """Those of a vendor's ids that stand on other rows of the outbox than `key`."""
    others = select(col(OutboxRow.vendor_id)).where(col(OutboxRow.vendor_id).in_(vendor_ids), col(OutboxRow.id) != key)
    return {str(found) for found in (await session.scalars(others)).all()}


async def message(session: AsyncSession, key: str, channel: str) -> tuple[OutboxRow, TaskRow | None] | None:
    """A message of this channel, and how its task stands now."""
    row = await session.get(OutboxRow, key)
    if row is None or row.channel != channel:
        return None
    return row, await session.get(TaskRow, row.task_id) if row.task_id else None
