"""Console log-ins: who is behind a cookie."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.rosters.people import Person
from store.tables import PersonRow, SessionRow, TotpRow


async def by_token(session: AsyncSession, token_hash: str, now: datetime) -> tuple[SessionRow, Person, bool] | None:
    """The log-in of this cookie while it lasts and its person is active, and whether they have an authenticator."""
    statement = (
        select(SessionRow, col(PersonRow.data), col(TotpRow.confirmed_at).is_not(None))
        .join(PersonRow, col(PersonRow.id) == col(SessionRow.person))
        .outerjoin(TotpRow, col(TotpRow.person) == col(SessionRow.person))
        .where(
            col(SessionRow.token_hash) == token_hash, col(SessionRow.expires_at) > now, col(SessionRow.stage) == "in"
        )
    )
    found = (await session.execute(statement)).first()
    if found is None:
        return None
    person = Person.model_validate(found[1])
    return (found[0], person, bool(found[2])) if person.active else None


async def begun(session: AsyncSession, token_hash: str, now: datetime) -> SessionRow | None:
    """The log-in of this cookie that has steps to come."""
    row = await session.get(SessionRow, token_hash)
    return row if row and row.stage != "in" and row.expires_at > now else None


async def by_number(session: AsyncSession, number: str, person: str, now: datetime) -> SessionRow | None:
    """A log-in of this person, by the number that names it."""
    mine = select(SessionRow).where(col(SessionRow.number) == number, col(SessionRow.person) == person)
    lasting = mine.where(col(SessionRow.expires_at) > now, col(SessionRow.stage) == "in").limit(1)
    found: SessionRow | None = await session.scalar(lasting)
    return found


async def active(session: AsyncSession, person_id: str) -> Person | None:
    """The person, who may sign in."""
    row = await session.get(PersonRow, person_id)
    person = Person.model_validate(row.data) if row else None
    return person if person and person.active else None


async def password_hash(session: AsyncSession, person_id: str) -> str | None:
    """The stored hash of an active person who may sign in."""
    row = await session.get(PersonRow, person_id)
    return row.password_hash if row and Person.model_validate(row.data).active else None


async def with_password(session: AsyncSession) -> set[str]:
    """The ids of those who have a console password."""
    statement = select(col(PersonRow.id)).where(col(PersonRow.password_hash).is_not(None))
    return set((await session.scalars(statement)).all())
