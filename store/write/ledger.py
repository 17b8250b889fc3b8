"""The ledger: every transaction to the ERP or MES, and the decisions they rest on."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.values import Json
from store.tables import AuditRow, DecisionRow, LedgerRow


async def draft(session: AsyncSession, row: dict[str, Json]) -> LedgerRow:
    """Insert the transaction unless it is there; give it as it stands, locked."""
    await session.execute(insert(LedgerRow).values(row).on_conflict_do_nothing())
    statement = select(LedgerRow).where(col(LedgerRow.id) == row["id"]).with_for_update()
    return (await session.scalars(statement)).one()


async def move(session: AsyncSession, transaction_id: str, **values: Any) -> None:
    """Set columns of a transaction."""
    await session.execute(update(LedgerRow).where(col(LedgerRow.id) == transaction_id).values(**values))


async def add_decision(session: AsyncSession, row: dict[str, Json]) -> None:
    """A decision is written once."""
    await session.execute(insert(DecisionRow).values(row).on_conflict_do_nothing())


async def audit(session: AsyncSession, row: dict[str, Json]) -> None:
    """A fact for the auditor."""
    session.add(AuditRow(**row))
