"""The outbox: a row per message to a person. Writers add and withdraw; the sender alone moves rows on."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CTE, Select, Table, and_, bindparam, case, exists, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.values import Json
from store.db import CHANGED, OUTGOING
from store.read.messages.reach import is_stopped
from store.tables import OutboxRow, TaskRow
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


async def wake(session: AsyncSession) -> None:
    """Something is due earlier than it was: wakes the sender at commit."""
    await session.execute(select(func.pg_notify(OUTGOING, "")))


async def withdraw(session: AsyncSession, task_id: str, but: Collection[str] = ()) -> None:
    """What of this task was not sent yet is not sent any more; what is being sent is not tried again. `but`: ids that
    stay. Locks the task first, so that nobody who finds it open adds a further prompt meanwhile (see reach.fail_over).
    """
    await session.execute(select(col(TaskRow.id)).where(col(TaskRow.id) == task_id).with_for_update())
    concerned = (col(OutboxRow.task_id) == task_id, col(OutboxRow.id).not_in(but), col(OutboxRow.edits).is_(None))
    mine = update(OutboxRow).where(*concerned)
    await session.execute(mine.where(col(OutboxRow.state) == "pending").values(state="withdrawn"))
    await session.execute(mine.where(col(OutboxRow.state) == "sending").values(unwanted=True))


async def of_task(session: AsyncSession, task_id: str) -> list[OutboxRow]:
    """Every message of a task but the edits, whatever became of it, oldest first."""
    mine = select(OutboxRow).where(col(OutboxRow.task_id) == task_id, col(OutboxRow.edits).is_(None))
    return list((await session.scalars(mine.order_by(col(OutboxRow.created_at)))).all())


async def claim(
    session: AsyncSession, now: datetime, lease: timedelta, limit: int, shut: Sequence[str] = ()
) -> tuple[list[OutboxRow], bool]:
    """Take messages that are due: pending ones, and ones whose sender vanished (`sending` for longer than the lease).

    The oldest of each conversation, and none where one is being sent: nobody reads the newer before the older; across
    conversations the urgent ones first. Nothing new for channels that are `shut` and for addresses that want no more.
    The rows keep the state they were found in (`pending` or `sending`); in the table all are `sending`. The flag says
    whether more is due, which must wait until one of these or of the earlier ones is done.
    """
    await _drop(session, now)
    given = {"now": now, "stale": now - lease, "room": limit, "shut": list(shut), "lately": now - TOGETHER}
    found = (await session.execute(_CLAIM, given)).all()
    rows = [row for row, _ in found]
    for row in rows:
        session.expunge(row)
    if rows:
        await session.execute(
            update(_OUTBOX)
            .where(or_(_OUTBOX.c.id.in_([row.id for row in rows]), _OUTBOX.c.bundle.in_([row.id for row in rows])))
            .where(_OUTBOX.c.state.in_(("pending", "sending")))
            .values(state="sending", claimed_at=now, attempts=_OUTBOX.c.attempts + 1)
        )
    return rows, found[0][1] > len(rows) if found else True


async def _drop(session: AsyncSession, now: datetime) -> None:
    """What is due but was withdrawn while it was tried, or is too old to be of use, is not sent any more."""
    old = col(OutboxRow.expires_at) <= now
    waiting = (col(OutboxRow.state) == "pending", col(OutboxRow.next_at) <= now, col(OutboxRow.edits).is_(None))
    ids = select(col(OutboxRow.id)).where(*waiting, or_(old, col(OutboxRow.unwanted))).with_for_update(skip_locked=True)
    fate = case((col(OutboxRow.unwanted), "withdrawn"), else_="expired")
    gone = update(_OUTBOX).where(_OUTBOX.c.id.in_(ids)).values(state=fate, ended_at=now)
    await session.execute(_told_of(gone.returning(_OUTBOX.c.exception_id).cte("gone")))


TOGETHER = timedelta(seconds=20)
"""A notification that is not urgent waits so long after the one before in its conversation: what came meanwhile goes
with it as one message."""
_TOLD = aliased(OutboxRow)
_HELD = and_(
    col(OutboxRow.purpose) == "notify",
    col(OutboxRow.priority).in_(("low", "medium")),
    exists().where(
        col(_TOLD.channel) == col(OutboxRow.channel),
        col(_TOLD.address) == col(OutboxRow.address),
        col(_TOLD.purpose) == "notify",
        col(_TOLD.state) == "sent",
        col(_TOLD.sent_at) > bindparam("lately"),
    ),
)
_DUE = and_(
    col(OutboxRow.state).in_(("pending", "sending")),
    col(OutboxRow.next_at) <= bindparam("now"),
    or_(
        col(OutboxRow.state) == "sending",
        and_(col(OutboxRow.channel).not_in(bindparam("shut", expanding=True)), ~is_stopped(), ~_HELD),
    ),
    or_(col(OutboxRow.bundle).is_(None), col(OutboxRow.bundle) == col(OutboxRow.id)),
)
_LIVE = and_(col(OutboxRow.state) == "sending", col(OutboxRow.claimed_at) >= bindparam("stale"))
_URGENT = case((col(OutboxRow.priority) == "critical", 0), (col(OutboxRow.priority) == "high", 1), else_=2)
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
    .order_by(_URGENT, col(OutboxRow.created_at))
    .limit(bindparam("room"))
    .with_for_update(of=OutboxRow, skip_locked=True)
)


async def behind(session: AsyncSession, heads: Sequence[OutboxRow], now: datetime) -> list[OutboxRow]:
    """What is due in the conversations of these claimed messages, the oldest first, locked."""
    places = [(row.channel, row.address) for row in heads]
    due = (col(OutboxRow.state) == "pending", col(OutboxRow.next_at) <= now, col(OutboxRow.bundle).is_(None))
    here = select(OutboxRow).where(*due, tuple_(col(OutboxRow.channel), col(OutboxRow.address)).in_(places))
    ordered = here.order_by(col(OutboxRow.created_at), col(OutboxRow.id)).with_for_update(skip_locked=True)
    return list((await session.scalars(ordered)).all())


async def bind(session: AsyncSession, head: OutboxRow, others: Sequence[OutboxRow], now: datetime) -> None:
    """These go with the claimed message `head`, as one text."""
    head.bundle = head.id
    await session.execute(update(_OUTBOX).where(_OUTBOX.c.id == head.id).values(bundle=head.id))
    taken = {"state": "sending", "claimed_at": now, "attempts": _OUTBOX.c.attempts + 1, "bundle": head.id}
    await session.execute(update(_OUTBOX).where(_OUTBOX.c.id.in_([row.id for row in others])).values(**taken))


async def carried(session: AsyncSession, head: OutboxRow) -> list[OutboxRow]:
    """What goes with this message, the oldest first."""
    mine = select(OutboxRow).where(col(OutboxRow.bundle) == head.id, col(OutboxRow.id) != head.id)
    return list((await session.scalars(mine.order_by(col(OutboxRow.created_at), col(OutboxRow.id)))).all())


async def renew(session: AsyncSession, ids: Sequence[str], now: datetime) -> None:
    """These messages, and what goes with them, are still being sent: nobody else may take them for left behind."""
    mine = or_(_OUTBOX.c.id.in_(ids), _OUTBOX.c.bundle.in_(ids))
    still = (mine, _OUTBOX.c.state == "sending", _OUTBOX.c.next_at <= now)
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
    """What became of a claimed message, and of what went with it; tells the listeners of its exception. A message that
    is not `sending` any more stays as it is: its vendor has reported that it failed, or another sender was faster."""
    mine = _OUTBOX.c.bundle == row.id if row.bundle else _OUTBOX.c.id == row.id
    done = update(_OUTBOX).where(mine, _OUTBOX.c.state == "sending").values(**values)
    gone = done.returning(_OUTBOX.c.exception_id).cte("done")
    await session.execute(_told_of(gone))


async def put_back(session: AsyncSession, row: OutboxRow, now: datetime, **values: Any) -> None:
    """As `finish`, for a claimed message that waits for its next try; one that was taken back meanwhile has none."""
    taken_back = _OUTBOX.c.unwanted & _OUTBOX.c.edits.is_(None)
    state = case((taken_back, "withdrawn"), else_="pending")
    await finish(session, row, state=state, ended_at=case((taken_back, now), else_=None), **values)


def _told_of(gone: CTE) -> Select[Any]:
    """Tells whoever looks at the exceptions of these messages."""
    return select(func.pg_notify(CHANGED, gone.c.exception_id)).where(gone.c.exception_id.is_not(None))


async def end(session: AsyncSession, row: OutboxRow, now: datetime, **values: Any) -> list[OutboxRow]:
    """As `finish`, for what will never arrive; gives the messages concerned, each on its own again."""
    mine = col(OutboxRow.bundle) == row.id if row.bundle else col(OutboxRow.id) == row.id
    sending = select(OutboxRow).where(mine, col(OutboxRow.state) == "sending").order_by(col(OutboxRow.id))
    fresh = sending.with_for_update().execution_options(populate_existing=True)
    found = list((await session.scalars(fresh)).all())
    for one in found:
        one.ended_at, one.bundle = now, None
        for name, value in values.items():
            setattr(one, name, value)
        if one.exception_id:
            await session.execute(select(func.pg_notify(CHANGED, one.exception_id)))
    return found


async def next_due(session: AsyncSession) -> datetime | None:
    """When the next waiting message is due."""
    found: datetime | None = await session.scalar(
        select(func.min(col(OutboxRow.next_at))).where(col(OutboxRow.state) == "pending")
    )
    return found
