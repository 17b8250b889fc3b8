"""`mos run api|worker|listener`: the product's processes, each of which may be killed and started again at any time."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import typer
import uvloop

from domain.errors import ConfigError
from infra import log_lines
from infra.quick_imports import uncollected
from infra.settings import Settings, load_settings
from store.db import Database

app = typer.Typer(no_args_is_help=True, help="Run one process of the product.")


def now() -> datetime:
    """The product's one wall clock."""
    return datetime.now(UTC)


def database_url(settings: Settings) -> str:
    """The libpq URL. Raises ConfigError when none is set."""
    settings.sqlalchemy_url()
    if settings.database_url is None:
        raise ConfigError("No database: set MOS_DATABASE_URL")
    return settings.database_url.get_secret_value()


@app.command()
def api() -> None:
    """The HTTP doors and the console."""
    with uncollected():
        from infra.processes import api as process

    run_process(process.run)


@app.command()
def worker() -> None:
    """The pump, the workflows, the activities and the sender of messages."""
    with uncollected():
        from infra.processes import worker as process

    run_process(process.run)


@app.command()
def listener() -> None:
    """The sources: OPC UA, MQTT."""
    with uncollected():
        from infra.processes import listener as process

    run_process(process.run)


Process = Callable[[Settings, Database, Callable[[], None]], Coroutine[Any, Any, None]]


def run_process(process: Process, name: str = "") -> None:
    """Runs one process to its end; `name` (by default its module's) names the file that says it is ready."""
    settings = load_settings()
    log_lines.set_up(settings.log_level)
    name = name or process.__module__.rsplit(".", 1)[-1]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_stopped(process, settings, name))


async def _until_stopped(process: Process, settings: Settings, name: str) -> None:
    """Runs the process until it ends by itself (an error) or SIGTERM asks it to."""
    ready_file = settings.data_dir / "run" / f"{name}.ready"
    database = Database(database_url(settings))
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def ready() -> None:
        ready_file.parent.mkdir(parents=True, exist_ok=True)
        ready_file.write_text(f"{os.getpid()}\n", encoding="utf-8")

    try:
        await first_of(process(settings, database, ready), _wait(stop))
    finally:
        await database.close()


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


async def first_of(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Runs all until the first ends, cancels the others, and raises the first's error."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
