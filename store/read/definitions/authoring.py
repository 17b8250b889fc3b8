"""What the console's pages of definitions ask of the database. Each function is one transaction; none writes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.errors import NotFoundError
from domain.rosters.people import Roster
from domain.site import Site
from store.db import Database
from store.read import board
from store.read import site as site_read
from store.read.definitions import versions as read
from store.tables import AuditRow, DefinitionRow, DraftRow, RolloutRow

__all__ = [
    "Book",
    "Database",
    "DefinitionRow",
    "DraftRow",
    "RolloutRow",
    "Sheet",
    "Shelf",
    "book",
    "setting",
]
__all__ += ["sheet", "shelves", "version_of"]


@dataclass(frozen=True)
class Shelf:
    """One definition in the list: what is in its slots, which versions run how often, what is being written."""

    name: str
    newest: DefinitionRow | None
    slots: dict[str, tuple[DefinitionRow, RolloutRow]]
    running: list[tuple[DefinitionRow, int]]
    drafts: Sequence[DraftRow]


@dataclass(frozen=True)
class Book:
    """Everything about one definition; the newest first. `running`: version -> open exceptions."""

    name: str
    versions: Sequence[DefinitionRow]
    slots: dict[str, RolloutRow]
    history: Sequence[RolloutRow]
    drafts: Sequence[DraftRow]
    running: dict[str, int]
    names: dict[str, str]
    site: Site | None

    def version(self, wanted: str) -> DefinitionRow | None:
        """By its hash."""
        return next((row for row in self.versions if row.version == wanted), None)

    def numbered(self, text: str) -> DefinitionRow | None:
        """By `v3` or `3`."""
        return next((row for row in self.versions if str(row.number) == text.removeprefix("v")), None)

    @property
    def live(self) -> DefinitionRow | None:
        return self.version(self.slots["live"].version) if "live" in self.slots else None


@dataclass(frozen=True)
class Sheet:
    """A draft with what it is measured against: the newest version, and the one that it was begun from; a new
    definition has neither, but perhaps an `origin`: the version of another definition that it was copied from."""

    draft: DraftRow
    newest: DefinitionRow | None
    base: DefinitionRow | None
    origin: DefinitionRow | None
    names: dict[str, str]

    @property
    def overtaken(self) -> bool:
        """Was something published since it was begun?"""
        return self.newest is not None and self.newest.version != self.draft.base


async def shelves(database: Database) -> tuple[list[Shelf], dict[str, str]]:
    """Every definition that has a version or a draft, by name; and the names of people."""
    async with database.transaction() as session:
        versions, slots = await read.versions(session), await read.rollouts(session)
        drafts, running = await read.drafts(session), await read.running(session)
        people = await board.names(session)
    names = sorted({row.definition for row in versions} | {row.definition for row in drafts})
    return [_shelf(name, versions, slots, drafts, running) for name in names], people


def _shelf(
    name: str,
    versions: Sequence[DefinitionRow],
    slots: Sequence[RolloutRow],
    drafts: Sequence[DraftRow],
    running: dict[str, int],
) -> Shelf:
    own = [row for row in versions if row.definition == name]
    by_hash = {row.version: row for row in own}
    return Shelf(
        name,
        own[0] if own else None,
        {slot.slot: (by_hash[slot.version], slot) for slot in slots if slot.version in by_hash},
        [(row, running[row.version]) for row in own if row.version in running],
        [draft for draft in drafts if draft.definition == name],
    )


async def book(database: Database, name: str) -> Book:
    """Raises NotFoundError when it has neither version nor draft."""
    async with database.transaction() as session:
        versions, drafts = await read.versions(session, name), await read.drafts(session, name)
        if not versions and not drafts:
            raise NotFoundError(f"There is no definition '{name}'.")
        history = await read.rollouts(session, name, ended=True)
        slots = {row.slot: row for row in history if row.ended_at is None}
        running, people = await read.running(session), await board.names(session)
        try:
            site: Site | None = await site_read.site(session)
        except NotFoundError:
            site = None
    return Book(name, versions, slots, history, drafts, running, people, site)


async def sheet(database: Database, draft_id: int) -> Sheet:
    """Raises NotFoundError."""
    async with database.transaction() as session:
        row = await read.draft(session, draft_id)
        versions = await read.versions(session, row.definition)
        base = next((one for one in versions if one.version == row.base), None)
        origin = None if versions else await _origin(session, row)
        return Sheet(row, versions[0] if versions else None, base, origin, await board.names(session))


async def _origin(session: AsyncSession, draft: DraftRow) -> DefinitionRow | None:
    """What it was copied from stands in the audit record of its beginning."""
    told = col(AuditRow.data)
    statement = select(told["like"].as_string()).where(
        col(AuditRow.kind) == "draft.begun",
        col(AuditRow.subject) == draft.definition,
        told["draft"].as_integer() == draft.id,
    )
    like = (await session.scalars(statement)).first() or ""
    name, _, wanted = like.partition("@")
    if not name or not wanted:
        return None
    try:
        return await read.find(session, name, wanted)
    except NotFoundError:
        return None


async def setting(database: Database) -> tuple[Site, Roster]:
    """The site and its people, for what is played before it is published. Raises NotFoundError before the first
    push."""
    async with database.transaction() as session:
        return await site_read.site(session), await site_read.roster(session)


async def version_of(database: Database, version: str) -> DefinitionRow | None:
    """A published version by its hash."""
    async with database.transaction() as session:
        return await session.get(DefinitionRow, version)
