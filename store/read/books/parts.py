"""The parts of transactions as they stand."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.books.ledger import ENDED
from domain.books.saga import PartState
from store.tables import LedgerPartRow, LedgerRow

MAY_STAND = (PartState.POSTED, PartState.POSTING, PartState.UNKNOWN)
"""It is in the system's books, or nobody knows: sent, and not at its end."""


async def current(session: AsyncSession, transaction_id: str) -> list[LedgerPartRow]:
    """Of the last attempt, in their order; empty for a transaction that is posted at once."""
    last = select(func.max(col(LedgerPartRow.attempt))).where(col(LedgerPartRow.transaction) == transaction_id)
    statement = (
        select(LedgerPartRow)
        .where(col(LedgerPartRow.transaction) == transaction_id)
        .where(col(LedgerPartRow.attempt) == last.scalar_subquery())
        .order_by(col(LedgerPartRow.number))
    )
    return list((await session.scalars(statement)).all())


async def all_of(session: AsyncSession, transaction_id: str) -> Sequence[LedgerPartRow]:
    """Of every attempt."""
    statement = select(LedgerPartRow).where(col(LedgerPartRow.transaction) == transaction_id)
    return (await session.scalars(statement.order_by(col(LedgerPartRow.attempt), col(LedgerPartRow.number)))).all()


async def taken_back_by(session: AsyncSession, reversal: LedgerRow) -> list[LedgerPartRow]:
    """What this reversal takes back, the last first: one part, or all that stand of a transaction; empty where that
    has no parts."""
    statement = select(LedgerPartRow).where(col(LedgerPartRow.reversal) == reversal.id)
    if own := (await session.scalars(statement)).first():
        return [own]
    parts = await current(session, reversal.reverses)
    return [part for part in reversed(parts) if part.status == PartState.POSTED]


async def stand(session: AsyncSession, transaction_id: str) -> bool:
    """Is anything of it in the system's books, or may it be?"""
    return any(part.status in MAY_STAND for part in await current(session, transaction_id))


async def being_taken_back(session: AsyncSession, row: LedgerRow) -> str:
    """A reversal of its parts that is not at its end: of a transaction, any; of a reversal, one of a later part."""
    wanted = row.reverses or row.id
    statement = (
        select(col(LedgerRow.id))
        .join(LedgerPartRow, col(LedgerPartRow.reversal) == col(LedgerRow.id))
        .where(col(LedgerRow.reverses) == wanted, col(LedgerRow.status).not_in([state.value for state in ENDED]))
        .order_by(col(LedgerRow.seq))
        .limit(1)
    )
    if row.reverses:
        statement = statement.where(col(LedgerRow.seq) < row.seq)
    return (await session.scalars(statement)).first() or ""


async def keys(session: AsyncSession, wanted: Sequence[str]) -> set[str]:
    """Those of these keys that are a part's."""
    return set(await session.scalars(select(col(LedgerPartRow.key)).where(col(LedgerPartRow.key).in_(wanted))))
