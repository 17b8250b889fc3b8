"""Versions of definitions and site documents, people and their addresses."""

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.values import Json
from store.tables import ContactRow, DefinitionRow, DocumentRow, PersonRow


async def put_definition(session: AsyncSession, row: dict[str, Json]) -> bool:
    """Make this version the live one of its definition; True when it was not there before."""
    await session.execute(
        update(DefinitionRow).where(col(DefinitionRow.definition) == row["definition"]).values(live=False)
    )
    known = await session.get(DefinitionRow, row["version"])
    statement = insert(DefinitionRow).values(row)
    await session.execute(statement.on_conflict_do_update(index_elements=["version"], set_={"live": True}))
    return known is None


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
    await session.execute(delete(ContactRow).where(col(ContactRow.person) == person))
    for channel, address in addresses:
        contact = insert(ContactRow).values(channel=channel, address=address, person=person)
        await session.execute(
            contact.on_conflict_do_update(index_elements=["channel", "address"], set_={"person": person})
        )
