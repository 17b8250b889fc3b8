"""Versions of definitions and site documents, people and their addresses."""

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.values import Json
from store.tables import DefinitionRow, DocumentRow, PersonRow
from store.write.access import identity

_DEFINITIONS = 7413


async def lock_definition(session: AsyncSession, definition: str) -> None:
    """Who publishes or rolls out this definition waits here until the one before has committed."""
    statement = text("SELECT pg_advisory_xact_lock(:space, hashtext(:definition))")
    await session.execute(statement, {"space": _DEFINITIONS, "definition": definition})


async def add_version(session: AsyncSession, row: dict[str, Json]) -> DefinitionRow:
    """Add a version with the next number of its definition; the definition is locked."""
    highest = select(func.max(col(DefinitionRow.number))).where(col(DefinitionRow.definition) == row["definition"])
    added = DefinitionRow(**row, number=(await session.scalar(highest) or 0) + 1)
    session.add(added)
    await session.flush()
    return added


async def put_document(session: AsyncSession, row: dict[str, Json]) -> bool:
    """Add a version of a site document; False when the newest is the same."""
    newest = (
        select(DocumentRow).where(col(DocumentRow.kind) == row["kind"]).order_by(col(DocumentRow.id).desc()).limit(1)
    )
    current = await session.scalar(newest)
    if current is not None and current.version == row["version"]:
        return False
    session.add(DocumentRow(**row))
    return True


async def put_person(
    session: AsyncSession, person: str, data: Json, password_hash: str | None, addresses: list[tuple[str, str]]
) -> None:
    """Add or replace a person with exactly these addresses; the password stays when none is given."""
    values = {"id": person, "data": data} | ({"password_hash": password_hash} if password_hash else {})
    statement = insert(PersonRow).values(values)
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
    await identity.keep_contacts(session, person, addresses)
