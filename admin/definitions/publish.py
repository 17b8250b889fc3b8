"""Publishing: definitions and site documents, each a new immutable version with an audit record."""

from datetime import datetime

from pydantic import ValidationError

from admin.actors import Actor, somebody_else
from admin.definitions import versions
from admin.definitions.rollout import Move, put_live
from admin.definitions.versions import Signed, read_definition
from admin.roster import importing as roster_import
from domain.errors import ConfigError
from domain.language import misfits
from domain.rosters.people import Roster, Shift
from domain.site import Site
from domain.values import Json, content_hash
from store.db import Database
from store.read.access import policy
from store.tables import DefinitionRow
from store.write.access import sessions
from store.write.books import ledger
from store.write.definitions import publishing, rollouts
from store.write.rosters import roster as roster_write


def check_definition(text: str, file: str) -> None:
    """Raises DefinitionError with every finding at file:line:column."""
    read_definition(text, file)


async def publish_definition(
    database: Database, text: str, file: str, *, author: str, signed_off_by: str, now: datetime, reason: str = ""
) -> str:
    """Check, publish and put live at once, on an operator's word for both names; gives the version.

    What was published before is put live again. Raises DefinitionError with every finding, and FourEyesError when
    author and signer are the same. A person in the console goes by `drafts` and `rollout` instead.
    """
    definition = read_definition(text, file)
    signer = Actor(signed_off_by, signed_in=False)
    async with database.transaction() as session:
        await somebody_else(session, signed_off_by, [author])
        await publishing.lock_definition(session, definition.definition)
        definition = await versions.bundle(session, definition)
        row = await session.get(DefinitionRow, definition.version())
        if row is None:
            row = await versions.add(session, definition, text, Signed(author, signer, now, reason))
        standing = await rollouts.standing(session, definition.definition)
        await put_live(session, row, standing, Move(Actor(author, signed_in=False), now, reason))
    return row.version


def document_version(kind: str, content: Json) -> str:
    """By what a version of a site document is addressed. Raises ConfigError naming what is wrong in it."""
    return content_hash(_checked(Site, content, kind) if kind == "site" else content)


async def publish_site(database: Database, content: Json, *, author: str, now: datetime) -> None:
    """Publish the site document. Raises ConfigError naming what is wrong in it."""
    document = _checked(Site, content, "site")
    policy.checked(document)
    await _publish(database, "site", document, author, now)


async def publish_connectors(database: Database, content: list[Json], *, author: str, now: datetime) -> None:
    """Publish which systems and sources are connected; secrets by reference only."""
    await _publish(database, "connectors", content, author, now)


async def import_roster(
    database: Database, content: Json, passwords: dict[str, str], *, author: str, now: datetime
) -> None:
    """Import shifts, people, schedules and absences; `passwords`: person id -> argon2 hash of the console log-in (kept
    when absent). The same file again changes no one: what people changed since in the console stays."""
    roster = Roster.model_validate(_checked(Roster, content, "roster"))
    await _publish(database, "shifts", [_dump(shift) for shift in roster.shifts], author, now)
    async with database.transaction() as session:
        await roster_write.one_at_a_time(session)
        row = {"kind": "people", "version": content_hash(roster.model_dump(mode="json")), "content": {}}
        if not await publishing.put_document(session, row | {"author": author, "published_at": now}):
            for name, password in passwords.items():
                await sessions.set_password(session, name, password)
            return
        for person in roster.people:
            addresses = [(contact.channel.value, contact.address) for contact in person.contacts if contact.verified]
            data = person.model_dump(mode="json")
            await publishing.put_person(session, person.id, data, passwords.get(person.id), addresses)
        await roster_import.put_schedules(session, roster.schedules, Actor(author, signed_in=False), now)
        await roster_import.put_absences(session, roster.absences, Actor(author, signed_in=False), now)
        fact = {"at": now, "kind": "roster.imported", "actor": author, "subject": "roster"}
        await ledger.audit(session, fact | {"data": {"people": len(roster.people)}})


def _dump(shift: Shift) -> Json:
    return shift.model_dump(mode="json")


def _checked(model: type[Site] | type[Roster], content: Json, what: str) -> Json:
    try:
        return model.model_validate(content).model_dump(mode="json")
    except ValidationError as error:
        raise ConfigError(f"{what} document: {misfits.first(error, model)}") from None


async def _publish(database: Database, kind: str, content: Json, author: str, now: datetime) -> None:
    """A new version only when something changed."""
    version = content_hash(content)
    async with database.transaction() as session:
        row = {"kind": kind, "version": version, "content": content, "author": author, "published_at": now}
        if await publishing.put_document(session, row):
            fact = {"at": now, "kind": f"{kind}.published", "actor": author, "subject": kind}
            await ledger.audit(session, fact | {"data": {"version": version}})
