"""Tasks by reference, by code, by person."""

from collections import Counter
from datetime import datetime

from sqlalchemy import distinct, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.tables import OutboxRow, TaskRow


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


async def held(session: AsyncSession) -> dict[str, int]:
    """How many tasks each person has accepted and not done."""
    mine = (
        select(col(TaskRow.person), func.count())
        .where(col(TaskRow.closed_at).is_(None), col(TaskRow.person).is_not(None))
        .group_by(col(TaskRow.person))
    )
    return {str(person): int(count) for person, count in (await session.execute(mine)).all()}


async def held_by(session: AsyncSession, person_id: str) -> list[TaskRow]:
    """The tasks that this person has accepted and not done, oldest first."""
    mine = select(TaskRow).where(col(TaskRow.closed_at).is_(None), col(TaskRow.person) == person_id)
    return list((await session.scalars(mine.order_by(col(TaskRow.opened_at)))).all())


async def pages(session: AsyncSession, since: datetime) -> dict[str, int]:
    """How many matters each person was written to about since then, by whatever channels."""
    about = (
        select(col(OutboxRow.person), func.count(distinct(col(OutboxRow.task_id))))
        .where(col(OutboxRow.created_at) >= since, col(OutboxRow.purpose).in_(("task", "approve", "notify")))
        .where(col(OutboxRow.state) != "withdrawn")
        .group_by(col(OutboxRow.person))
    )
    return {str(person): int(count) for person, count in (await session.execute(about)).all()}
