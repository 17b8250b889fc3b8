"""What changed reaches open pages: by PostgreSQL's notices, again after a lost connection, until the log-out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from api import live
from api.deps import ApiDeps
from store.db import Database
from store.read.changes import EVERYTHING, Changes
from store.write.exceptions import changed
from tests.api.seeding import BREAKDOWN, PASSWORD, PLANNER
from tests.api.site import application, browser, dependencies


@contextlib.asynccontextmanager
async def following(changes: Changes) -> AsyncIterator[asyncio.Queue[str]]:
    async with changes.reader() as queue:
        feed = asyncio.create_task(changes.run())
        try:
            assert await asyncio.wait_for(queue.get(), 60) == EVERYTHING
            yield queue
        finally:
            feed.cancel()
            await asyncio.gather(feed, return_exceptions=True)


async def change(database: Database, exception: str) -> None:
    async with database.transaction() as session:
        await changed(session, exception)


async def test_a_change_is_told_at_commit(database: Database) -> None:
    async with following(Changes(database)) as queue:
        await change(database, BREAKDOWN)
        assert await asyncio.wait_for(queue.get(), 60) == BREAKDOWN


async def test_after_a_lost_connection_everything_is_looked_at_again(database: Database) -> None:
    async with following(Changes(database)) as queue:
        async with database.transaction() as session:
            await session.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
            )
        assert await asyncio.wait_for(queue.get(), 60) == EVERYTHING
        await change(database, BREAKDOWN)
        assert await asyncio.wait_for(queue.get(), 60) == BREAKDOWN


async def test_a_reader_that_is_behind_gets_one_hint_and_the_limit_holds(database: Database) -> None:
    changes = Changes(database, readers=2)
    async with following(changes) as queue, changes.reader() as slow:
        assert changes.full
        for number in range(200):
            await change(database, f"exc_{number}")
            await asyncio.wait_for(queue.get(), 60)
        assert slow.qsize() <= 64
        assert EVERYTHING in [slow.get_nowait() for _ in range(slow.qsize())]
    assert not changes.full


async def test_the_stream_tells_ids_and_ends_with_the_log_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)
    deps: ApiDeps = dependencies(database)
    token = await deps.sessions.log_in(PLANNER, PASSWORD, deps.now())
    login = await deps.sessions.who(token, deps.now())
    assert login is not None
    feed = asyncio.create_task(deps.changes.run())
    lines: list[str] = []
    try:
        async with asyncio.timeout(60):
            async for line in live._stream(deps, login, token):
                lines.append(line)
                if line == ": still here\n\n":
                    await change(database, BREAKDOWN)
                if line == f"data: {BREAKDOWN}\n\n":
                    await deps.sessions.log_out(token, PLANNER, deps.now())
    finally:
        feed.cancel()
        await asyncio.gather(feed, return_exceptions=True)
    assert lines[0] == f"retry: 3000\ndata: {EVERYTHING}\n\n"
    assert f"data: {BREAKDOWN}\n\n" in lines


async def test_strangers_hear_nothing_and_too_many_pages_look_by_themselves(database: Database) -> None:
    deps: Any = dependencies(database)
    deps.changes = Changes(database, readers=0)
    async with browser(application(deps)) as somebody:
        assert (await somebody.client.get("/events")).status_code == 401
        await somebody.sign_in(PLANNER)
        assert (await somebody.client.get("/events")).status_code == 429
