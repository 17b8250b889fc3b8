"""Feeds in: schedules of other systems by their address, and how the last look went."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.tables import ScheduleFeedRow


async def every(session: AsyncSession) -> Sequence[ScheduleFeedRow]:
    """By name."""
    return (await session.scalars(select(ScheduleFeedRow).order_by(col(ScheduleFeedRow.name)))).all()


async def one(session: AsyncSession, name: str) -> ScheduleFeedRow | None:
    return await session.get(ScheduleFeedRow, name, populate_existing=True)


async def of_schedule(session: AsyncSession, schedule: str) -> ScheduleFeedRow | None:
    """The feed that it came from."""
    mine = func.jsonb_exists(col(ScheduleFeedRow.schedules), schedule)
    return (await session.scalars(select(ScheduleFeedRow).where(mine))).first()


def is_stale(row: ScheduleFeedRow, now: datetime) -> bool:
    """No look was good for too long."""
    return now - (row.good_at or row.added_at) > timedelta(hours=row.stale_after)
