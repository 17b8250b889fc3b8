"""Console log-ins: sessions come and go, passwords are set."""

from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.tables import PersonRow, SessionRow


async def add(session: AsyncSession, row: SessionRow) -> None:
    session.add(row)


async def end(session: AsyncSession, token_hash: str) -> None:
    """Forget one log-in."""
    await session.execute(delete(SessionRow).where(col(SessionRow.token_hash) == token_hash))


async def end_all(session: AsyncSession, person: str) -> None:
    """Forget every log-in of a person."""
    await session.execute(delete(SessionRow).where(col(SessionRow.person) == person))


async def end_number(session: AsyncSession, person: str, number: str) -> None:
    """Forget the log-in of this person that this number names."""
    await session.execute(delete(SessionRow).where(col(SessionRow.person) == person, col(SessionRow.number) == number))


async def seen(session: AsyncSession, token_hash: str, now: datetime, until: datetime) -> None:
    """The person did something: the log-in lasts until then."""
    row = update(SessionRow).where(col(SessionRow.token_hash) == token_hash)
    await session.execute(row.values(seen_at=now, expires_at=until))


async def sweep(session: AsyncSession, now: datetime) -> None:
    """Forget log-ins that are over."""
    await session.execute(delete(SessionRow).where(col(SessionRow.expires_at) <= now))


async def set_password(session: AsyncSession, person: str, password_hash: str) -> bool:
    """False when there is no such person."""
    statement = update(PersonRow).where(col(PersonRow.id) == person).values(password_hash=password_hash)
    done = await session.execute(statement.returning(col(PersonRow.id)))
    return done.first() is not None
