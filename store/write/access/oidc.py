"""Accounts at another identity provider, and log-ins there that are under way."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.tables import IdentityRow, OidcFlowRow


async def take_flow(session: AsyncSession, state_hash: str, until: datetime, now: datetime) -> bool:
    """A log-in came back under this state; False when it did before. Those that are too old are forgotten."""
    await session.execute(delete(OidcFlowRow).where(col(OidcFlowRow.expires_at) <= now))
    taken = insert(OidcFlowRow).values(state_hash=state_hash, expires_at=until).on_conflict_do_nothing()
    return (await session.execute(taken.returning(col(OidcFlowRow.state_hash)))).first() is not None


async def propose(session: AsyncSession, row: IdentityRow) -> None:
    """An account that may be somebody's, unless it is there already."""
    values = row.model_dump()
    await session.execute(insert(IdentityRow).values(values).on_conflict_do_nothing())


async def put_identity(session: AsyncSession, row: IdentityRow) -> None:
    await session.merge(row)


async def drop_identity(session: AsyncSession, issuer: str, subject: str) -> str:
    """Forget an account; gives whose it was, or was to be."""
    gone = delete(IdentityRow).where(col(IdentityRow.issuer) == issuer, col(IdentityRow.subject) == subject)
    return (await session.execute(gone.returning(col(IdentityRow.person)))).scalar_one_or_none() or ""
