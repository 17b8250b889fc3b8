"""A stand-in on loopback: in a thread beside a test, or as a process (`python -m infra.standins`)."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

START_SECONDS = 20


def bind(port: int) -> socket.socket:
    """A listening loopback socket; its protocol is named, because asyncio sets TCP_NODELAY only then."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    bound.listen(128)
    return bound


def server_of(app: ASGIApp) -> uvicorn.Server:
    """A quiet server for the application."""

    async def patient(scope: Scope, receive: Receive, send: Send) -> None:
        # A request that was cut: nothing has been done, and nobody waits for an answer.
        with suppress(ClientDisconnect):
            await app(scope, receive, send)

    config = uvicorn.Config(patient, log_level="warning", lifespan="off", access_log=False, timeout_graceful_shutdown=1)
    return uvicorn.Server(config)


@contextmanager
def serving(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve in a thread; gives `http://127.0.0.1:<port>`. Raises RuntimeError when it does not start."""
    bound = bind(port)
    server = server_of(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the stand-in did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        bound.close()
