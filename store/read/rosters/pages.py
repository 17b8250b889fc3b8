"""What the pages of people and schedules show."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import NotFoundError
from domain.rosters.model import Schedule
from domain.rosters.people import Person, Roster
from domain.site import Site
from domain.values import Json
from store.db import Database
from store.read import site as site_read
from store.read.rosters import feeds
from store.read.rosters import roster as read
from store.tables import OverrideRow, ScheduleFeedRow, SwapRow


@dataclass(frozen=True)
class Staff:
    """Everybody, and the site they work at. `waiting`: swaps that are not answered; `feeds`: schedules that come from
    other systems."""

    roster: Roster
    site: Site
    waiting: Sequence[SwapRow] = ()
    feeds: Sequence[ScheduleFeedRow] = ()

    @property
    def names(self) -> dict[str, str]:
        return {person.id: person.name for person in self.roster.people}


@dataclass(frozen=True)
class PersonPage:
    staff: Staff
    person: Person
    revision: str
    has_feed: bool


@dataclass(frozen=True)
class SchedulePage:
    """`overrides`: those that are not over. `data`: what an editor shows."""

    staff: Staff
    schedule: Schedule
    data: Json
    revision: str
    overrides: Sequence[OverrideRow]
    has_feed: bool


async def staff(database: Database) -> Staff:
    """Raises NotFoundError before the first push."""
    async with database.transaction() as session:
        roster, site = await site_read.roster(session), await site_read.site(session)
        return Staff(roster, site, await read.swaps_waiting(session), await feeds.every(session))


async def person(database: Database, name: str) -> PersonPage:
    """Raises NotFoundError."""
    async with database.transaction() as session:
        row = await read.person_row(session, name)
        if row is None:
            raise NotFoundError(f"no person '{name}' on the roster")
        waiting = await read.swaps_waiting(session, name)
        found = Staff(await site_read.roster(session), await site_read.site(session), waiting)
        has_feed = bool(await read.feeds_of(session, "person", name))
        return PersonPage(found, Person.model_validate(row.data), read.revision(row.data), has_feed)


async def schedule(database: Database, name: str) -> SchedulePage:
    """Raises NotFoundError."""
    async with database.transaction() as session:
        row = await read.schedule_row(session, name)
        roster = await site_read.roster(session)
        found = roster.schedule(name)
        if row is None or found is None:
            raise NotFoundError(f"no schedule '{name}'")
        waiting = [one for one in await read.swaps_waiting(session) if one.data["schedule"] == name]
        source = await feeds.of_schedule(session, name)
        people = Staff(roster, await site_read.site(session), waiting, [source] if source else [])
        overrides = await read.overrides_of(session, name)
        has_feed = bool(await read.feeds_of(session, "schedule", name))
        return SchedulePage(people, found, row.data, read.revision(row.data), overrides, has_feed)


async def feed(database: Database, token_hash: str) -> tuple[str, str, Staff] | None:
    """Kind, subject and everybody, for the secret address that has this hash."""
    async with database.transaction() as session:
        row = await read.feed(session, token_hash)
        if row is None:
            return None
        return row.kind, row.subject, Staff(await site_read.roster(session), await site_read.site(session))
