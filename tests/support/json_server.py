"""A real HTTP server in a thread for a few JSON routes: connectors are tried over sockets, not over mocks."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request. `parts`: the path's segments, decoded; header names in lower case; `body` None: none."""

    method: str
    parts: tuple[str, ...]
    params: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: Any = None


@dataclass(frozen=True)
class Told:
    """The answer: `body` None sends none."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Asked], Told]


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Its URL. `answer` is called in the server's threads."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _handler(answer: Answer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            told = answer(_asked(self))
            data = b"" if told.body is None else json.dumps(told.body).encode()
            self.send_response(told.status)
            for name, value in {"Content-Type": "application/json", **told.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    return Handler


def _asked(handler: BaseHTTPRequestHandler) -> Asked:
    url = urlsplit(handler.path)
    data = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    parts = tuple(unquote(part) for part in url.path.split("/") if part)
    headers = {name.lower(): value for name, value in handler.headers.items()}
    return Asked(handler.command, parts, parse_qs(url.query), headers, json.loads(data) if data else None)
