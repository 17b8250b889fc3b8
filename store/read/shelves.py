"""What is shelved: who silenced which definition where, until when, and how much waits for the end of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.correlation import Shelved, places
from domain.errors import NotFoundError
from domain.language.definition import Definition
from domain.site import Site
from store.db import Database
from store.read import board
from store.read import site as site_read
from store.read.definitions import versions as definitions
from store.tables import InboxRow, ShelfRow

__all__ = ["ShelfRow", "Shelves", "Standing", "by_id", "how_many", "shelvable", "shelved", "standing", "terms_of"]


@dataclass(frozen=True)
class Standing:
    """One shelf with the number of signals that wait under it."""

    row: ShelfRow
    waiting: int


@dataclass(frozen=True)
class Shelves:
    """What the console shows. `definitions`: those that may be shelved; `site`: None before the first push."""

    standing: Sequence[Standing]
    definitions: Sequence[str]
    site: Site | None
    names: dict[str, str]


def terms_of(row: ShelfRow) -> Shelved:
    """What the rule of correlation reads."""
    return Shelved(row.definition, row.until, row.key, row.equipment)


async def standing(session: AsyncSession, now: datetime, definition: str | None = None) -> list[ShelfRow]:
    """The shelves that stand at `now`, of one definition or of all; what ends first comes first."""
    statement = select(ShelfRow).where(col(ShelfRow.ended_at).is_(None), col(ShelfRow.until) > now)
    if definition is not None:
        statement = statement.where(col(ShelfRow.definition) == definition)
    return list((await session.scalars(statement.order_by(col(ShelfRow.until), col(ShelfRow.id)))).all())


async def how_many(database: Database, now: datetime) -> int:
    """Shelves that stand at `now`."""
    async with database.transaction() as session:
        return len(await standing(session, now))


async def by_id(session: AsyncSession, shelf_id: int) -> ShelfRow:
    """A shelf in any state, locked. Raises NotFoundError."""
    row = await session.get(ShelfRow, shelf_id, with_for_update=True)
    if row is None:
        raise NotFoundError(f"there is no shelf {shelf_id}: 'mos shelve' lists what is shelved")
    return row


async def shelvable(session: AsyncSession) -> list[str]:
    """The definitions that open exceptions now and are not about safety."""
    return [offer.name for offer in await definitions.in_force(session) if opens_and_may_wait(offer)]


def opens_and_may_wait(offer: definitions.InForce) -> bool:
    """Safety signals are never suppressed: a version about safety keeps the whole definition off the shelf."""
    versions: list[Definition] = [pinned.definition for pinned in (offer.live, offer.trial) if pinned]
    opening = [version.opens for version in versions if version.opens]
    return bool(opening) and not any(opens.safety for opens in opening)


async def shelved(database: Database, now: datetime) -> Shelves:
    """Everything of the console's list."""
    async with database.transaction() as session:
        rows, waiting = await standing(session, now), await _waiting(session)
        try:
            site: Site | None = await site_read.site(session)
        except NotFoundError:
            site = None
        return Shelves(
            [Standing(row, _count(row, waiting, site)) for row in rows],
            await shelvable(session),
            site,
            await board.names(session),
        )


_Waiting = Sequence[tuple[str, str, str | None, int]]


async def _waiting(session: AsyncSession) -> _Waiting:
    """Definition, key, equipment, and how many signals wait."""
    equipment = InboxRow.signal["equipment"].astext
    statement = (
        select(col(InboxRow.definition), col(InboxRow.key), equipment, func.count())
        .where(col(InboxRow.status) == "settling")
        .group_by(col(InboxRow.definition), col(InboxRow.key), equipment)
    )
    return [(found[0], found[1], found[2], found[3]) for found in (await session.execute(statement)).all()]


def _count(row: ShelfRow, waiting: _Waiting, site: Site | None) -> int:
    return sum(
        many
        for definition, key, equipment, many in waiting
        if terms_of(row).covers(definition, key, places(site.describe(equipment)) if site and equipment else [])
    )
