"""Absences and swaps: everybody asks for their own, a lead (authority `manage_roster`) for anybody.

A swap holds once both agreed, or a lead said yes. One function, one transaction, one audit record.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor, NotAllowedError, may, on_roster
from admin.roster.people import AUTHORITY, audit
from domain.errors import ConflictError, InvalidPayloadError, NotFoundError
from domain.rosters.model import Absence, Swap
from store.db import Database
from store.read import site as site_read
from store.read.rosters import roster as read
from store.tables import AbsenceRow, SwapRow
from store.write.rosters import roster as write


async def add_absence(database: Database, absence: Absence, *, by: Actor, now: datetime) -> None:
    """Somebody is away: they are not asked then. Raises NotAllowedError, NotFoundError, InvalidPayloadError."""
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        await _own_or_lead(session, by, absence.person)
        if await site_read.person(session, absence.person) is None:
            raise NotFoundError(f"no person '{absence.person}' on the roster")
        if absence.ends is not None and absence.ends <= now:
            raise InvalidPayloadError("This is over already: give a later end")
        await write.add(session, absence_row(absence, by, now))
        await audit(session, "absence.added", absence.person, _dates(absence), by, now)


def absence_row(absence: Absence, by: Actor, now: datetime) -> AbsenceRow:
    """As it is kept."""
    return AbsenceRow(
        id=absence.id,
        person=absence.person,
        ends=absence.ends,
        data=absence.model_dump(mode="json"),
        entered_by=by.id,
        entered_at=now,
    )


def _dates(absence: Absence) -> dict[str, object]:
    """Without its kind: an illness is nobody's business for ever."""
    return absence.model_dump(mode="json", include={"id", "begins", "ends"})


async def remove_absence(database: Database, absence: str, *, by: Actor, now: datetime) -> str:
    """They are there after all; gives whose it was. Raises NotFoundError, NotAllowedError."""
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        row = await read.absence_row(session, absence)
        if row is None:
            raise NotFoundError("This absence is gone already")
        await _own_or_lead(session, by, row.person)
        await audit(session, "absence.removed", row.person, _dates(Absence.model_validate(row.data)), by, now)
        await write.remove(session, row)
        return row.person


async def ask_swap(database: Database, swap: Swap, *, by: Actor, now: datetime) -> None:
    """Ask somebody to take over. Raises NotAllowedError, NotFoundError, InvalidPayloadError."""
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        await _own_or_lead(session, by, swap.asker)
        await _possible(session, swap, now)
        row = SwapRow(
            id=swap.id,
            asker=swap.asker,
            taker=swap.taker,
            standing="asked",
            ends=max(swap.ends, swap.back_ends or swap.ends),
            data=swap.model_copy(update={"standing": "asked"}).model_dump(mode="json"),
            asked_at=now,
        )
        await write.add(session, row)
        await audit(session, "swap.asked", swap.schedule, {"swap": row.data}, by, now)


async def _possible(session: AsyncSession, swap: Swap, now: datetime) -> None:
    roster = await site_read.roster(session)
    if swap.begins <= now:
        raise InvalidPayloadError("This has begun already: ask a lead for an override")
    taker = roster.by_id.get(swap.taker)
    if taker is None or not taker.active:
        raise NotFoundError(f"no person '{swap.taker}' on the roster")
    if roster.schedule(swap.schedule) is None:
        raise NotFoundError(f"no schedule '{swap.schedule}'")
    if not any(swap.asker in span.people for span in roster.spans(swap.schedule, swap.begins, swap.ends)):
        raise InvalidPayloadError("Nothing to take over: this person is not on call then")


async def answer_swap(database: Database, swap_id: str, agree: bool, *, by: Actor, now: datetime) -> Swap:
    """The one who is asked says yes or no; a lead may for them. Raises ConflictError when it is answered already."""
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        row = await _asked(session, swap_id)
        await _own_or_lead(session, by, row.taker)
        if by.id == row.asker and by.signed_in:
            raise NotAllowedError("You asked for this yourself: the other one or another lead has to agree")
        if agree and Swap.model_validate(row.data).begins <= now:
            raise ConflictError("This has begun already: ask a lead for an override")
        return await _answered(session, row, "agreed" if agree else "refused", by, now)


async def withdraw_swap(database: Database, swap_id: str, *, by: Actor, now: datetime) -> Swap:
    """The asker, or a lead, takes the question back."""
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        row = await _asked(session, swap_id)
        await _own_or_lead(session, by, row.asker)
        return await _answered(session, row, "withdrawn", by, now)


async def _asked(session: AsyncSession, swap_id: str) -> SwapRow:
    row = await read.swap_row(session, swap_id)
    if row is None:
        raise NotFoundError("There is no such swap")
    if row.standing != "asked":
        raise ConflictError(f"This swap is {row.standing} already")
    return row


async def _answered(session: AsyncSession, row: SwapRow, standing: str, by: Actor, now: datetime) -> Swap:
    swap = Swap.model_validate(row.data | {"standing": standing})
    row.standing, row.data = standing, swap.model_dump(mode="json")
    row.answered_by, row.answered_at = by.id, now
    session.add(row)
    await session.flush()
    await audit(session, f"swap.{standing}", swap.schedule, {"swap": row.data}, by, now)
    return swap


async def _own_or_lead(session: AsyncSession, by: Actor, person: str) -> None:
    if by.signed_in and by.id == person:
        await on_roster(session, by)
    else:
        await may(session, by, AUTHORITY)
