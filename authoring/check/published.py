"""What the database knows of the site, for a check: people, equipment, connected systems, live definitions."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from authoring.check.facts import WEEKS, SiteFacts, connected
from domain.language.definition import Definition
from store.read import site as site_read
from store.read.access import authority
from store.read.definitions import versions as read
from store.read.rosters import feeds


async def facts(
    session: AsyncSession, now: datetime, channels: frozenset[str] | None = None, weeks: int = WEEKS
) -> SiteFacts:
    """The site as it is published. Raises NotFoundError when nothing is."""
    known = await site_read.is_published(session, "connectors")
    systems = connected(await site_read.document(session, "connectors")) if known else None
    site, roster = await site_read.site(session), await site_read.roster(session)
    stale = {name: row.name for row in await feeds.every(session) if feeds.is_stale(row, now) for name in row.schedules}
    return SiteFacts(site, roster, now, systems, channels, weeks, await authority.matrix(session), stale)


async def definitions(session: AsyncSession) -> dict[str, tuple[str, Definition]]:
    """Name -> text and definition of what is live, or newest where nothing is."""
    live = {row.version for row in await read.rollouts(session) if row.slot == "live"}
    found: dict[str, tuple[str, Definition]] = {}
    for row in await read.versions(session):
        if row.version in live or row.definition not in found:
            found[row.definition] = (row.source_text, Definition.model_validate(row.content))
    return found
