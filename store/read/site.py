"""The site as it is in force: equipment, roster, connectors; and definitions by their version."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.errors import NotFoundError
from domain.language.definition import Definition
from domain.rosters.people import Person, Roster
from domain.site import Site
from domain.values import Json
from store.kept import Kept
from store.read.rosters import roster as roster_read
from store.tables import ContactRow, DefinitionRow, DocumentRow, PersonRow

_SITES: Kept[Site] = Kept(16)
_ROSTERS: Kept[Roster] = Kept(4)
_DEFINITIONS: Kept[Definition] = Kept(1024)  # every one in a slot is looked at in each batch of the pump


async def document(session: AsyncSession, kind: str) -> Json:
    """The newest document of this kind. Raises NotFoundError."""
    statement = (
        select(col(DocumentRow.content))
        .where(col(DocumentRow.kind) == kind)
        .order_by(col(DocumentRow.id).desc())
        .limit(1)
    )
    found = await session.scalar(statement)
    if found is None:
        raise NotFoundError(f"no {kind} document is published: run 'mos push'")
    return found


async def document_versions(session: AsyncSession, kind: str) -> list[str]:
    """The versions of a document that were ever in force, the newest first."""
    statement = select(col(DocumentRow.version)).where(col(DocumentRow.kind) == kind)
    return list((await session.scalars(statement.order_by(col(DocumentRow.id).desc()))).all())


async def is_published(session: AsyncSession, kind: str) -> bool:
    statement = select(col(DocumentRow.id)).where(col(DocumentRow.kind) == kind).limit(1)
    return await session.scalar(statement) is not None


async def site(session: AsyncSession) -> Site:
    """The newest site document, with the shifts of the newest roster. Raises NotFoundError."""
    versions: dict[str, str] = {row[0]: row[1] for row in await session.execute(_NEWEST)}
    if "site" not in versions:
        raise NotFoundError("no site document is published: run 'mos push'")
    key = f"{versions['site']}/{versions.get('shifts', '')}"
    known = _SITES.get(key)
    if known is None:
        shifts = await document(session, "shifts") if "shifts" in versions else []
        known = _SITES.put(key, Site.model_validate({**await document(session, "site"), "shifts": shifts}))
    return known


async def area_of(session: AsyncSession, equipment: str) -> str:
    """Where this equipment stands; empty when that is not known."""
    return str((await site(session)).describe(equipment).get("area") or "")


_NEWEST = (
    select(col(DocumentRow.kind), col(DocumentRow.version))
    .where(col(DocumentRow.kind).in_(("site", "shifts")))
    .ext(distinct_on(col(DocumentRow.kind)))
    .order_by(col(DocumentRow.kind), col(DocumentRow.id).desc())
)


async def roster(session: AsyncSession) -> Roster:
    """Everybody, the shifts, the schedules and the absences: as this transaction sees them. Kept by its version."""
    version = await roster_read.version(session)
    known = _ROSTERS.get(version) if version else None
    if known is None:
        found = await roster_read.everything(session)
        known = Roster.model_validate({"shifts": await document(session, "shifts"), **found})
        if version:
            _ROSTERS.put(version, known)
    return known


async def person(session: AsyncSession, person_id: str) -> Person | None:
    row = await session.get(PersonRow, person_id)
    return Person.model_validate(row.data) if row else None


async def person_at(session: AsyncSession, channel: str, address: str) -> Person | None:
    """Who has this verified address. None = a stranger, who has no power."""
    contact = await session.get(ContactRow, (channel, address))
    return await person(session, contact.person) if contact else None


async def definition(session: AsyncSession, version: str) -> Definition | None:
    """A version of a definition, in force or not."""
    known = _DEFINITIONS.get(version)
    if known is not None:
        return known
    row = await definition_version(session, version)
    return _DEFINITIONS.put(version, Definition.model_validate(row.content)) if row else None


async def definition_version(session: AsyncSession, version: str) -> DefinitionRow | None:
    return await session.get(DefinitionRow, version)
