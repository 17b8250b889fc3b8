"""The web application: doors for machines, pages for people."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from api import (
    account,
    agents,
    audit,
    authority,
    definitions,
    doors,
    drafting,
    enrolment,
    exceptions,
    installing,
    ledger,
    lists,
    live,
    login,
    notifying,
    pictures,
    plant,
    programs,
    reconciliation,
    roster,
    roster_changes,
    roster_feeds,
    roster_programs,
    shelving,
    signals,
    signing,
    steering,
    trying,
)
from api.deps import ApiDeps
from api.problems import handle_problems
from api.rendering import STATIC
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
