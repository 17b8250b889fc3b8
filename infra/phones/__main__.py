"""`python -m infra.phones --port N --config FILE.json --data DIR`: the stand-in phones on loopback, until stopped."""

import argparse
import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from infra.phones.app import build_app
from infra.phones.config import PhonesConfig, load_config


class AbortableProtocol(H11Protocol):
    """HTTP/1.1 that lets the application abort its connection, so that an answer can be lost on order."""

    def connection_made(self, transport: Any) -> None:
        """Put the transport into the scope of every request on this connection."""
        super().connection_made(transport)
        inner = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope["phones.transport"] = transport
            await inner(scope, receive, send)

        self.app = with_transport


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal; 2 = the configuration or the port cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m infra.phones", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 = a free one; the address is printed")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        config = load_config(given.config)
        bound = socket.create_server(("127.0.0.1", given.port))
    except (OSError, ValidationError) as problem:
        print(f"phones: cannot start: {problem}", file=sys.stderr)
        return 2
    asyncio.run(_serve(config, given.data, bound))
    return 0


async def _serve(config: PhonesConfig, data: Path, bound: socket.socket) -> None:
    base_url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    app = build_app(config, data, base_url)
    server = uvicorn.Server(
        uvicorn.Config(app, http=AbortableProtocol, log_level="warning", lifespan="on", timeout_graceful_shutdown=2)
    )
    print(f"phones: {base_url}/", flush=True)
    await server.serve(sockets=[bound])


if __name__ == "__main__":
    sys.exit(main())
