"""The outbox: a row per message to a person. Writers add and withdraw; the sender alone moves rows on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.values import Json
from store.db import CHANGED, OUTGOING
from store.tables import OutboxRow
from store.write.values import one_or_many

_OUTBOX: Table = OutboxRow.__table__  # type: ignore[attr-defined]
_UNSAID: dict[str, Json] = {"reach": None, "expires_at": None, "edits": None, "conversation": ""}


async def add(session: AsyncSession, rows: Sequence[dict[str, Json]]) -> None:
    """Queue messages; one whose id is there already is not queued again. Wakes the sender at commit."""
    if rows:
        complete = [_UNSAID | {"priority": row["payload"].get("priority", "medium")} | row for row in rows]
        added = (
            insert(_OUTBOX).values(one_or_many(complete)).on_conflict_do_nothing().returning(_OUTBOX.c.id).cte("added")
        )
        await session.execute(select(func.pg_notify(OUTGOING, "")).add_cte(added))


async def withdraw(session: AsyncSession, task_id: str) -> None:
    """Prompts of this task that were not sent yet are not sent any more."""
    await session.execute(
        update(OutboxRow)
        .where(col(OutboxRow.task_id) == task_id, col(OutboxRow.state) == "pending", col(OutboxRow.edits).is_(None))
        .values(state="withdrawn")
    )


async def of_task(session: AsyncSession, task_id: str) -> list[OutboxRow]:
    """Every message of a task but the edits, whatever became of it, oldest first."""
    mine = select(OutboxRow).where(col(OutboxRow.task_id) == task_id, col(OutboxRow.edits).is_(None))
    return list((await session.scalars(mine.order_by(col(OutboxRow.created_at)))).all())


async def claim(session: AsyncSession, now: datetime, lease: timedelta, limit: int) -> tuple[list[OutboxRow], bool]:
    """Take messages that are due: pending ones, and ones whose sender vanished (`sending` for longer than the lease).

    The oldest of each conversation, and none where one is being sent: nobody reads the newer before the older. The
    rows keep the state they were found in (`pending` or `sending`); in the table all are `sending`. The flag says
    whether more is due, which must wait until one of these or of the earlier ones is done.
    """
    found = (await session.execute(_CLAIM, {"now": now, "stale": now - lease, "room": limit})).all()
    rows = [row for row, _ in found]
    for row in rows:
        session.expunge(row)
    if rows:
        await session.execute(
            update(_OUTBOX)
            .where(_OUTBOX.c.id.in_([row.id for row in rows]))
            .values(state="sending", claimed_at=now, attempts=_OUTBOX.c.attempts + 1)
        )
    return rows, found[0][1] > len(rows) if found else True


_DUE = and_(
    col(OutboxRow.state).in_(("pending", "sending")),
    col(OutboxRow.next_at) <= bindparam("now"),
)
_LIVE = and_(col(OutboxRow.state) == "sending", col(OutboxRow.claimed_at) >= bindparam("stale"))
_WAITING = (
    select(
        col(OutboxRow.id),
        _LIVE.label("live"),
        func.row_number()
        .over(
            partition_by=(col(OutboxRow.channel), col(OutboxRow.address)),
            order_by=(_LIVE.desc(), col(OutboxRow.created_at), col(OutboxRow.id)),
        )
        .label("place"),
    )
    .where(_DUE)
    .cte("waiting")
)
_CLAIM = (
    select(OutboxRow, select(func.count()).where(~_WAITING.c.live).scalar_subquery())
    .join(_WAITING, _WAITING.c.id == col(OutboxRow.id))
    .where(_WAITING.c.place == 1, ~_WAITING.c.live)
    # Once more on the row as locked: another sender may have taken it since this statement began.
    .where(_DUE, or_(col(OutboxRow.state) == "pending", col(OutboxRow.claimed_at) < bindparam("stale")))
    .order_by(col(OutboxRow.created_at))
    .limit(bindparam("room"))
    .with_for_update(of=OutboxRow, skip_locked=True)
)


async def renew(session: AsyncSession, ids: Sequence[str], now: datetime) -> None:
    """These messages are still being sent: nobody else may take them for left behind."""
    still = (_OUTBOX.c.id.in_(ids), _OUTBOX.c.state == "sending", _OUTBOX.c.next_at <= now)
    await session.execute(update(_OUTBOX).where(*still).values(claimed_at=now))


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
    """What became of a claimed message; tells the listeners of its exception. A message that is not `sending` any more
    stays as it is: its vendor has reported that it failed, or another sender was faster."""
    done = update(_OUTBOX).where(_OUTBOX.c.id == row.id, _OUTBOX.c.state == "sending").values(**values)
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
