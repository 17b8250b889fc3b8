"""Tasks by reference, by code, by person."""

from collections import Counter

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.tables import TaskRow


async def by_id(session: AsyncSession, task_id: str) -> TaskRow | None:
    return await session.get(TaskRow, task_id)


async def by_code(session: AsyncSession, code: str) -> TaskRow | None:
    """The newest task with this code; codes are unique among open tasks only."""
    statement = select(TaskRow).where(col(TaskRow.code) == code).order_by(col(TaskRow.opened_at).desc()).limit(1)
    found: TaskRow | None = await session.scalar(statement)
    return found


async def open_for(session: AsyncSession, person_id: str) -> list[TaskRow]:
    """The open tasks that this person was asked, oldest first."""
    statement = (
        select(TaskRow)
        .where(col(TaskRow.closed_at).is_(None), col(TaskRow.asked).contains([person_id]))
        .order_by(col(TaskRow.opened_at))
    )
    return list((await session.scalars(statement)).all())


async def load(session: AsyncSession) -> dict[str, int]:
    """How many open tasks each person has accepted or was asked."""
    asked = (await session.scalars(select(col(TaskRow.asked)).where(col(TaskRow.closed_at).is_(None)))).all()
    return Counter(person for people in asked for person in people)
