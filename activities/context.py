"""Gathering context, writing the story, closing."""

import asyncio

from temporalio import activity

from activities import project
from activities.contracts import calls
from activities.contracts.model import CloseRequest, CloseResult, GatherRequest, GatherResult, Query
from activities.contracts.story import Projection
from activities.world import World
from domain.errors import ConfigError, MosError
from domain.language.texts import pick
from domain.values import Json
from store.write import exceptions, facts
from templates.text import render_text


class ContextActivities:
    """What an exception needs to know, and what is written of it."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn(name=calls.GATHER.name)
    async def gather(self, request: GatherRequest) -> GatherResult:
        """Run the queries side by side, each within its own deadline; what can't be had is a gap, never an error.

        Idempotency: reads only, plus the projection and what was answered, the first time. Raises: nothing of the
        systems'. Timeouts: the longest `within_s`.
        """
        found = await asyncio.gather(*(self._query(query) for query in request.queries))
        values = {query.name: value for query, (value, _) in zip(request.queries, found, strict=True)}
        gaps = {query.name: gap for query, (_, gap) in zip(request.queries, found, strict=True) if gap}
        more: dict[str, Json] = {"title": _title(request)} if request.title else {}
        answered = [
            (query.source, query.where, values[query.name]) for query in request.queries if query.name not in gaps
        ]
        async with self._world.database.transaction() as session:
            await project.write(session, request.projection, **more)
            await facts.keep(session, request.exception_id, answered, self._world.now())
        return GatherResult(values=values, gaps=gaps)

    async def _query(self, query: Query) -> tuple[Json, str]:
        """Asked as often as the author wants, within one deadline each time."""
        value, gap = await self._once(query)
        for _ in range(query.retries):
            if not gap:
                break
            value, gap = await self._once(query)
        return value, gap

    async def _once(self, query: Query) -> tuple[Json, str]:
        system = query.source.split(".")[0]
        try:
            async with asyncio.timeout(query.within_s):
                return await self._world.system(system).query(query.source, query.where), ""
        except TimeoutError:
            return query.otherwise, f"no answer within {query.within_s:g} s"
        except MosError as error:
            return query.otherwise, error.message

    @activity.defn(name=calls.RECORD.name)
    async def record(self, projection: Projection) -> None:
        """Write the projection. Idempotency: by `rev` and entry numbers. Raises: database errors, retried."""
        async with self._world.database.transaction() as session:
            await project.write(session, projection)

    @activity.defn(name=calls.CLOSE.name)
    async def close(self, request: CloseRequest) -> CloseResult:
        """Close the row unless a signal is on its way. Idempotency: a closed row stays closed."""
        exception_id = request.projection.exception_id
        async with self._world.database.transaction() as session:
            await project.write(session, request.projection)
            closed = await exceptions.close(session, exception_id, request.highest_seq, request.at)
        return CloseResult(closed=closed)


def _title(request: GatherRequest) -> str:
    """In the console's language. A title that can't be rendered must not stop the exception."""
    title = pick(request.title)
    try:
        return render_text(title, request.scope)[:300]
    except ConfigError:
        return title[:300]
