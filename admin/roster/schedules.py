"""Schedules and what overrides them. One function, one transaction, one audit record."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor, may
from admin.roster.people import AUTHORITY, NEW, audit
from domain.errors import ConflictError, InvalidPayloadError, NotFoundError
from domain.rosters.model import CREW, EVERYBODY, Override, Schedule
from domain.rosters.people import Roster
from domain.values import Json
from store.db import Database
from store.read import site as site_read
from store.read.rosters import roster as read
from store.tables import OverrideRow, ScheduleRow
from store.write.rosters import roster as write


def plain(schedule: Schedule) -> Json:
    """As it is kept: overrides have rows of their own."""
    return schedule.model_dump(mode="json", exclude={"overrides"})


async def put_schedule(database: Database, schedule: Schedule, revision: str, *, by: Actor, now: datetime) -> str:
    """Add (`revision` NEW) or change a schedule; its overrides stay as they are. Gives the new revision.

    Raises NotAllowedError, ConflictError, NotFoundError, InvalidPayloadError for people who are not on the roster.
    """
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        await may(session, by, AUTHORITY)
        _same_as(await read.schedule_row(session, schedule.id), schedule.id, revision)
        return await put_checked(session, schedule, by=by, now=now)


async def put_checked(session: AsyncSession, schedule: Schedule, *, by: Actor, now: datetime) -> str:
    """The same inside a transaction that has the roster's turn and the authority."""
    _known(await site_read.roster(session), schedule.everybody())
    data = plain(schedule)
    await write.put_schedule(session, schedule.id, data)
    await audit(session, "schedule.changed", schedule.id, {"revision": read.revision(data)}, by, now)
    return read.revision(data)


async def remove_schedule(database: Database, schedule: str, revision: str, *, by: Actor, now: datetime) -> None:
    """For good, with its overrides; the audit keeps what it was."""
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        await may(session, by, AUTHORITY)
        row = await read.schedule_row(session, schedule)
        if row is None:
            raise NotFoundError(f"no schedule '{schedule}'")
        _same_as(row, schedule, revision)
        await audit(session, "schedule.removed", schedule, {"was": row.data}, by, now)
        await write.remove_schedule(session, schedule)


async def add_override(database: Database, schedule: str, override: Override, *, by: Actor, now: datetime) -> None:
    """Who is on for once. Raises NotAllowedError, NotFoundError, InvalidPayloadError."""
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        await may(session, by, AUTHORITY)
        if await read.schedule_row(session, schedule) is None:
            raise NotFoundError(f"no schedule '{schedule}'")
        if override.ends <= now:
            raise InvalidPayloadError("This is over already: give a later end")
        named = {*override.people, *override.instead_of} - {EVERYBODY}
        _known(await site_read.roster(session), named)
        await write.add(session, override_row(schedule, override, by, now))
        told = override.model_dump(mode="json", exclude={"reason"})
        await audit(session, "override.added", schedule, {"override": told}, by, now)


def override_row(schedule: str, override: Override, by: Actor, now: datetime) -> OverrideRow:
    """As it is kept."""
    return OverrideRow(
        id=override.id,
        schedule=schedule,
        ends=override.ends,
        data=override.model_dump(mode="json"),
        entered_by=by.id,
        entered_at=now,
    )


async def remove_override(database: Database, override: str, *, by: Actor, now: datetime) -> None:
    """As if it had never been entered. Raises NotFoundError."""
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        await may(session, by, AUTHORITY)
        row = await read.override_row(session, override)
        if row is None:
            raise NotFoundError("This override is gone already")
        await audit(session, "override.removed", row.schedule, {"was": row.data}, by, now)
        await write.remove(session, row)


def _same_as(row: ScheduleRow | None, schedule: str, revision: str) -> None:
    if row is None and revision != NEW:
        raise NotFoundError(f"no schedule '{schedule}'")
    if row is not None and revision == NEW:
        raise ConflictError(f"there is a schedule '{schedule}' already: choose another id, or change that one")
    if row is not None and revision != read.revision(row.data):
        raise ConflictError("Somebody has changed this schedule meanwhile: load the page again and look")


def _known(roster: Roster, named: set[str]) -> None:
    shifts = {shift.name for shift in roster.shifts}
    unknown = sorted(
        one
        for one in named
        if (one.removeprefix(CREW) not in shifts if one.startswith(CREW) else one not in roster.by_id)
    )
    if unknown:
        raise InvalidPayloadError(f"not on the roster: {', '.join(unknown[:10])}")
