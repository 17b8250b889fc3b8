"""Which channels work, which addresses want no more, and whom nothing reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.rosters.people import ChannelName
from store.db import Database
from store.tables import ChannelHealthRow, ContactRow, ExceptionRow, OutboxRow, StoppedRow

ALIVE = ("pending", "sending", "sent")
ENDED = ("failed", "moved", "expired")


async def down(session: AsyncSession) -> Sequence[ChannelHealthRow]:
    """The channels that do not work now."""
    broken = select(ChannelHealthRow).where(col(ChannelHealthRow.down_since).is_not(None))
    return (await session.scalars(broken.order_by(col(ChannelHealthRow.channel)))).all()


async def ailing(session: AsyncSession) -> Sequence[ChannelHealthRow]:
    """The channels whose last call did not get through, down or not."""
    return (await session.scalars(select(ChannelHealthRow).where(col(ChannelHealthRow.failures) > 0))).all()


async def any_stopped(session: AsyncSession) -> bool:
    """Is there an address that wants no more?"""
    return bool(await session.scalar(select(exists().select_from(StoppedRow))))


async def stranded(session: AsyncSession, shut: Sequence[str], now: datetime, limit: int) -> Sequence[str]:
    """Messages that are due where nothing can be sent now, the urgent ones first."""
    closed = or_(and_(col(OutboxRow.channel).in_(shut), col(OutboxRow.reach).is_not(None)), is_stopped())
    due = (col(OutboxRow.state) == "pending", col(OutboxRow.next_at) <= now, col(OutboxRow.edits).is_(None))
    urgent = case((col(OutboxRow.priority).in_(("high", "critical")), 0), else_=1)
    found = select(col(OutboxRow.id)).where(*due, closed).order_by(urgent, col(OutboxRow.created_at)).limit(limit)
    return (await session.scalars(found)).all()


@dataclass(frozen=True)
class Outage:
    """What the banner says: the channels that do not work now, and whether none does of those that people have."""

    down: Sequence[ChannelHealthRow] = ()
    everything: bool = False


async def outage(database: Database) -> Outage:
    """For the console's pages and the API."""
    async with database.transaction() as session:
        broken = await down(session)
        if not broken:
            return Outage()
        used = set((await session.scalars(select(col(ContactRow.channel)).distinct())).all()) - {ChannelName.CONSOLE}
        return Outage(broken, used <= {row.channel for row in broken})


async def stopped(session: AsyncSession, person: str) -> set[tuple[str, str]]:
    """The addresses (channel, address) at which this person wants no more."""
    mine = select(StoppedRow).where(col(StoppedRow.person) == person)
    return {(row.channel, row.address) for row in (await session.scalars(mine)).all()}


def is_stopped() -> ColumnElement[bool]:
    """Does a message go to such an address?"""
    return exists().where(
        col(StoppedRow.channel) == col(OutboxRow.channel), col(StoppedRow.address) == col(OutboxRow.address)
    )


async def unreachable(session: AsyncSession, limit: int) -> tuple[Sequence[tuple[str, str]], int]:
    """Of exceptions that are open: the first (exception id, person) whom every message of an ask missed, and how many
    there are."""
    found = (await session.execute(_missed().order_by(col(OutboxRow.exception_id)).limit(limit))).all()
    all_of_them = await session.scalar(select(func.count()).select_from(_missed().subquery()))
    return [(str(row[0]), str(row[1])) for row in found], int(all_of_them or 0)


def _missed() -> Select[Any, Any]:
    state, ask = col(OutboxRow.state), func.coalesce(col(OutboxRow.reach), col(OutboxRow.id))
    nothing_left = and_(~func.bool_or(state.in_(ALIVE)), func.bool_or(state == "failed"))
    return (
        select(col(OutboxRow.exception_id), col(OutboxRow.person))
        .join(ExceptionRow, col(ExceptionRow.id) == col(OutboxRow.exception_id))
        .where(col(ExceptionRow.closed_at).is_(None), col(OutboxRow.edits).is_(None))
        .group_by(col(OutboxRow.exception_id), col(OutboxRow.person), ask)
        .having(nothing_left)
    )


async def newest(session: AsyncSession, channel: str, since: datetime) -> OutboxRow | None:
    """The newest message of this channel since then: asking for it shows whether the vendor answers."""
    any_one = select(OutboxRow).where(
        col(OutboxRow.channel) == channel, col(OutboxRow.created_at) >= since, col(OutboxRow.edits).is_(None)
    )
    row: OutboxRow | None = await session.scalar(any_one.order_by(col(OutboxRow.created_at).desc()).limit(1))
    if row is not None:
        session.expunge(row)
    return row
