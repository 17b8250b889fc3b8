"""The web application: doors for machines, pages for people."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from api import doors, installing, lists, live, plant, programs, signals
from api.access import account, enrolment, login
from api.definitions import agents, drafting, trying
from api.definitions import pages as definitions
from api.deps import ApiDeps
from api.exceptions import pages as exceptions
from api.exceptions import pictures, shelving, signing, steering
from api.ledger import audit, bulk, reconciliation
from api.ledger import pages as ledger
from api.problems import handle_problems
from api.rendering import STATIC
from api.roster import authority, notifying
from api.roster import changes as roster_changes
from api.roster import feeds as roster_feeds
from api.roster import pages as roster
from api.roster import programs as roster_programs
from api.security import SecurityHeaders


def create_app(deps: ApiDeps) -> FastAPI:
    """One application. Its lifespan follows the database's change feed; no interactive docs, since they load a CDN."""
    app = FastAPI(title="mos", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan)
    app.state.deps = deps
    handle_problems(app)
    people = (
        login,
        account,
        enrolment,
        lists,
        roster,
        roster_changes,
        roster_feeds,
        roster_programs,
        notifying,
        authority,
        exceptions,
        pictures,
        bulk,  # before the pages: a name there is a transaction's id
        ledger,
        reconciliation,
        agents,
        signing,
        steering,
        shelving,
        audit,
    )
    for room in (doors, signals, programs, installing, *people, definitions, drafting, trying, plant, live):
        app.include_router(room.router)
    for router in deps.extra_routers:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(SecurityHeaders, secure=deps.secure)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    deps: ApiDeps = app.state.deps
    feed = asyncio.create_task(deps.changes.run())
    try:
        yield
    finally:
        feed.cancel()
        await asyncio.gather(feed, return_exceptions=True)
