"""Driving one contender: a burst, or one exception after another; what was measured of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from temporalio.client import Client

from bench.contenders import Contender
from bench.ground import BenchError
from bench.outside import Outside

_SENDERS = 16
_LIMIT_S = 120.0
_REST_S = 0.1


@dataclass
class Burst:
    """`seconds` from the first signal sent until nothing runs any more."""

    exceptions: int
    seconds: float
    inexact: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.exceptions / self.seconds


@dataclass
class Latency:
    """Milliseconds: signal sent -> first chat post; answer sent -> ERP post."""

    first_post: list[float] = field(default_factory=list)
    erp_post: list[float] = field(default_factory=list)


@asynccontextmanager
async def _limited(contender: Contender) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_LIMIT_S):
            yield
    except TimeoutError as error:
        raise BenchError(f"{contender.name} did not finish within {_LIMIT_S:g} s") from error


class Driver:
    """Plays the machine that signals and the people who answer."""

    def __init__(self, outside: Outside, temporal: Client) -> None:
        self._outside, self._temporal = outside, temporal

    async def burst(self, contender: Contender, lots: list[str]) -> Burst:
        """All signals at once (16 senders); each exception is answered as soon as all three were asked."""
        gate = asyncio.Semaphore(_SENDERS)
        begun = time.monotonic()
        async with _limited(contender):
            await asyncio.gather(*(self._whole(contender, lot, gate) for lot in lots))
            await self._nothing_runs()
        seconds = time.monotonic() - begun
        await asyncio.sleep(_REST_S)
        return Burst(len(lots), seconds, self._inexact(lots))

    async def one_by_one(self, contender: Contender, lots: list[str]) -> Latency:
        """Nothing else runs meanwhile; a person takes a moment to answer."""
        found = Latency()
        for lot in lots:
            seen = self._outside.of(lot)
            async with _limited(contender):
                begun = time.monotonic()
                await contender.signal(lot)
                await seen.asked.wait()
                await asyncio.sleep(_REST_S)
                answered = time.monotonic()
                await contender.answer(lot, seen.bodies[0])
                await seen.posted.wait()
            found.first_post.append((seen.chats[0] - begun) * 1000)
            found.erp_post.append((seen.posts[0] - answered) * 1000)
            await asyncio.sleep(_REST_S)
        await self._nothing_runs()
        return found

    async def _whole(self, contender: Contender, lot: str, gate: asyncio.Semaphore) -> None:
        seen = self._outside.of(lot)
        async with gate:
            await contender.signal(lot)
        await seen.asked.wait()
        await contender.answer(lot, seen.bodies[-1])
        await seen.posted.wait()

    async def _nothing_runs(self) -> None:
        """Temporal counts no running workflow, of whatever type."""
        while (await self._temporal.count_workflows("ExecutionStatus = 'Running'")).count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    def _inexact(self, lots: list[str]) -> list[str]:
        return [lot for lot in lots if not self._outside.of(lot).exact]
