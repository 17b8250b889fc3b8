"""The outbox: a row per message to a person. Writers add and withdraw; the sender alone moves rows on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, bindparam, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.values import Json
from store.db import CHANGED, OUTGOING
from store.tables import OutboxRow
from store.write.values import one_or_many

_OUTBOX: Table = OutboxRow.__table__  # type: ignore[attr-defined]


async def add(session: AsyncSession, rows: Sequence[dict[str, Json]]) -> None:
    """Queue messages; one whose id is there already is not queued again. Wakes the sender at commit."""
    if rows:
        added = insert(_OUTBOX).values(one_or_many(rows)).on_conflict_do_nothing().returning(_OUTBOX.c.id).cte("added")
        await session.execute(select(func.pg_notify(OUTGOING, "")).add_cte(added))


async def withdraw(session: AsyncSession, task_id: str) -> None:
    """Prompts of this task that were not sent yet are not sent any more."""
    await session.execute(
        update(OutboxRow)
        .where(col(OutboxRow.task_id) == task_id, col(OutboxRow.state) == "pending", col(OutboxRow.edits).is_(None))
        .values(state="withdrawn")
    )


async def of_task(session: AsyncSession, task_id: str) -> list[OutboxRow]:
    """The messages of a task that reached, or may have reached, a person."""
    statement = select(OutboxRow).where(
        col(OutboxRow.task_id) == task_id,
        col(OutboxRow.edits).is_(None),
        col(OutboxRow.state).in_(("sent", "sending")),
    )
    return list((await session.scalars(statement.order_by(col(OutboxRow.created_at)))).all())


async def claim(session: AsyncSession, now: datetime, lease: timedelta, limit: int) -> list[OutboxRow]:
    """Take messages that are due: pending ones, and ones whose sender vanished (`sending` for longer than the lease).

    The returned rows keep the state they were found in (`pending` or `sending`); in the table all are `sending`.
    """
    stale = (col(OutboxRow.state) == "sending") & (col(OutboxRow.claimed_at) < now - lease)
    statement = (
        select(OutboxRow)
        .where(or_((col(OutboxRow.state) == "pending") & (col(OutboxRow.next_at) <= now), stale))
        .order_by(col(OutboxRow.created_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = list((await session.scalars(statement)).all())
    for row in rows:
        session.expunge(row)
    ids = [row.id for row in rows]
    if ids:
        await session.execute(
            update(_OUTBOX)
            .where(_OUTBOX.c.id.in_(ids))
            .values(state="sending", claimed_at=now, attempts=_OUTBOX.c.attempts + 1)
        )
    return rows


async def original(session: AsyncSession, row: OutboxRow) -> tuple[OutboxRow, bool]:
    """The message that this row edits, and whether a newer edit of it exists."""
    given = {"edited": row.edits, "since": row.created_at}
    found = (await session.execute(_ORIGINAL, given)).one()
    return found[0], found[1]


_NEWER = aliased(OutboxRow)
_ORIGINAL = select(
    OutboxRow, exists().where(col(_NEWER.edits) == bindparam("edited"), col(_NEWER.created_at) > bindparam("since"))
).where(col(OutboxRow.id) == bindparam("edited"))


async def finish(session: AsyncSession, row: OutboxRow, **values: Any) -> None:
    """What became of a claimed message; tells the listeners of its exception."""
    done = update(_OUTBOX).where(_OUTBOX.c.id == row.id).values(**values)
    if not row.exception_id:
        await session.execute(done)
        return
    told = select(func.pg_notify(CHANGED, row.exception_id))
    await session.execute(told.add_cte(done.returning(_OUTBOX.c.id).cte("done")))


async def next_due(session: AsyncSession) -> datetime | None:
    """When the next waiting message is due."""
    found: datetime | None = await session.scalar(
        select(func.min(col(OutboxRow.next_at))).where(col(OutboxRow.state) == "pending")
    )
    return found
