"""Taking over people and schedules from elsewhere: first what would change, then all of it or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor, may
from admin.roster.people import AUTHORITY, NEW, audit, changed, put_checked
from admin.roster.schedules import override_row, plain
from admin.roster.time_off import absence_row
from domain.errors import InvalidPayloadError
from domain.language import misfits
from domain.rosters.imported import Imported, PersonFields
from domain.rosters.model import Absence, Schedule
from domain.rosters.people import Person
from domain.values import Json
from store.db import Database
from store.read import site as site_read
from store.read.rosters import roster as read
from store.write.rosters import roster as write


@dataclass
class Difference:
    """`lines` say what changes, one a line (`+` new, `~` changed); `problems` why nothing may be taken over yet; the
    others what is new or differs."""

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)


async def take_over(
    database: Database, found: Imported, *, by: Actor, now: datetime, dry_run: bool, despite: bool = False
) -> Difference:
    """Take everything over in one transaction, unless it is a `dry_run`. With problems nothing is taken over, except
    `despite` them. Raises InvalidPayloadError, NotAllowedError, ConflictError."""
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        await may(session, by, AUTHORITY)
        difference = await compare(session, found)
        if dry_run:
            return difference
        if difference.problems and not despite:
            told = "\n".join(difference.problems[:20])
            raise InvalidPayloadError(f"{told}\nNothing was imported: mend these, or import the rest despite them.")
        await _write(session, difference, by, now)
        return difference


async def _write(session: AsyncSession, difference: Difference, by: Actor, now: datetime) -> None:
    """What is as it was leaves no record."""
    if not difference.lines:
        return
    for person in difference.people:
        row = await read.person_row(session, person.id)
        await put_checked(session, person, read.revision(row.data) if row else NEW, by=by, now=now)
    await put_schedules(session, difference.schedules, by, now)
    await put_absences(session, difference.absences, by, now)
    counts = {name: len(getattr(difference, name)) for name in ("people", "schedules", "absences")}
    await audit(session, "roster.imported", "roster", counts, by, now)


async def compare(session: AsyncSession, found: Imported) -> Difference:
    """What would change."""
    difference = Difference(problems=list(found.problems))
    known = (await site_read.roster(session)).by_id
    for told in found.people:
        _compare_person(difference, known.get(told.id), told)
    for schedule in found.schedules:
        if line := await compare_schedule(session, schedule):
            difference.lines.append(line)
            difference.schedules.append(schedule)
    for one in found.absences:
        row = await read.absence_row(session, one.id)
        if row is None or row.data != one.model_dump(mode="json"):
            sign = "+" if row is None else "~"
            difference.lines.append(f"{sign} absence of {one.person} from {one.begins:%Y-%m-%d %H:%M} UTC")
            difference.absences.append(one)
    return difference


def _compare_person(difference: Difference, before: Person | None, told: PersonFields) -> None:
    base: Json = before.model_dump(mode="json") if before else {"id": told.id, "name": told.id, "roles": []}
    try:
        after = Person.model_validate(base | _merged(base, told.fields))
    except ValidationError as error:
        difference.problems.append(f"{told.where}: {misfits.first(error, Person)}")
        return
    names = changed(before, after) if before else []
    if before is None:
        difference.lines.append(f"+ {after.id}: {after.name}, {', '.join(after.roles) or 'no role'}")
    elif names:
        shown = "; ".join(f"{name}: {_text(before, name)} -> {_text(after, name)}" for name in names)
        difference.lines.append(f"~ {after.id}: {shown}")
    if before is None or names:
        difference.people.append(after)


def _merged(base: Json, fields: Json) -> Json:
    """Contacts of channels that are not told of stay, and so does what is verified."""
    told = {name: value for name, value in fields.items() if name != "told_channels"}
    if "contacts" not in told:
        return told
    old = {(one["channel"], one["address"]): one for one in base.get("contacts", [])}
    new = [old.get((one["channel"], one["address"]), one | {"verified": False}) for one in told["contacts"]]
    kept = [one for one in base.get("contacts", []) if one["channel"] not in fields.get("told_channels", [])]
    order = {(one["channel"], one["address"]): place for place, one in enumerate(base.get("contacts", []))}
    both = sorted([*new, *kept], key=lambda one: order.get((one["channel"], one["address"]), len(order)))
    return {**told, "contacts": both}


def _text(person: Person, name: str) -> str:
    value = person.model_dump(mode="json")[name]
    if name == "contacts":
        value = [f"{one['channel']} {one['address']}" for one in value]
    return ", ".join(map(str, value)) or "-" if isinstance(value, list) else str(value)


async def compare_schedule(session: AsyncSession, schedule: Schedule) -> str:
    """What changes, in a line; empty when it is there as it is told."""
    row = await read.schedule_row(session, schedule.id)
    told = f"schedule {schedule.id}: {schedule.title}, {len(schedule.layers)} layers, {len(schedule.entries)} entries"
    if row is None:
        return f"+ {told}"
    overrides = [await read.override_row(session, one.id) for one in schedule.overrides]
    same = all(
        kept is not None and kept.schedule == schedule.id and kept.data == one.model_dump(mode="json")
        for kept, one in zip(overrides, schedule.overrides, strict=True)
    )
    return "" if same and row.data == plain(schedule) else f"~ {told}"


async def put_schedules(session: AsyncSession, schedules: Sequence[Schedule], by: Actor, now: datetime) -> None:
    """As they are told; overrides of the same id become as told, others stay."""
    for schedule in schedules:
        await write.put_schedule(session, schedule.id, plain(schedule))
        for override in schedule.overrides:
            await write.drop_override(session, override.id)
            await write.add(session, override_row(schedule.id, override, by, now))
        await audit(session, "schedule.imported", schedule.id, {"layers": len(schedule.layers)}, by, now)


async def put_absences(session: AsyncSession, absences: Sequence[Absence], by: Actor, now: datetime) -> None:
    """As they are told, by their ids."""
    await write.put_absences(session, [absence_row(one, by, now).model_dump() for one in absences])
