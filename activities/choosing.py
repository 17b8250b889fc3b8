"""Who is asked: everybody who fits, or the few with the least to do."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.contracts import calls
from activities.contracts.model import People, TellRequest, WhoRequest
from activities.world import World
from domain.people import Person, Roster, least_loaded, select
from store.read import site as site_read
from store.read import tasks as tasks_read


async def people(
    session: AsyncSession, roster: Roster, request: TellRequest, now: datetime, zone: ZoneInfo
) -> list[Person]:
    """Who fits now and was not asked before. With `at_most` those with the fewest open tasks; when this call was made
    before and its answer was lost, the same people as then."""
    fitting = [p for p in select(roster, request.selector, now, zone) if p.id not in request.already]
    if not request.at_most:
        return fitting
    known = await tasks_read.by_id(session, request.task_id)
    chosen = set(known.asked) - set(request.already) if known else set()
    if chosen:
        return [person for person in roster.people if person.id in chosen]
    load = await tasks_read.load(session)
    return least_loaded(fitting, load, request.at_most)


class RosterActivities:
    """Questions to the roster."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn(name=calls.WHO.name)
    async def who(self, request: WhoRequest) -> People:
        """Who fits now. Idempotency: reads only. Timeouts: database only."""
        async with self._world.database.transaction() as session:
            site, roster = await site_read.site(session), await site_read.roster(session)
            found = select(roster, request.selector, self._world.now(), ZoneInfo(site.timezone))
        return People(people={person.id: person.name for person in found})
