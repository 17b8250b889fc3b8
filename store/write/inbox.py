"""The inbox: every signal and answer, committed before it is acknowledged."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Table, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.signals import RawSignal
from domain.values import Json
from store.db import ARRIVED, CHANGED, INBOX
from store.tables import InboxRow, RefusedCall, SourceStateRow
from store.write.values import one_or_many

OPEN = ("received", "settling", "correlated")
_REFUSED_BODY_LIMIT = 4096
_CORRELATING = 7412
_INBOX: Table = InboxRow.__table__  # type: ignore[attr-defined]


async def add_signals(session: AsyncSession, raws: Sequence[RawSignal], received_at: datetime) -> list[bool]:
    """Insert what is new by (source, event_id); for each signal: was it new? Wakes the pump at commit."""
    rows = [
        {
            "category": "signal",
            "source": raw.source,
            "event_id": raw.event_id.replace("\x00", "\ufffd"),
            "kind": raw.kind,
            "body": raw.body,
            "status": "received",
            "occurred_at": raw.occurred_at,
            "received_at": received_at,
            "attempts": 0,
        }
        for raw in raws
    ]
    return await _insert(session, rows)


async def add_answer(
    session: AsyncSession,
    *,
    source: str,
    event_id: str,
    kind: str,
    body: Json,
    received_at: datetime,
    status: str = "received",
) -> bool:
    """Insert a person's answer; False when this very press or text is there already."""
    row = {"category": "answer", "source": source, "event_id": event_id, "kind": kind, "body": body}
    return (await _insert(session, [row | {"status": status, "received_at": received_at, "attempts": 0}]))[0]


async def add_command(session: AsyncSession, *, source: str, event_id: str, body: Json, received_at: datetime) -> bool:
    """Insert what somebody wants done with a running exception; False when this very press is there already."""
    row = {"category": "command", "source": source, "event_id": event_id, "kind": "command", "body": body}
    return (await _insert(session, [row | {"status": "received", "received_at": received_at, "attempts": 0}]))[0]


async def _insert(session: AsyncSession, rows: list[dict[str, Json]]) -> list[bool]:
    added = (
        insert(_INBOX)
        .values(one_or_many(rows))
        .on_conflict_do_nothing(constraint="inbox_once")
        .returning(_INBOX.c.source, _INBOX.c.event_id)
        .cte("added")
    )
    statement = select(added.c.source, added.c.event_id, func.pg_notify(ARRIVED, ""))
    new = {(source, event_id) for source, event_id, _ in (await session.execute(statement)).all()}
    return [(row["source"], row["event_id"]) in new for row in rows]


async def unvouched(session: AsyncSession, limit: int) -> list[InboxRow]:
    """What waits for Slack to say whose it is, oldest first."""
    waiting = select(InboxRow).where(col(InboxRow.status) == "unvouched").order_by(col(InboxRow.seq)).limit(limit)
    return list((await session.scalars(waiting)).all())


async def lock(session: AsyncSession, seq: int) -> InboxRow:
    """One row, as it stands now."""
    return await session.get_one(InboxRow, seq, with_for_update=True, populate_existing=True)


async def vouched(session: AsyncSession, row: InboxRow) -> None:
    """Now it counts as received. Wakes the pump at commit."""
    row.status = "received"
    await session.execute(select(func.pg_notify(ARRIVED, "")))


async def one_at_a_time(session: AsyncSession) -> None:
    """Correlation looks at what came before: a second pump waits here until this transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CORRELATING})


async def take(session: AsyncSession, statuses: Sequence[str], limit: int, now: datetime) -> list[InboxRow]:
    """Lock the next rows in these states (and due), in inbox order; rows locked elsewhere are passed over."""
    due = (col(InboxRow.due_at).is_(None)) | (col(InboxRow.due_at) <= now)
    statement = (
        select(InboxRow)
        .where(col(InboxRow.status).in_(statuses), due)
        .order_by(col(InboxRow.seq))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list((await session.scalars(statement)).all())


async def mark(session: AsyncSession, seqs: Sequence[int], **values: Json) -> None:
    """Set columns of inbox rows."""
    await session.execute(update(InboxRow).where(col(InboxRow.seq).in_(seqs)).values(**values))


async def correlate_again(session: AsyncSession, seqs: Sequence[int]) -> None:
    """Signals whose exception had ended look for another one; not those that it had taken before it ended."""
    await session.execute(
        update(InboxRow)
        .where(col(InboxRow.seq).in_(seqs), col(InboxRow.status) == "correlated")
        .values(status="received", exception_id=None, attempts=InboxRow.attempts + 1)
    )


async def next_due(session: AsyncSession) -> datetime | None:
    """When the next delayed row is due."""
    statement = select(func.min(col(InboxRow.due_at))).where(col(InboxRow.status).in_(OPEN))
    found: datetime | None = await session.scalar(statement)
    return found


async def refuse(session: AsyncSession, at: datetime, door: str, reason: str, body: bytes) -> None:
    """Remember a call that was turned away, its body cut. Tells the console at commit."""
    session.add(RefusedCall(at=at, door=door, reason=reason[:500], body=body[:_REFUSED_BODY_LIMIT]))
    await session.execute(select(func.pg_notify(CHANGED, INBOX)))


async def new_state(session: AsyncSession, key: str, state: str, occurred_at: datetime, facts: Json) -> bool:
    """Store a thing's standing state; False when it is older than the stored one or the same: no news."""
    row = {"key": key, "state": state, "occurred_at": occurred_at, "facts": facts}
    first = insert(SourceStateRow).values(row).on_conflict_do_nothing().returning(col(SourceStateRow.key))
    if (await session.execute(first)).first() is not None:
        return True
    known = await session.get_one(SourceStateRow, key, with_for_update=True, populate_existing=True)
    if known.occurred_at > occurred_at:
        return False
    news = known.state != state  # a repeat is no news, but what is older than the repeat is none either
    known.state, known.occurred_at, known.facts = state, occurred_at, facts
    return news


async def settling(session: AsyncSession, definition: str, key: str) -> list[InboxRow]:
    """The signals whose on-delay runs for this definition and key, locked."""
    statement = (
        select(InboxRow)
        .where(col(InboxRow.status) == "settling", col(InboxRow.definition) == definition, col(InboxRow.key) == key)
        .with_for_update()
    )
    return list((await session.scalars(statement)).all())
