"""The authority matrix as a site document, and delegations: explicit, for a time, on record (C13)."""

from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor, NotAllowedError, name_of, on_roster
from admin.definitions import publish
from domain.authority.matrix import AuthorityMatrix, held_actions
from domain.errors import ConfigError, ConflictError, InvalidPayloadError, NotFoundError
from domain.language import misfits
from domain.rosters.people import Person
from domain.values import Json, content_hash
from store.db import Database
from store.read import site as site_read
from store.read.access import authority as read
from store.tables import DelegationRow
from store.write.access import authority as write
from store.write.books import ledger
from store.write.definitions import publishing

LONGEST = timedelta(days=90)
_REASON = 500
MANAGE = "manage_authority"  # may end what others lent


def checked(content: Json) -> Json:
    """The document as it is kept. Raises ConfigError naming what is wrong in it."""
    return parsed(content).model_dump(mode="json", exclude_defaults=True)


def document_version(kind: str, content: Json) -> str:
    """By what a version of a site document is addressed, the authority matrix too. Raises ConfigError."""
    return content_hash(checked(content)) if kind == "authority" else publish.document_version(kind, content)


def parsed(content: Json) -> AuthorityMatrix:
    """Raises ConfigError naming what is wrong in it."""
    try:
        return AuthorityMatrix.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"authority document: {misfits.first(error, AuthorityMatrix)}") from None


async def publish_matrix(database: Database, content: Json, *, author: str, now: datetime) -> None:
    """Publish the matrix; a new version only when something changed. Raises ConfigError: wrong, or nobody is meant."""
    kept = checked(content)
    version = content_hash(kept)
    async with database.transaction() as session:
        await _somebody(session, parsed(content))
        row = {"kind": "authority", "version": version, "content": kept, "author": author, "published_at": now}
        if await publishing.put_document(session, row):
            fact = {"at": now, "kind": "authority.published", "actor": author, "subject": "authority"}
            await ledger.audit(session, fact | {"data": {"version": version}})


async def _somebody(session: AsyncSession, matrix: AuthorityMatrix) -> None:
    """A grant to a person who is not on the roster is a typing error."""
    for grant in matrix.grants:
        if grant.to.person and await site_read.person(session, grant.to.person) is None:
            raise ConfigError(f"authority document: grant '{grant.id}': nobody on the roster is '{grant.to.person}'")


async def lend(
    database: Database,
    *,
    to_person: str,
    actions: list[str],
    start: datetime,
    end: datetime,
    reason: str,
    by: Actor,
    now: datetime,
) -> DelegationRow:
    """Lend one's own authority to somebody else for a time. What was lent to oneself can't be lent on.

    Raises InvalidPayloadError, NotFoundError, NotAllowedError.
    """
    _check_time(start, end, now)
    if not reason.strip() or len(reason.strip()) > _REASON:
        raise InvalidPayloadError("Give a reason, at most 500 characters long: others read it.")
    async with database.transaction() as session:
        await on_roster(session, by)
        lender = await site_read.person(session, by.id)
        if lender is None:
            raise NotFoundError(f"nobody on the roster is '{by.id}'")
        await _check_receiver(session, lender, to_person)
        lacking = sorted(set(actions) - set(held_actions(await read.matrix(session), lender, now)))
        if not actions or lacking:
            raise NotAllowedError(f"You don't hold {', '.join(lacking) or 'anything of that'}: lend what is yours.")
        row = DelegationRow(
            from_person=by.id, to_person=to_person, actions=sorted(set(actions)), starts_at=max(start, now),
            ends_at=end, reason=reason.strip(), created_at=now,
        )  # fmt: skip
        await write.begin(session, row)
        await _audit(session, row, "begun", by, now)
        return row


def _check_time(start: datetime, end: datetime, now: datetime) -> None:
    if end <= max(start, now):
        raise InvalidPayloadError("It would end before it begins. Choose a later end.")
    if end - max(start, now) > LONGEST:
        raise InvalidPayloadError(f"At most {LONGEST.days} days at once. Choose an earlier end.")


async def _check_receiver(session: AsyncSession, lender: Person, to_person: str) -> None:
    receiver = await site_read.person(session, to_person)
    if receiver is None or not receiver.active:
        raise NotFoundError("Nobody active on the roster has this name. Choose somebody else.")
    if receiver.id == lender.id:
        raise InvalidPayloadError("This is you. Choose somebody else.")


async def take_back(database: Database, delegation: int, *, by: Actor, now: datetime) -> None:
    """End a delegation before its time: who lent it, who has it, or who manages authority.

    Raises NotFoundError, NotAllowedError, ConflictError when it is over.
    """
    async with database.transaction() as session:
        await on_roster(session, by)
        row = await write.lock(session, delegation)
        if row is None:
            raise NotFoundError("There is no such delegation.")
        person = await site_read.person(session, by.id)
        manages = not by.signed_in or (person is not None and MANAGE in person.authorities)
        if by.id not in (row.from_person, row.to_person) and not manages:
            raise NotAllowedError("Only who lent it or who has it may end it.")
        if row.ended_at is not None or row.ends_at <= now:
            whom = await name_of(session, row.ended_by) if row.ended_by else "its time"
            raise ConflictError(f"It was ended already, by {whom}.")
        await write.end(session, row, by=by.id, at=now)
        await _audit(session, row, "ended", by, now)


async def _audit(session: AsyncSession, row: DelegationRow, what: str, by: Actor, now: datetime) -> None:
    data = row.model_dump(
        mode="json", include={"from_person", "to_person", "actions", "starts_at", "ends_at", "reason"}
    )
    fact = {"at": now, "kind": f"delegation.{what}", "actor": by.id, "subject": f"delegation:{row.id}"}
    await ledger.audit(session, fact | {"data": data | {"evidence": by.evidence}})
