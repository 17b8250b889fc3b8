"""What holds up a signal that would open an exception: a parent that is open, a shelf, its on-delay. Never safety.

A waiting signal is looked at again when its time is over. Whatever held it up may have changed by then, so nothing of
the first look counts: it joins, waits on or opens.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.correlation import Terms, places
from domain.language.definition import Opens
from domain.site import Site
from domain.values import local_text
from intake.choosing import Look
from store.read import shelves
from store.read.definitions.versions import Pinned
from store.tables import ShelfRow
from store.write import exceptions


@dataclass(frozen=True)
class Match:
    """A version that opens on a signal under this key, on these terms; `ready`: when its on-delay is over."""

    pinned: Pinned
    opens: Opens
    key: str
    terms: Terms
    ready: datetime

    @property
    def name(self) -> str:
        return self.pinned.definition.definition


async def held_up(session: AsyncSession, site: Site, look: Look, match: Match, now: datetime) -> bool:
    """Give the signal to an open parent, or let it wait. False: nothing holds it up, it opens now."""
    if match.opens.safety:
        return False
    if await with_parent(session, site, look, match):
        return True
    shelf = await _shelf(session, look, match, now)
    until = max(match.ready, shelf.until) if shelf else match.ready
    if until <= now:
        return False
    _remember(look, match)
    look.row.status, look.row.due_at = "settling", until
    look.row.error = f"shelved until {local_text(shelf.until, ZoneInfo(site.timezone))}" if shelf else None
    return True


async def with_parent(session: AsyncSession, site: Site, look: Look, match: Match) -> bool:
    """It joins the first parent that is open. What it would have opened stays with it: when the parent closes and the
    source still says the same, it comes back (`store.write.exceptions.close`)."""
    for definition, key in match.terms.parents:
        parent = await exceptions.find_open(session, site.site, definition, key)
        if parent is not None:
            _remember(look, match)
            look.row.status, look.row.exception_id = "correlated", parent.id
            look.row.due_at = look.row.error = None
            return True
    return False


async def _shelf(session: AsyncSession, look: Look, match: Match, now: datetime) -> ShelfRow | None:
    """The shelf that ends last of those that cover it."""
    standing = await shelves.standing(session, now, match.name)
    where = places(look.equipment)
    covering = [row for row in standing if shelves.terms_of(row).covers(match.name, match.key, where)]
    return covering[-1] if covering else None  # they come in the order of their ends


def _remember(look: Look, match: Match) -> None:
    look.row.definition, look.row.key = match.name, match.key
