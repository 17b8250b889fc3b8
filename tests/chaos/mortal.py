"""Drivers that die in the middle of an exchange: by its number, so that a slow machine kills at the same places."""

import asyncio
import random
from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

import httpx

from connectors.http import IDLE, trust

EXCHANGES = 6
_LIFE: ContextVar["Life | None"] = ContextVar("life", default=None)


class Moment(StrEnum):
    """Of an exchange."""

    BEFORE = "before"  # nothing was sent
    WAITING = "waiting"  # the request was sent, and the system works on it
    AFTER = "after"  # the system has answered, and nobody notes it


@dataclass
class Life:
    """A driver's: it ends at its exchange number `left`."""

    left: int
    moment: Moment
    seconds: float
    task: "asyncio.Task[object] | None" = None

    @classmethod
    def drawn(cls, chance: random.Random) -> "Life":
        return cls(chance.randint(1, EXCHANGES), chance.choice(list(Moment)), chance.random() * 0.1)

    def meets(self) -> Moment | None:
        """When in the exchange that begins now it ends."""
        self.left -= 1
        return None if self.left else self.moment

    def end(self) -> None:
        assert self.task is not None
        self.task.cancel()


class Mortal(httpx.AsyncBaseTransport):
    """The wire as a connector has it; who has a life to lose loses it here."""

    def __init__(self, url: str) -> None:
        self._inner = httpx.AsyncHTTPTransport(verify=trust(url), limits=IDLE)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        life = _LIFE.get()
        moment = life.meets() if life else None
        if life is None or moment is None:
            return await self._inner.handle_async_request(request)
        if moment is Moment.WAITING:
            asyncio.get_running_loop().call_later(life.seconds, life.end)
            return await self._inner.handle_async_request(request)
        if moment is Moment.AFTER:
            answer = await self._inner.handle_async_request(request)
            await answer.aclose()
        life.end()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def aclose(self) -> None:
        await self._inner.aclose()


async def lived(settling: Awaitable[object], life: Life) -> bool:
    """Whether it came to its end without being killed."""

    async def driver() -> object:
        _LIFE.set(life)
        return await settling

    life.task = asyncio.create_task(driver())
    await asyncio.wait([life.task])
    if life.task.cancelled():
        return False
    life.task.result()
    return True
