"""A bare Temporal program that does the job: HTTP front and one worker in a process.

Plain: the SDK's defaults. Tuned: what one would do by hand - a PostgreSQL inbox committed before the acknowledgement
and drained 16 at a time, eager start, passed-through modules, gathers as local activities.

Arguments: the world's URL, our port, Temporal's address, its namespace, and for tuned the database's URL.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg_pool
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from bench.bare_workflow import BareJob, Given
from bench.job import World

_IN_FLIGHT = 16
_TABLE = "CREATE TABLE IF NOT EXISTS bench_inbox (lot text PRIMARY KEY, body text NOT NULL)"
Start = Callable[[str], Awaitable[None]]


class Lot(BaseModel):
    """Which exception."""

    lot: str


class Effects:
    """The activities."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn
    async def gather(self, name: str, lot: str) -> dict[str, object]:
        """One question."""
        return await self._world.gather(name, lot)

    @activity.defn
    async def chat(self, person: str, lot: str, text: str) -> str:
        """One message."""
        return await self._world.chat(person, {"text": text, "lot": lot})

    @activity.defn
    async def post(self, key: str, lot: str) -> str:
        """One posting."""
        return await self._world.post(key, {"lot": lot, "disposition": "release"})


class Inbox:
    """Durable first, then started side by side."""

    def __init__(self, url: str, start: Start) -> None:
        self._pool = psycopg_pool.AsyncConnectionPool(url, open=False, min_size=4, max_size=8)
        self._start = start
        self._waiting: asyncio.Queue[str] = asyncio.Queue()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_IN_FLIGHT):
                group.create_task(self._drain())

    async def open(self) -> None:
        """Makes the table."""
        await self._pool.open()
        async with self._pool.connection() as connection:
            await connection.execute(_TABLE)

    async def take(self, lot: str) -> None:
        """Returns when the signal is committed; a repeat is not started again."""
        async with self._pool.connection() as connection:
            insert = "INSERT INTO bench_inbox VALUES (%s, %s) ON CONFLICT DO NOTHING"
            new = (await connection.execute(insert, (lot, lot))).rowcount
        if new:
            self._waiting.put_nowait(lot)

    async def _drain(self) -> None:
        while True:
            await self._start(await self._waiting.get())


def front(client: Client, take: Start) -> FastAPI:
    """Two doors: a signal, an approval."""
    app = FastAPI()

    @app.post("/signal", status_code=202)
    async def signal(lot: Lot) -> None:
        await take(lot.lot)

    @app.post("/approve")
    async def approve(lot: Lot) -> None:
        await client.get_workflow_handle(lot.lot).signal("approve")

    return app


def starter(client: Client, queue: str, *, tuned: bool) -> Start:
    """How a workflow is started."""

    async def start(lot: str) -> None:
        given = Given(lot, local_gathers=tuned)
        await client.start_workflow("BareJob", given, id=lot, task_queue=queue, request_eager_start=tuned)

    return start


def worker(client: Client, queue: str, effects: Effects, *, tuned: bool) -> Worker:
    """The SDK's defaults; tuned also passes our modules through the sandbox."""
    activities: list[Callable[..., Any]] = [effects.gather, effects.chat, effects.post]
    if not tuned:
        return Worker(client, task_queue=queue, workflows=[BareJob], activities=activities)
    restrictions = SandboxRestrictions.default.with_passthrough_modules("bench", "httpx")
    runner = SandboxedWorkflowRunner(restrictions=restrictions)
    return Worker(client, task_queue=queue, workflows=[BareJob], activities=activities, workflow_runner=runner)


async def main(world_url: str, port: str, address: str, namespace: str, database_url: str = "") -> None:
    """Until stopped."""
    tuned = bool(database_url)
    client, world = await Client.connect(address, namespace=namespace), World(world_url)
    queue = "bench-tuned" if tuned else "bench-plain"
    take = starter(client, queue, tuned=tuned)
    draining = None
    if tuned:
        inbox = Inbox(database_url, take)
        await inbox.open()
        take, draining = inbox.take, asyncio.create_task(inbox.run())
    server = uvicorn.Server(uvicorn.Config(front(client, take), port=int(port), log_level="warning", access_log=False))
    async with worker(client, queue, Effects(world), tuned=tuned):
        await server.serve()
    if draining is not None:
        draining.cancel()
    await world.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
