"""Pictures that people sent: noted with the message, claimed by whoever fetches them, kept once by content."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.values import Json
from store.db import CHANGED, INBOX
from store.tables import MediaRow, PictureRow


async def note(session: AsyncSession, rows: Sequence[dict[str, Json]]) -> None:
    """There are pictures to be fetched; those that are noted already stay as they are."""
    await session.execute(insert(MediaRow).values(list(rows)).on_conflict_do_nothing(constraint="media_once"))


async def claim(session: AsyncSession, now: datetime, lease: timedelta, limit: int) -> list[MediaRow]:
    """Those that are due, the oldest first; nobody else is given them until the lease is over."""
    due = (
        select(MediaRow)
        .where(col(MediaRow.state) == "pending", col(MediaRow.next_at) <= now)
        .order_by(col(MediaRow.next_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = list((await session.scalars(due)).all())
    for row in rows:
        row.attempts, row.next_at = row.attempts + 1, now + lease
    return rows


async def keep(session: AsyncSession, media: str, picture: dict[str, Json], came: str, now: datetime) -> bool:
    """It is here; False when somebody else has ended it meanwhile. The same content is kept once."""
    await session.execute(insert(PictureRow).values(picture | {"kept_at": now}).on_conflict_do_nothing())
    return await end(session, media, "kept", now, came=came, picture=str(picture["sha256"]), error=None)


async def end(session: AsyncSession, media: str, state: str, now: datetime, **values: Json) -> bool:
    """It is at its end; False when it was before."""
    ended = (
        update(MediaRow)
        .where(col(MediaRow.id) == media, col(MediaRow.state) == "pending")
        .values(state=state, ended_at=now, **values)
        .returning(func.coalesce(MediaRow.exception_id, INBOX))
    )
    about = await session.scalar(ended)
    if about is not None:
        await tell(session, str(about))
    return about is not None


async def again(session: AsyncSession, media: str, error: str, due: datetime) -> None:
    """Not yet: it is tried again then."""
    pending = (col(MediaRow.id) == media, col(MediaRow.state) == "pending")
    tried = update(MediaRow).where(*pending).values(error=error, next_at=due)
    about = await session.scalar(tried.returning(func.coalesce(MediaRow.exception_id, INBOX)))
    if about is not None:
        await tell(session, str(about))


async def tell(session: AsyncSession, about: str) -> None:
    """Pages that show it look again, at commit."""
    await session.execute(select(func.pg_notify(CHANGED, about)))


async def attach(session: AsyncSession, person: str, exception_id: str, since: datetime) -> None:
    """What this person sent since then and belongs to nothing belongs to this exception."""
    loose = (col(MediaRow.exception_id).is_(None), col(MediaRow.person) == person, col(MediaRow.received_at) >= since)
    await session.execute(update(MediaRow).where(*loose).values(exception_id=exception_id))


async def attach_reported(session: AsyncSession, since: datetime) -> list[str]:
    """Pictures of a report belong to the exception that the report opened; gives those exceptions."""
    found = await session.scalars(_REPORTED, {"since": since})
    return list(dict.fromkeys(found))


_REPORTED = text(
    """
    UPDATE media SET exception_id = report.exception_id FROM inbox AS report
    WHERE media.exception_id IS NULL AND media.received_at >= :since
        AND report.source = 'mos' AND report.event_id = 'report:' || media.inbox_seq AND report.exception_id IS NOT NULL
    RETURNING media.exception_id
    """
)


async def expire(session: AsyncSession, rows: Sequence[MediaRow], now: datetime) -> None:
    """Their time is over. A content goes when nothing that is kept shows it any more; its hash stays."""
    for row in rows:
        row.state, row.ended_at = "expired", now
    await session.flush()
    gone = {row.picture for row in rows}
    shown = select(col(MediaRow.picture)).where(col(MediaRow.picture).in_(gone), col(MediaRow.state) == "kept")
    await session.execute(
        delete(PictureRow).where(col(PictureRow.sha256).in_(gone), col(PictureRow.sha256).not_in(shown))
    )
