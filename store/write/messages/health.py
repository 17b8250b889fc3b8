"""Whether a channel works: counted over messages and senders, so that an outage is seen within seconds."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.db import CHANGED, OUTGOING
from store.tables import ChannelHealthRow, OutboxRow

ENOUGH = 3  # failures, one after the other, and the channel counts as down
_FIRST, _LONGEST = timedelta(seconds=2), timedelta(seconds=15)
_ALL = "*"


async def failed(session: AsyncSession, channel: str, weight: int, error: str, now: datetime) -> bool:
    """A call did not get through; gives whether the channel is down now."""
    fresh = insert(ChannelHealthRow).values(
        channel=channel, failures=weight, error=error[:300], changed_at=now, **_marks(None, weight, now)
    )
    counted = col(ChannelHealthRow.failures) + weight
    is_down = or_(col(ChannelHealthRow.down_since).is_not(None), counted >= ENOUGH)
    again = fresh.on_conflict_do_update(
        index_elements=["channel"],
        set_={
            "failures": func.least(counted, 1000),
            "error": error[:300],
            "changed_at": now,
            "down_since": case((is_down, func.coalesce(col(ChannelHealthRow.down_since), now)), else_=None),
            "probe_at": case((is_down, now + _pause(now)), else_=None),
        },
    ).returning(col(ChannelHealthRow.failures), col(ChannelHealthRow.down_since))
    failures, since = (await session.execute(again)).one()
    if since is not None and failures - weight < ENOUGH:
        await _tell(session)
    return since is not None


def _marks(since: datetime | None, weight: int, now: datetime) -> dict[str, datetime | None]:
    down = weight >= ENOUGH
    return {"down_since": now if down else since, "probe_at": now + _FIRST if down else None}


def _pause(now: datetime) -> ColumnElement[timedelta]:
    """The longer it lasts the rarer it is tried."""
    lasted = now - func.coalesce(col(ChannelHealthRow.down_since), now)
    return func.least(func.greatest(lasted, _FIRST), _LONGEST)


async def worked(session: AsyncSession, channel: str, now: datetime) -> None:
    """A call got through. What waited for this channel is due at once, and the pages are told."""
    this = col(ChannelHealthRow.channel) == channel
    before = await session.scalar(select(col(ChannelHealthRow.down_since)).where(this).with_for_update())
    clean = {"failures": 0, "down_since": None, "probe_at": None, "error": "", "changed_at": now}
    await session.execute(update(ChannelHealthRow).where(this).values(**clean))
    if before is None:
        return
    state, late = col(OutboxRow.state), col(OutboxRow.next_at) > now
    waiting = select(col(OutboxRow.id)).where(
        col(OutboxRow.channel) == channel, state == "pending", late, col(OutboxRow.error).is_not(None)
    )
    ids = waiting.with_for_update(skip_locked=True)
    await session.execute(update(OutboxRow).where(col(OutboxRow.id).in_(ids)).values(next_at=now))
    await session.execute(select(func.pg_notify(OUTGOING, "")))
    await _tell(session)


async def _tell(session: AsyncSession) -> None:
    await session.execute(select(func.pg_notify(CHANGED, _ALL)))


async def claim_probe(session: AsyncSession, now: datetime) -> list[str]:
    """The channels that one sender may try now; others leave them alone for a while."""
    due = update(ChannelHealthRow).where(
        col(ChannelHealthRow.down_since).is_not(None), col(ChannelHealthRow.probe_at) <= now
    )
    taken = due.values(probe_at=now + _LONGEST).returning(col(ChannelHealthRow.channel))
    return [str(channel) for channel in (await session.scalars(taken)).all()]
