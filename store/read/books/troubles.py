"""Transactions that a system keeps waiting: no gate, line or person of ours does."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.books.ledger import IN_LINE, State
from store.tables import LedgerRow

_BEFORE = [state.value for state in IN_LINE if state is not State.UNKNOWN]
WAITING = "waiting"


async def doubtful(session: AsyncSession, before: datetime, limit: int = 50) -> Sequence[LedgerRow]:
    """Sent before that moment, without an outcome that is known, and nobody was told."""
    statement = (
        select(LedgerRow)
        .where(col(LedgerRow.status) == State.UNKNOWN.value, col(LedgerRow.trouble) == "")
        .where(col(LedgerRow.sent_at) < before)
        .order_by(col(LedgerRow.seq))
        .limit(limit)
    )
    return (await session.scalars(statement)).all()


async def stuck(session: AsyncSession, before: datetime) -> list[tuple[LedgerRow, int]]:
    """Of each system that has taken nothing since that moment the oldest transaction that waits for it since before,
    with how many wait in all; not of a system whose silence was told."""
    found = []
    for system in await _silent(session, before):
        waits = (col(LedgerRow.system) == system) & col(LedgerRow.status).in_(_BEFORE)
        free = waits & (col(LedgerRow.free_since) < before) & _approved()
        first = select(LedgerRow).where(free).order_by(col(LedgerRow.seq)).limit(1)
        row = (await session.scalars(first)).first()
        count = (await session.execute(select(func.count()).where(waits))).scalar_one()
        if row is not None:
            found.append((row, int(count)))
    return found


async def _silent(session: AsyncSession, before: datetime) -> list[str]:
    told = select(col(LedgerRow.system)).where(col(LedgerRow.trouble) == WAITING).distinct()
    taken = select(col(LedgerRow.system)).where(col(LedgerRow.posted_at) >= before).distinct()
    waits = col(LedgerRow.status).in_(_BEFORE) & (col(LedgerRow.free_since) < before) & _approved()
    system = col(LedgerRow.system)
    statement = select(system).where(waits, system.not_in(told), system.not_in(taken)).distinct()
    return sorted(await session.scalars(statement))


async def silent(session: AsyncSession, system: str) -> LedgerRow | None:
    """The transaction by which the silence of a system was told, while it lasts."""
    statement = select(LedgerRow).where(col(LedgerRow.system) == system, col(LedgerRow.trouble) == WAITING).limit(1)
    return (await session.scalars(statement)).first()


def _approved() -> ColumnElement[bool]:
    """A reversal that nobody has approved waits for people."""
    return (col(LedgerRow.reverses) == "") | (col(LedgerRow.approved_by) != "")
