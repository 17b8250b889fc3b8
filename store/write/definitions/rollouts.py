"""Which version is in which slot, and what a version in the shadow saw. The definition is locked by the caller."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.values import Json
from store.tables import RolloutRow, ShadowSignalRow


async def standing(session: AsyncSession, definition: str) -> dict[str, RolloutRow]:
    """What is open for a definition, by slot."""
    statement = select(RolloutRow).where(col(RolloutRow.definition) == definition, col(RolloutRow.ended_at).is_(None))
    return {row.slot: row for row in (await session.scalars(statement.with_for_update())).all()}


async def begin(session: AsyncSession, row: RolloutRow) -> None:
    """Open a slot, which must be free."""
    session.add(row)
    await session.flush()


async def end(session: AsyncSession, row: RolloutRow, by: str, at: datetime) -> None:
    """Close a slot; the row stays as history."""
    row.ended_by, row.ended_at = by, at
    await session.flush()


async def saw(session: AsyncSession, row: dict[str, Json]) -> None:
    """A signal as the version in the shadow saw it; the first look counts."""
    await session.execute(insert(ShadowSignalRow).values(row).on_conflict_do_nothing())
