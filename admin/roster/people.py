"""People on the roster: add, change, take off. One function, one transaction, one audit record.

`revision` is what the change was made on (`roster.revision`): two administrators never overwrite each other.
Nobody grants powers to themselves; an address that is new here has to be verified by its owner (C9).
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor, NotAllowedError, may
from domain.errors import ConflictError, InvalidPayloadError, NotFoundError
from domain.rosters.people import ContactMethod, Person
from domain.values import Json
from store.db import Database
from store.read.rosters import roster as read
from store.tables import PersonRow
from store.write.access import enrolment
from store.write.books import ledger
from store.write.rosters import roster as write

AUTHORITY = "manage_roster"
_POWERS = ("roles", "authorities", "areas", "accounts", "certificates", "skills")
NEW = ""


async def put_person(database: Database, person: Person, revision: str, *, by: Actor, now: datetime) -> str:
    """Add (`revision` NEW) or change a person; gives the new revision.

    Raises NotAllowedError, ConflictError (changed meanwhile, id or address taken), NotFoundError.
    """
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        await may(session, by, AUTHORITY)
        return await put_checked(session, person, revision, by=by, now=now)


async def put_checked(session: AsyncSession, person: Person, revision: str, *, by: Actor, now: datetime) -> str:
    """The same inside a transaction that has the roster's turn and the authority."""
    row = await read.person_row(session, person.id, lock=True)
    before = _same_as(row, person.id, revision)
    _no_powers_for_oneself(before, person, by)
    person = _unverified(before, person)
    await _free(session, person)
    await write.put_person(session, person)
    for one in _gone(before, person):
        await enrolment.removed(session, person.id, one.channel.value, one.address, now, by.id)
    told = changed(before, person)
    kind = "person.added" if before is None else "person.changed"
    await audit(session, kind, person.id, {"changed": told}, by, now)
    return read.revision(person.model_dump(mode="json"))


async def set_active(database: Database, person: str, active: bool, revision: str, *, by: Actor, now: datetime) -> None:
    """Take somebody off the roster, or back on: their history stays. Raises as `put_person` does."""
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        await may(session, by, AUTHORITY)
        row = await read.person_row(session, person, lock=True)
        before = _same_as(row, person, revision or "?")
        if before is None:
            raise NotFoundError(f"no person '{person}' on the roster")
        if person == by.id and by.signed_in:
            raise NotAllowedError("You can't do this to yourself: ask another administrator")
        await write.put_person(session, before.model_copy(update={"active": active}))
        await audit(session, "person.activated" if active else "person.deactivated", person, {}, by, now)


def _same_as(row: PersonRow | None, person: str, revision: str) -> Person | None:
    if row is None:
        if revision != NEW:
            raise NotFoundError(f"no person '{person}' on the roster")
        return None
    if revision == NEW:
        raise ConflictError(f"'{person}' is on the roster already: choose another id, or change that person")
    if revision != read.revision(row.data):
        raise ConflictError("Somebody has changed this meanwhile: load the page again and look")
    return Person.model_validate(row.data)


def _no_powers_for_oneself(before: Person | None, after: Person, by: Actor) -> None:
    if by.signed_in and before is not None and by.id == after.id:
        mine = [name for name in _POWERS if getattr(before, name) != getattr(after, name)]
        if mine or before.active != after.active:
            raise NotAllowedError(
                f"You can't change your own {', '.join(mine) or 'standing'}: ask another administrator"
            )


def _unverified(before: Person | None, after: Person) -> Person:
    """An address counts as verified only when it was before."""
    known = {(one.channel, one.address) for one in before.contacts if one.verified} if before else set()
    contacts = [one.model_copy(update={"verified": (one.channel, one.address) in known}) for one in after.contacts]
    return after.model_copy(update={"contacts": contacts})


def _gone(before: Person | None, after: Person) -> list[ContactMethod]:
    """The verified addresses that the person has no more."""
    still = {(one.channel, one.address) for one in after.contacts}
    held = before.contacts if before else []
    return [one for one in held if one.verified and (one.channel, one.address) not in still]


async def _free(session: AsyncSession, person: Person) -> None:
    addresses = [(one.channel.value, one.address) for one in person.contacts]
    if len(set(addresses)) < len(addresses):
        raise InvalidPayloadError("one address is there twice")
    for (channel, address), holder in (await read.holders(session, addresses)).items():
        if holder != person.id:
            raise ConflictError(f"{channel} {address} is another person's address already")


def changed(before: Person | None, after: Person) -> list[str]:
    """The names of the fields that differ: values stay out of the audit, which is never erased."""
    if before is None:
        return sorted(after.model_dump(exclude_defaults=True))
    return [name for name in Person.model_fields if getattr(before, name) != getattr(after, name)]


async def audit(session: AsyncSession, kind: str, subject: str, data: Json, by: Actor, now: datetime) -> None:
    """One record of a change of the roster."""
    fact = {"at": now, "kind": kind, "actor": by.id, "subject": subject}
    await ledger.audit(session, fact | {"data": data | {"evidence": by.evidence}})
