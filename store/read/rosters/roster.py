"""The roster's parts, and what a change of it looks at."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.rosters.model import Absence, Schedule, Swap
from domain.rosters.people import Person
from domain.values import Json, content_hash
from store.tables import (
    AbsenceRow,
    ContactRow,
    FeedRow,
    OverrideRow,
    PersonRow,
    RosterVersionRow,
    ScheduleRow,
    SwapRow,
)

_KEPT_DAYS = 400  # what is over for longer is not read: nobody asks who was on then


async def version(session: AsyncSession) -> str:
    """Another one after every change; empty before the first."""
    return await session.scalar(select(col(RosterVersionRow.version))) or ""


async def everything(session: AsyncSession) -> dict[str, Json]:
    """`people`, `schedules` with what overrides them, and `absences`, of the last 400 days and to come."""
    people = [Person.model_validate(data) for data in (await session.scalars(select(col(PersonRow.data)))).all()]
    rows = (await session.scalars(select(AbsenceRow).where(_lately(AbsenceRow)))).all()
    absences = [Absence.model_validate(row.data) for row in rows]
    return {"people": people, "schedules": await schedules(session), "absences": absences}


def _lately(table: type[AbsenceRow] | type[OverrideRow] | type[SwapRow]) -> Json:
    return or_(col(table.ends).is_(None), col(table.ends) > func.now() - func.make_interval(0, 0, 0, _KEPT_DAYS))


async def schedules(session: AsyncSession) -> list[Schedule]:
    """By title, with their overrides and agreed swaps in the order in which they were entered."""
    plain = (await session.scalars(select(col(ScheduleRow.data)))).all()
    entered = (await session.scalars(select(OverrideRow).where(_lately(OverrideRow)))).all()
    agreed = (await session.scalars(select(SwapRow).where(col(SwapRow.standing) == "agreed", _lately(SwapRow)))).all()
    changes = [(one.entered_at, one.schedule, [one.data]) for one in entered]
    for row in agreed:
        swap = Swap.model_validate(row.data)
        changes.append((row.answered_at or row.asked_at, swap.schedule, _dumped(swap)))
    changes.sort(key=lambda change: change[0])
    found = [
        Schedule.model_validate(
            data | {"overrides": [o for _, name, new in changes if name == data["id"] for o in new]}
        )
        for data in plain
    ]
    return sorted(found, key=lambda schedule: schedule.title)


def _dumped(swap: Swap) -> list[Json]:
    return [one.model_dump(mode="json") for one in swap.overrides()]


def revision(data: Json) -> str:
    """By what a change proves that it looked at the newest state."""
    return content_hash(data)[:16]


async def person_row(session: AsyncSession, person: str, *, lock: bool = False) -> PersonRow | None:
    statement = select(PersonRow).where(col(PersonRow.id) == person)
    return await session.scalar(statement.with_for_update() if lock else statement)


async def schedule_row(session: AsyncSession, schedule: str) -> ScheduleRow | None:
    return await session.get(ScheduleRow, schedule)


async def override_row(session: AsyncSession, override: str) -> OverrideRow | None:
    return await session.get(OverrideRow, override)


async def swap_row(session: AsyncSession, swap: str) -> SwapRow | None:
    return await session.get(SwapRow, swap)


async def absence_row(session: AsyncSession, absence: str) -> AbsenceRow | None:
    return await session.get(AbsenceRow, absence)


async def overrides_of(session: AsyncSession, schedule: str) -> Sequence[OverrideRow]:
    """Those that are not over."""
    statement = select(OverrideRow).where(col(OverrideRow.schedule) == schedule, col(OverrideRow.ends) > func.now())
    return (await session.scalars(statement.order_by(col(OverrideRow.ends)))).all()


async def swaps_waiting(session: AsyncSession, person: str = "") -> Sequence[SwapRow]:
    """What is asked and not answered; of this person only."""
    statement = select(SwapRow).where(col(SwapRow.standing) == "asked").order_by(col(SwapRow.asked_at))
    if person:
        statement = statement.where(or_(col(SwapRow.asker) == person, col(SwapRow.taker) == person))
    return (await session.scalars(statement)).all()


async def holders(session: AsyncSession, addresses: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(channel, address) -> the person who has it, verified."""
    found = {}
    for channel, address in addresses:
        contact = await session.get(ContactRow, (channel, address))
        if contact is not None:
            found[channel, address] = contact.person
    return found


async def feed(session: AsyncSession, token_hash: str) -> FeedRow | None:
    return await session.get(FeedRow, token_hash)


async def feeds_of(session: AsyncSession, kind: str, subject: str) -> Sequence[FeedRow]:
    statement = select(FeedRow).where(col(FeedRow.kind) == kind, col(FeedRow.subject) == subject)
    return (await session.scalars(statement)).all()
