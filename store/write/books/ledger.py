"""The ledger: every transaction to the ERP or MES, and the decisions they rest on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import array, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.books.ledger import IN_LINE, Control
from domain.values import Json
from store.tables import DecisionRow, LedgerRow, LedgerViewRow, PostingControlRow
from store.write.evidence import audit as facts


async def draft(session: AsyncSession, row: dict[str, Json]) -> LedgerRow:
    """Insert the transaction unless it is there; give it as it stands, locked.

    Its place in the line is its number: whoever drafts for the same business objects waits here for this commit, so
    that a smaller number is always visible to a larger one. So does whoever drafts on the same standing authority: its
    limits are counted by that number."""
    lines = [f"{row['system']}:{name}" for name in row["objects"]]
    for name in [f"standing:{row['definition']}", *lines] if row["standing_version"] else lines:
        await session.execute(_LOCK, {"name": name})
    fresh = {"trouble": "", "troubles": 0, "free_since": row["drafted_at"], **row}
    await session.execute(insert(LedgerRow).values(fresh).on_conflict_do_nothing())
    return await locked(session, row["id"])


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7))")


async def one_by_one(session: AsyncSession, scope: str) -> None:
    """Until this commit nobody else counts what the scope sent: two are never both the last that a limit lets pass."""
    await session.execute(_LOCK, {"name": f"limit:{scope}"})


async def locked(session: AsyncSession, transaction_id: str) -> LedgerRow:
    """Raises sqlalchemy.exc.NoResultFound."""
    statement = select(LedgerRow).where(col(LedgerRow.id) == transaction_id).with_for_update()
    return (await session.scalars(statement)).one()


async def find_locked(session: AsyncSession, transaction_id: str) -> LedgerRow | None:
    statement = select(LedgerRow).where(col(LedgerRow.id) == transaction_id).with_for_update()
    return (await session.scalars(statement)).one_or_none()


async def move(session: AsyncSession, transaction_id: str, **values: Any) -> None:
    """Set columns of a transaction."""
    await session.execute(update(LedgerRow).where(col(LedgerRow.id) == transaction_id).values(**values))


async def supersede(session: AsyncSession, row: dict[str, Json]) -> list[str]:
    """A newer payload of a step takes the place of what its dead letter wanted; gives their ids. The way back of a
    step's transaction is neither."""
    same = (col(LedgerRow.exception_id) == row["exception_id"]) & (col(LedgerRow.step) == row["step"])
    own = (col(LedgerRow.reverses) == "") & (col(LedgerRow.id) != row["id"])
    old = same & (col(LedgerRow.status) == "dead_lettered") & own
    statement = (
        update(LedgerRow)
        .where(old)
        .values(status="rejected", reason=f"superseded by {row['id']}")
        .returning(col(LedgerRow.id))
    )
    return list((await session.scalars(statement)).all())


async def wake_followers(session: AsyncSession, row: LedgerRow, now: datetime) -> None:
    """What waits in line behind it looks again."""
    if not row.objects:
        return
    waits = col(LedgerRow.held)["why"].astext == "order"
    behind = (col(LedgerRow.system) == row.system) & col(LedgerRow.status).in_([state.value for state in IN_LINE])
    shares = col(LedgerRow.objects).has_any(array(row.objects))  # type: ignore[attr-defined]
    await session.execute(update(LedgerRow).where(behind & waits & shares).values(nudge_at=now))


async def nudge_all(session: AsyncSession, system: str, now: datetime) -> None:
    """Everything that a gate of this system holds looks again."""
    held = (col(LedgerRow.system) == system) & col(LedgerRow.held).is_not(None)
    in_line = col(LedgerRow.status).in_([state.value for state in IN_LINE])
    await session.execute(update(LedgerRow).where(held & in_line).values(nudge_at=now))


async def nudge_away(session: AsyncSession, system: str, now: datetime) -> None:
    """A system that was silent answers: what waited for it looks again, and waits for it since now."""
    in_line = (col(LedgerRow.system) == system) & col(LedgerRow.status).in_([state.value for state in IN_LINE])
    away = in_line & (col(LedgerRow.held)["why"].astext == "away")
    await session.execute(update(LedgerRow).where(away).values(nudge_at=now))
    free = in_line & col(LedgerRow.free_since).is_not(None)
    await session.execute(update(LedgerRow).where(free).values(free_since=now))


async def nudge_unended(session: AsyncSession, before: datetime, now: datetime) -> None:
    """After a start: what is not at its end gets a workflow again if Temporal has lost it."""
    in_line = col(LedgerRow.status).in_([state.value for state in IN_LINE])
    await session.execute(update(LedgerRow).where(in_line & (col(LedgerRow.drafted_at) < before)).values(nudge_at=now))


async def nudged(session: AsyncSession, done: Sequence[tuple[str, datetime]]) -> None:
    """These were woken; one that was wanted again meanwhile stays."""
    for transaction_id, at in done:
        same = (col(LedgerRow.id) == transaction_id) & (col(LedgerRow.nudge_at) == at)
        await session.execute(update(LedgerRow).where(same).values(nudge_at=None))


async def set_control(session: AsyncSession, control: Control, by: str, now: datetime) -> None:
    """What holds for a scope from now on."""
    values = {"data": control.model_dump(mode="json"), "changed_by": by, "changed_at": now}
    put = insert(PostingControlRow).values(scope=control.scope, **values)
    await session.execute(put.on_conflict_do_update(index_elements=["scope"], set_=values))


async def keep_view(session: AsyncSession, person: str, name: str, query: str) -> None:
    """A search under a name; an empty one forgets it."""
    row = await session.get(LedgerViewRow, (person, name))
    if row is not None and not query:
        await session.delete(row)
    elif row is not None:
        row.query = query
    elif query:
        session.add(LedgerViewRow(person=person, name=name, query=query))


async def add_decision(session: AsyncSession, row: dict[str, Json]) -> None:
    """A decision is written once."""
    await session.execute(insert(DecisionRow).values(row).on_conflict_do_nothing())


async def audit(session: AsyncSession, row: dict[str, Json]) -> None:
    """A fact for the auditor; personal values in it are kept apart (`store.write.evidence.audit`)."""
    await facts.add(session, row)
