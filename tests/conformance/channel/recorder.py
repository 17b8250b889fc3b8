"""A small HTTP peer in this process: it records what arrives, and can take a message and then misbehave."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl

from aiohttp import web

from domain.values import Json

PATIENT_S, HASTY_S = 30.0, 1.5  # a client's patience with a starved peer; with one that stays silent on order


class Fault(StrEnum):
    """What goes wrong with the next write; every one but REFUSED_* has the message taken first."""

    DROPPED = "the connection closes after the message was taken"
    SILENT = "the message is taken and nothing is answered"
    BROKEN = "HTTP 500 after the message was taken"
    GARBLED = "HTTP 200 with something that is no JSON, after the message was taken"
    REFUSED_AUTH = "the credentials are refused"
    REFUSED_RATE = "429 with Retry-After: 7"
    REFUSED_ADDRESS = "the address does not exist"


@dataclass(frozen=True)
class Call:
    """One request as it arrived: JSON or form fields by name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    data: dict[str, Json]


@dataclass
class Recorder:
    """The base of a vendor's double: `answer(call)` gives status and JSON; `takes(call)` tells a message."""

    answer: Callable[[Call], tuple[int, Json]]
    takes: Callable[[Call], bool]
    refuse: Callable[[Fault], web.Response]
    calls: list[Call] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    url: str = ""
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = await _call(request)
        self.calls.append(call)
        fault = self.faults.popleft() if self.faults and self.takes(call) else None
        if fault in (Fault.REFUSED_AUTH, Fault.REFUSED_RATE, Fault.REFUSED_ADDRESS):
            return self.refuse(fault)
        status, body = self.answer(call)
        if fault is Fault.DROPPED and request.transport is not None:
            request.transport.abort()
        if fault is Fault.SILENT:
            await self.closing.wait()
        if fault is Fault.BROKEN:
            return web.Response(status=500, text="upstream failed")
        if fault is Fault.GARBLED:
            return web.Response(text="<html>ok</html>", content_type="text/plain")
        return web.json_response(body, status=status)


@asynccontextmanager
async def served(recorder: Recorder) -> AsyncIterator[Recorder]:
    """The recorder on a free port of 127.0.0.1."""
    app = web.Application(client_max_size=8 * 1024**2)
    app.router.add_route("*", "/{path:.*}", recorder.handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    recorder.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield recorder
    finally:
        recorder.closing.set()
        await runner.cleanup()


async def _call(request: web.Request) -> Call:
    body = await request.text()
    is_json = "json" in request.headers.get("content-type", "")
    data = json.loads(body) if is_json and body else dict(parse_qsl(body, keep_blank_values=True))
    return Call(request.method, request.path, dict(request.query), dict(request.headers), data)
