"""Publishing: definitions and site documents, each a new immutable version with an audit record."""

from datetime import datetime

from pydantic import ValidationError

from domain.definition_text import load
from domain.errors import ConfigError
from domain.people import Roster, Shift
from domain.site import Site
from domain.values import Json, content_hash
from store.db import Database
from store.write import ledger, publishing
from templates.text import check_text


def check_definition(text: str, file: str) -> None:
    """Raises DefinitionError with every finding at file:line:column."""
    load(text, file, check_text)


async def publish_definition(
    database: Database, text: str, file: str, *, author: str, signed_off_by: str, now: datetime
) -> str:
    """Check and publish a definition; gives its version. It is in force for every exception that opens from now on.

    Raises DefinitionError with every finding; ConfigError when author and signer are the same (four eyes).
    """
    if author == signed_off_by:
        raise ConfigError(f"{file}: a version is signed off by somebody other than its author '{author}'")
    definition = load(text, file, check_text)
    version = definition.version()
    async with database.transaction() as session:
        new = await publishing.put_definition(
            session,
            {
                "version": version,
                "definition": definition.definition,
                "source_text": text,
                "content": definition.content(),
                "live": True,
                "author": author,
                "signed_off_by": signed_off_by,
                "published_at": now,
            },
        )
        if new:
            fact = {"at": now, "kind": "definition.published", "actor": author, "subject": definition.definition}
            await ledger.audit(session, fact | {"data": {"version": version, "signed_off_by": signed_off_by}})
    return version


async def publish_site(database: Database, content: Json, *, author: str, now: datetime) -> None:
    """Publish the site document. Raises ConfigError naming what is wrong in it."""
    await _publish(database, "site", _checked(Site, content, "site"), author, now)


async def publish_connectors(database: Database, content: list[Json], *, author: str, now: datetime) -> None:
    """Publish which systems and sources are connected; secrets by reference only."""
    await _publish(database, "connectors", content, author, now)


async def import_roster(
    database: Database, content: Json, passwords: dict[str, str], *, author: str, now: datetime
) -> None:
    """Import shifts and people; `passwords`: person id -> argon2 hash of the console log-in (kept when absent)."""
    roster = Roster.model_validate(_checked(Roster, content, "roster"))
    await _publish(database, "shifts", [_dump(shift) for shift in roster.shifts], author, now)
    async with database.transaction() as session:
        for person in roster.people:
            addresses = [(contact.channel.value, contact.address) for contact in person.contacts]
            data = person.model_dump(mode="json")
            await publishing.put_person(session, person.id, data, passwords.get(person.id), addresses)
        fact = {"at": now, "kind": "roster.imported", "actor": author, "subject": "roster"}
        await ledger.audit(session, fact | {"data": {"people": len(roster.people)}})


def _dump(shift: Shift) -> Json:
    return shift.model_dump(mode="json")


def _checked(model: type[Site] | type[Roster], content: Json, what: str) -> Json:
    try:
        return model.model_validate(content).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{what} document: {where}: {first['msg']}") from None


async def _publish(database: Database, kind: str, content: Json, author: str, now: datetime) -> None:
    """A new version only when something changed."""
    version = content_hash(content)
    async with database.transaction() as session:
        row = {"kind": kind, "version": version, "content": content, "author": author, "published_at": now}
        if await publishing.put_document(session, row):
            fact = {"at": now, "kind": f"{kind}.published", "actor": author, "subject": kind}
            await ledger.audit(session, fact | {"data": {"version": version}})
