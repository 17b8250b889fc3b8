"""`python -m infra.phones --port N --config FILE.json --data DIR`: the stand-in phones on loopback, until stopped."""

import argparse
import asyncio
import socket
import sys
import weakref
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from infra.phones import loaded
from infra.phones.app import build_app
from infra.phones.config import PhonesConfig, load_config
from infra.phones.doors import Door, Doors
from infra.phones.records import Vendor
from infra.plant.misfits import refusal


class AbortableProtocol(H11Protocol):
    """HTTP/1.1 that lets the application abort its connection, so that an answer can be lost on order."""

    def connection_made(self, transport: Any) -> None:
        """Put the transport into the scope of every request on this connection."""
        super().connection_made(transport)
        self.accepted = transport
        inner = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope["phones.transport"] = transport
            await inner(scope, receive, send)

        self.app = with_transport


class PhonesServer(uvicorn.Server):
    """The shared port, and beside it the vendors' own."""

    def __init__(self, config: uvicorn.Config, doors: Doors) -> None:
        super().__init__(config)
        self.doors = doors

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the vendors' doors first: what is printed and told must be reachable."""
        await self.doors.open()
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close them again."""
        await self.doors.shut()
        await super().shutdown(sockets)

    def add_door(self, vendor: Vendor, port: int) -> None:
        """One more port for the same application."""
        made: weakref.WeakSet[AbortableProtocol] = weakref.WeakSet()

        def make() -> AbortableProtocol:
            protocol = AbortableProtocol(
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )
            made.add(protocol)
            return protocol

        self.doors.add(vendor, vendor, Door(port, make, lambda: [p.accepted for p in made if hasattr(p, "accepted")]))


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal; 2 = the configuration or the port cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m infra.phones", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 = a free one; the address is printed")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        config = load_config(given.config)
    except (OSError, ValidationError) as problem:
        told = refusal(problem.errors()) if isinstance(problem, ValidationError) else str(problem)
        print(f"phones: {given.config} cannot be used: {told}", file=sys.stderr)
        return 2
    try:
        bound = _bind(given.port)
    except OSError as problem:
        print(f"phones: port {given.port} cannot be used: {problem}", file=sys.stderr)
        return 2
    asyncio.run(_serve(config, given.data, bound))
    return 0


def _bind(port: int) -> socket.socket:
    """A listening loopback socket, its protocol named: asyncio sets TCP_NODELAY only then, and without it every
    answer waits 40 ms for the client's delayed acknowledgement."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    bound.listen(128)
    return bound


async def _serve(config: PhonesConfig, data: Path, bound: socket.socket) -> None:
    base_url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    doors = Doors()
    app = build_app(config, data, base_url, doors)
    server = PhonesServer(
        uvicorn.Config(app, http=AbortableProtocol, log_level="warning", lifespan="on", timeout_graceful_shutdown=2),
        doors,
    )
    server.add_door("slack", config.ports.slack)
    server.add_door("twilio", config.ports.twilio)
    print(f"phones: {base_url}/", flush=True)
    await server.serve(sockets=[bound])


if __name__ == "__main__":
    loaded()
    sys.exit(main())
