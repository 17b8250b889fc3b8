"""The world outside, one for all contenders: answers at once, and notes when it was called on one monotonic clock."""

import asyncio
import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from bench.job import PEOPLE, SUBJECT

_LOT = re.compile(SUBJECT.encode())
_KEY = re.compile(rb'"key": ?"([^"]+)"')


@dataclass
class Seen:
    """What the world saw of one exception; times in seconds of `time.monotonic`."""

    chats: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    posts: list[float] = field(default_factory=list)
    gathers: int = 0
    edits: int = 0
    repeats: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    posted: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def exact(self) -> bool:
        """Three messages and one posting: nothing lost, nothing doubled. A posting repeated under its key is one."""
        return len(self.chats) == len(PEOPLE) and len(self.posts) == 1


class Outside:
    """MES, chat and ERP behind one port, in the driver's own process."""

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}
        self._numbers = itertools.count(1)
        self._ids: dict[str, str] = {}  # of messages and documents, by key
        self._runner: web.AppRunner | None = None
        self.url = ""

    def of(self, lot: str) -> Seen:
        """What was seen of this lot so far."""
        return self.seen.setdefault(lot, Seen())

    async def start(self) -> None:
        """Listens on a free port of the loopback."""
        app = web.Application()
        app.router.add_get("/query/{name}", self._query)
        app.router.add_post("/chat", self._chat)
        app.router.add_get("/chat", self._find)
        app.router.add_put("/chat/{id}", self._edit)
        app.router.add_post("/erp", self._erp)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Closes the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _query(self, request: web.Request) -> web.Response:
        self._note(request.query.get("lot", "").encode(), _gathered)
        return web.json_response({"name": request.match_info["name"], "material": "SHAFT-20", "free": 40})

    async def _chat(self, request: web.Request) -> web.Response:
        at, body = time.monotonic(), await request.read()
        self._note(body, lambda seen: _chatted(seen, at, body))
        key = _KEY.search(body)
        number = f"m{next(self._numbers)}"
        if key:
            self._ids[key[1].decode()] = number
        return web.json_response({"id": number})

    async def _find(self, request: web.Request) -> web.Response:
        return web.json_response({"id": self._ids.get(request.query["key"], "")})

    async def _edit(self, request: web.Request) -> web.Response:
        self._note(await request.read(), _edited)
        return web.json_response({})

    async def _erp(self, request: web.Request) -> web.Response:
        at, body, key = time.monotonic(), await request.read(), request.headers["Idempotency-Key"]
        new = key not in self._ids
        document = self._ids.setdefault(key, f"DOC-{next(self._numbers)}")
        self._note(body, lambda seen: _posted(seen, at, new=new))
        return web.json_response({"document": document})

    def _note(self, text: bytes, how: Callable[[Seen], None]) -> None:
        found = _LOT.search(text)
        if found:
            how(self.of(found[0].decode()))


def _gathered(seen: Seen) -> None:
    seen.gathers += 1


def _chatted(seen: Seen, at: float, body: bytes) -> None:
    seen.chats.append(at)
    seen.bodies.append(body)
    if len(seen.chats) == len(PEOPLE):
        seen.asked.set()


def _edited(seen: Seen) -> None:
    seen.edits += 1


def _posted(seen: Seen, at: float, *, new: bool) -> None:
    if not new:
        seen.repeats += 1
        return
    seen.posts.append(at)
    seen.posted.set()
