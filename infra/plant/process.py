"""What every process of the plant has in common: its options, its control port, its end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request

from infra.plant import loaded
from infra.plant.catalogue import DEFAULT_PATH, Catalogue, CatalogueError, load_catalogue
from infra.plant.clock import PlantClock, parse_moment
from infra.plant.problem import Problem

HOST = "127.0.0.1"


def plant_parser(name: str, purpose: str) -> argparse.ArgumentParser:
    """The options that every peer of the plant has."""
    parser = argparse.ArgumentParser(prog=f"python -m infra.plant.{name}", description=purpose)
    parser.add_argument("--anchor", type=parse_moment, required=True, help="when the plant was first started, ISO 8601")
    parser.add_argument("--factor", type=float, default=1.0, help="how fast the plant's clock runs")
    parser.add_argument("--data", type=Path, required=True, help="folder for secrets and state")
    parser.add_argument("--catalogue", type=Path, default=DEFAULT_PATH)
    return parser


def plant_clock(options: argparse.Namespace) -> PlantClock:
    """The clock these options ask for."""
    return PlantClock(options.anchor, options.factor)


def read_catalogue(path: Path) -> Catalogue:
    """Load the catalogue, or end the process with one clear line."""
    try:
        return load_catalogue(path)
    except CatalogueError as error:
        sys.exit(str(error))


def ready(name: str, address: str) -> None:
    """Tell the supervisor that this peer listens now."""
    print(f"ready {name} {address}", flush=True)


def listen(port: int) -> socket.socket:
    """A bound loopback socket; port 0 takes a free one. Ends the process when the port is taken."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or no TCP_NODELAY
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError as error:
        sys.exit(f"Port {port} on {HOST} cannot be used ({error.strerror}). Stop what uses it or choose another port.")
    return bound


def port_of(bound: socket.socket) -> int:
    """The port this socket is bound to."""
    return int(bound.getsockname()[1])


def free_port() -> int:
    """A port that is free now, for libraries that cannot take a bound socket."""
    with listen(0) as bound:
        return port_of(bound)


class _Quiet(uvicorn.Server):
    """The process handles its own signals: one server of several must not end the others its own way."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def serving(app: Starlette, bound: socket.socket) -> AsyncIterator[None]:
    """Serve this app on a bound socket for as long as the block lasts."""
    server = _Quiet(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", ws="none"))
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError("the HTTP server ended before it had started")
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        server.force_exit = True
        await task


async def until_told_to_stop() -> None:
    """Wait for SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a peer to its end."""
    loaded()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    asyncio.run(main)


class BearerToken:
    """The caller must present this token (also a FastAPI dependency). Raises Problem 401."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, request: Request) -> None:
        given = request.headers.get("authorization", "").encode()
        if not secrets.compare_digest(given, self._expected):
            raise Problem(401, "unauthorized", "Send the bearer token.")
