"""Feeds in: which there are, whose turn it is, how a look went."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.values import Json
from store.tables import ScheduleFeedRow

_CLAIMING = 0x6D6F7346  # advisory lock
LEASE = timedelta(minutes=3)  # a look that takes longer has lost its worker


async def keep(session: AsyncSession, told: Mapping[str, Mapping[str, Json]], now: datetime) -> None:
    """These are published (by name, what the row says of its settings), and no others. One that changes is looked
    at at once; the schedules of one that is gone stay."""
    feed = ScheduleFeedRow
    await session.execute(delete(feed).where(col(feed.name).not_in(list(told))))
    for name, values in told.items():
        fresh = {"added_at": now, "next_at": now, "error": "", "advice": "", "notes": [], "schedules": []}
        statement = insert(feed).values({"name": name, **fresh, **values})
        differs = or_(*(getattr(feed, key) != value for key, value in values.items()))
        changed = statement.on_conflict_do_update(
            index_elements=["name"], set_={**values, "next_at": now}, where=differs
        )
        await session.execute(changed)


async def ask(session: AsyncSession, name: str, now: datetime) -> bool:
    """Look at it as soon as a worker is free; False when there is none of this name."""
    wanted = update(ScheduleFeedRow).where(col(ScheduleFeedRow.name) == name).values(asked_at=now, next_at=now)
    return (await session.scalars(wanted.returning(col(ScheduleFeedRow.name)))).first() is not None


async def claim(session: AsyncSession, names: Collection[str], now: datetime) -> ScheduleFeedRow | None:
    """The feed that is due longest, from now on ours; of several workers one claims at a time."""
    if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _CLAIMING}):
        return None
    feed = ScheduleFeedRow
    free = or_(col(feed.claimed_at).is_(None), col(feed.claimed_at) <= now - LEASE)
    due = select(feed).where(col(feed.name).in_(list(names)), col(feed.next_at) <= now, free)
    row = (await session.scalars(due.order_by(col(feed.next_at)).limit(1).with_for_update())).first()
    if row is not None:
        row.claimed_at = now
        await session.flush()
    return row


async def held(session: AsyncSession, name: str, claimed_at: datetime) -> ScheduleFeedRow | None:
    """Still ours, and locked; None when another worker has overtaken this one, or it is published no more."""
    row = await session.get(ScheduleFeedRow, name, with_for_update=True, populate_existing=True)
    return row if row is not None and row.claimed_at == claimed_at else None


def ended(row: ScheduleFeedRow, now: datetime, error: str, advice: str) -> None:
    """How the look went; the next one is due after its minutes, or at once when somebody has asked meanwhile."""
    answered = row.asked_at is None or row.claimed_at is None or row.asked_at <= row.claimed_at
    row.asked_at = None if answered else row.asked_at
    row.next_at = now + timedelta(minutes=row.minutes) if answered else now
    row.claimed_at, row.tried_at, row.error, row.advice = None, now, error, advice
    row.good_at = row.good_at if error else now
