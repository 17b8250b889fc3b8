"""People, schedules, overrides, swaps, absences, feeds. The roster's version changes with them by itself."""

from collections.abc import Sequence

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.rosters.people import Person
from domain.values import Json
from store.tables import AbsenceRow, FeedRow, OverrideRow, PersonRow, ScheduleRow, SwapRow
from store.write.access import identity

_ROSTER = 7415


async def one_at_a_time(session: AsyncSession) -> None:
    """Who changes the roster waits here until the one before has committed: what is looked at stays true."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:space, 0)"), {"space": _ROSTER})


async def put_person(session: AsyncSession, person: Person) -> None:
    """Add or replace a person; only verified addresses lead back to them. The password stays."""
    values = {"id": person.id, "data": person.model_dump(mode="json")}
    statement = insert(PersonRow).values(values)
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
    verified = {(one.channel.value, one.address) for one in person.contacts if one.verified}
    await identity.keep_contacts(session, person.id, sorted(verified))


async def put_schedule(session: AsyncSession, schedule: str, data: Json) -> None:
    """Add or replace; `data` without overrides."""
    values = {"id": schedule, "data": data}
    statement = insert(ScheduleRow).values(values)
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


async def remove_schedule(session: AsyncSession, schedule: str) -> None:
    """With its overrides; what was asked in it is withdrawn."""
    await session.execute(delete(ScheduleRow).where(col(ScheduleRow.id) == schedule))
    await session.execute(delete(OverrideRow).where(col(OverrideRow.schedule) == schedule))


async def drop_override(session: AsyncSession, override: str) -> None:
    """If it is there: an import makes it anew."""
    await session.execute(delete(OverrideRow).where(col(OverrideRow.id) == override))


async def add(session: AsyncSession, row: OverrideRow | SwapRow | AbsenceRow | FeedRow) -> None:
    session.add(row)
    await session.flush()


async def put_absences(session: AsyncSession, rows: Sequence[dict[str, Json]]) -> None:
    """Those of an import; one that is there already becomes as it says."""
    for row in rows:
        statement = insert(AbsenceRow).values(row)
        await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))


async def remove(session: AsyncSession, row: OverrideRow | AbsenceRow) -> None:
    await session.delete(row)
    await session.flush()


async def end_feeds(session: AsyncSession, kind: str, subject: str) -> int:
    """Their addresses lead nowhere from now on."""
    mine = (col(FeedRow.kind) == kind, col(FeedRow.subject) == subject)
    ended = await session.scalars(delete(FeedRow).where(*mine).returning(col(FeedRow.token_hash)))
    return len(ended.all())
