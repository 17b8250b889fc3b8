"""Console log-ins: who is behind a cookie."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.people import Person
from store.tables import PersonRow, SessionRow


async def by_token(session: AsyncSession, token_hash: str, now: datetime) -> tuple[SessionRow, Person] | None:
    """The log-in of this cookie while it lasts and its person is active."""
    statement = (
        select(SessionRow, col(PersonRow.data))
        .join(PersonRow, col(PersonRow.id) == col(SessionRow.person))
        .where(col(SessionRow.token_hash) == token_hash, col(SessionRow.expires_at) > now)
    )
    found = (await session.execute(statement)).first()
    if found is None:
        return None
    person = Person.model_validate(found[1])
    return (found[0], person) if person.active else None


async def password_hash(session: AsyncSession, person_id: str) -> str | None:
    """The stored hash of an active person who may sign in."""
    row = await session.get(PersonRow, person_id)
    return row.password_hash if row and Person.model_validate(row.data).active else None
