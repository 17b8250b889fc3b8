"""Who is asked: everybody who fits, or the few with the least to do."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.contracts import calls
from activities.contracts.model import People, TellRequest, WhoRequest
from activities.world import World
from domain.rosters.people import Person, Roster, select
from domain.rosters.routing import PAGES_WINDOW, Load, preferred
from store.read import site as site_read
from store.read.messages import tasks as tasks_read


async def people(
    session: AsyncSession, roster: Roster, request: TellRequest, now: datetime, zone: ZoneInfo
) -> list[Person]:
    """Who fits now and was not asked before; with `named` just those. Within the load budget, and with `at_most` those
    with the fewest open tasks; when this call was made before and its answer was lost, the same people as then."""
    if request.named is not None:
        return [person for person in roster.people if person.id in request.named and person.active]
    fitting = [p for p in select(roster, request.selector, now, zone) if p.id not in request.already]
    if not (request.at_most or request.budget_tasks or request.budget_pages):
        return fitting
    known = await tasks_read.by_id(session, request.task_id)
    chosen = set(known.asked) - set(request.already) if known else set()
    if chosen:
        return [person for person in roster.people if person.id in chosen]
    load = await _load(session, request, now)
    return preferred(fitting, load, tasks=request.budget_tasks, pages=request.budget_pages, at_most=request.at_most)


async def _load(session: AsyncSession, request: TellRequest, now: datetime) -> Load:
    """Only what is asked for."""
    return Load(
        tasks=await tasks_read.held(session) if request.budget_tasks else {},
        asked=await tasks_read.load(session) if request.at_most else {},
        pages=await tasks_read.pages(session, now - PAGES_WINDOW) if request.budget_pages else {},
    )


class RosterActivities:
    """Questions to the roster."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn(name=calls.WHO.name)
    async def who(self, request: WhoRequest) -> People:
        """Who fits one of the selectors now. Idempotency: reads only. Timeouts: database only."""
        async with self._world.database.transaction() as session:
            site, roster = await site_read.site(session), await site_read.roster(session)
        now, zone = self._world.now(), ZoneInfo(site.timezone)
        fitting = (select(roster, one, now, zone) for one in (request.selector, *request.others))
        return People(people={person.id: person.name for found in fitting for person in found})
