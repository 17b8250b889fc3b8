"""Pictures that people sent: of one exception, of none, and one of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.db import Database
from store.tables import AuditHoldRow, ExceptionRow, MediaRow, PictureRow, TimelineRow

_DAY = timedelta(days=1)


async def of_exception(session: AsyncSession, exception_id: str) -> Sequence[MediaRow]:
    """As they came."""
    mine = select(MediaRow).where(col(MediaRow.exception_id) == exception_id)
    return (await session.scalars(mine.order_by(col(MediaRow.received_at), col(MediaRow.place)))).all()


async def loose(database: Database, limit: int = 50) -> Sequence[MediaRow]:
    """Those that belong to no exception, the newest first."""
    found = select(MediaRow).where(col(MediaRow.exception_id).is_(None), col(MediaRow.state) != "expired")
    async with database.transaction() as session:
        return (await session.scalars(found.order_by(col(MediaRow.received_at).desc()).limit(limit))).all()


async def picture(database: Database, media: str) -> PictureRow | None:
    """What is kept of one; None while it is not here, or not any more."""
    async with database.transaction() as session:
        row = await session.get(MediaRow, media)
        return await session.get(PictureRow, row.picture) if row is not None and row.state == "kept" else None


async def printed(session: AsyncSession, rows: Sequence[MediaRow], most: int, most_bytes: int) -> list[PictureRow]:
    """What is kept of these, each once and as they came: so many, and no more bytes."""
    names = list(dict.fromkeys(row.picture for row in rows if row.state == "kept"))
    sized = select(col(PictureRow.sha256), col(PictureRow.size)).where(col(PictureRow.sha256).in_(names))
    sizes = {row.sha256: row.size for row in (await session.execute(sized)).all()}
    found: list[PictureRow] = []
    for name in [one for one in names if one in sizes][:most]:
        most_bytes -= sizes[name]
        if most_bytes < 0:
            break
        found.append(await session.get_one(PictureRow, name))
    return found


async def held(session: AsyncSession, row: MediaRow) -> tuple[int, int]:
    """How many pictures stand beside this one, and their bytes: the exception's, or those of this person's day."""
    about = select(func.count(), func.coalesce(func.sum(col(PictureRow.size)), 0)).select_from(MediaRow)
    joined = about.join(PictureRow, col(PictureRow.sha256) == col(MediaRow.picture))
    if row.exception_id is not None:
        mine = joined.where(col(MediaRow.exception_id) == row.exception_id)
    else:
        since = row.received_at - _DAY
        mine = joined.where(
            col(MediaRow.exception_id).is_(None),
            col(MediaRow.person) == row.person,
            col(MediaRow.received_at) >= since,
        )
    count, size = (await session.execute(mine)).one()
    return int(count), int(size)


async def outdated(session: AsyncSession, before: datetime, limit: int) -> Sequence[MediaRow]:
    """Kept ones whose exception closed before then (or that came before then and belong to none), and that no legal
    hold wants: one on everything, on the exception or on who sent it."""
    last = func.coalesce(col(ExceptionRow.closed_at), col(MediaRow.received_at))
    ended = col(MediaRow.exception_id).is_(None) | col(ExceptionRow.closed_at).is_not(None)
    wanted = (
        select(col(AuditHoldRow.id))
        .where(col(AuditHoldRow.lifted_at).is_(None))
        .where(col(AuditHoldRow.subject).in_(["", MediaRow.exception_id, MediaRow.person]))
        .exists()
    )
    found = (
        select(MediaRow)
        .outerjoin(ExceptionRow, col(ExceptionRow.id) == col(MediaRow.exception_id))
        .where(col(MediaRow.state) == "kept", ended, last < before, ~wanted)
        .limit(limit)
        .with_for_update(of=MediaRow, skip_locked=True)
    )
    return (await session.scalars(found)).all()


def told(rows: Sequence[MediaRow]) -> list[TimelineRow]:
    """The lines of the story that say who sent a picture, and what became of it."""
    return [
        TimelineRow(
            exception_id=row.exception_id or "",
            entry=0,
            at=row.received_at,
            kind="picture",
            person=row.person,
            data={"media": row.id, "state": row.state, "channel": row.channel, "error": row.error or ""}
            | ({"sha256": row.picture} if row.picture else {}),
        )
        for row in rows
    ]
