"""Delegations begin and end; what was shown and signed is kept."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.values import Json
from store.tables import DelegationRow, ShownRow, SignatureRow


async def begin(session: AsyncSession, row: DelegationRow) -> DelegationRow:
    session.add(row)
    await session.flush()
    return row


async def lock(session: AsyncSession, delegation: int) -> DelegationRow | None:
    """One delegation, locked until the transaction ends."""
    statement = select(DelegationRow).where(col(DelegationRow.id) == delegation).with_for_update()
    found: DelegationRow | None = await session.scalar(statement)
    return found


async def end(session: AsyncSession, row: DelegationRow, *, by: str, at: datetime) -> None:
    row.ended_by, row.ended_at = by, at
    session.add(row)


async def keep_shown(
    session: AsyncSession, shown_hash: str, content: Json, *, task_id: str, version: int, at: datetime
) -> None:
    """What is there already stays as it is: the hash says that it is the same."""
    row = {"hash": shown_hash, "task_id": task_id, "version": version, "content": content, "at": at}
    await session.execute(insert(ShownRow).values(row).on_conflict_do_nothing())


async def sign(session: AsyncSession, row: dict[str, Json]) -> bool:
    """False when this very answer is signed already."""
    done = await session.execute(
        insert(SignatureRow).values(row).on_conflict_do_nothing().returning(col(SignatureRow.id))
    )
    return done.first() is not None


async def bind(session: AsyncSession, signatures: list[str], decision: str) -> None:
    """These signatures were taken for this decision; each only once."""
    statement = update(SignatureRow).where(col(SignatureRow.id).in_(signatures), col(SignatureRow.decision) == "")
    await session.execute(statement.values(decision=decision))
