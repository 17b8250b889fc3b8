"""Keeps one part running: start, wait until ready, start again when it dies, give up when that does not help."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from pathlib import Path

from infra.stack import logs
from infra.stack.children import Child
from infra.stack.guarding import Guard
from infra.stack.nursery import Nursery, NurseryGone
from infra.stack.part import Part, PartFailed

_POLL = 0.05
_MISSES = 3


class Keeper:
    """`state` is waiting, starting, ready, restarting, done or stopped; `changed` is called after each change."""

    def __init__(
        self,
        part: Part,
        log: Path,
        guard: Guard,
        nursery: Nursery,
        say: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self.part = part
        self.state = "waiting"
        self.restarts = 0
        self.ready = asyncio.Event()
        self.took = 0.0
        self._log = log
        self._guard = guard
        self._nursery = nursery
        self._say = say
        self._changed = changed
        self._spawning: asyncio.Task[Child] | None = None
        self._child: Child | None = None
        self._quick_deaths = 0

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    async def run(self) -> None:
        """Until cancelled, or done for a oneshot part. Raises PartFailed when it gives up."""
        logs.rotate(self._log)
        while True:
            begun = time.monotonic()
            code = await self._live()
            if self.part.oneshot and code == 0:
                self._child = None
                self.took = time.monotonic() - begun
                self._enter("done")
                self.ready.set()
                return
            await self._after_death(code, time.monotonic() - begun)

    async def stop(self) -> None:
        if self._spawning is not None:  # cancelled in the middle of a start: the child is there all the same
            self._child = await self._spawning
        if self._child is not None:
            await self._child.stop()
            self._child = None
        if self.state != "done":
            self._enter("stopped")

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    def trim_log(self) -> None:
        logs.trim(self._log)

    async def _live(self) -> int:
        """One life of the child, from start to end: its exit code."""
        begun = time.monotonic()
        self._enter("starting" if self.restarts == 0 else "restarting")
        if self.part.prepare is not None:
            await asyncio.to_thread(self.part.prepare)
        if self.part.mos:
            with contextlib.suppress(NurseryGone):  # then it is executed
                await self._nursery.load(self.part.env, self.part.cwd)
        self._spawning = asyncio.create_task(Child.start(self.part, self._log, self._guard, self._nursery))
        self._child = await asyncio.shield(self._spawning)
        self._spawning = None
        ended = asyncio.create_task(self._child.ended())
        try:
            if not self.part.oneshot and await self._becomes_ready(ended):
                self.took = time.monotonic() - begun
                self._enter("ready")
                self.ready.set()
                if self.restarts:
                    self._say(f"{self.part.name} is back ({self.took:.1f} s)")
            await self._while_alive(ended)
            return await asyncio.shield(ended)
        finally:
            if not ended.done():
                ended.cancel()

    async def _becomes_ready(self, ended: "asyncio.Task[int]") -> bool:
        """False when it ended before. Raises PartFailed when it takes longer than the part allows."""
        if self.part.ready is None:
            return True
        deadline = time.monotonic() + self.part.ready_within
        while not ended.done():
            if await self.part.ready():
                return not ended.done()
            if time.monotonic() > deadline:
                raise self._failure(f"{self.part.name} was not ready within {self.part.ready_within:g} s")
            await asyncio.wait({ended}, timeout=_POLL)
        return False

    async def _while_alive(self, ended: "asyncio.Task[int]") -> None:
        """Kill a process that runs but has stopped answering; a dead listener thread, for one."""
        misses = 0
        while self.part.alive is not None and not ended.done():
            await asyncio.wait({ended}, timeout=self.part.alive_every)
            misses = 0 if await self.part.alive() else misses + 1
            if misses >= _MISSES and not ended.done():
                self._say(f"{self.part.name} runs but does not answer: killing it")
                self.kill()
                return

    async def _after_death(self, code: int, lived: float) -> None:
        self._child = None
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        self._quick_deaths = self._quick_deaths + 1 if lived < self.part.restart.quick else 1
        if self.part.oneshot or self._quick_deaths >= self.part.restart.give_up:
            times = "" if self.part.oneshot else f" {self._quick_deaths} times in a row"
            raise self._failure(f"{self.part.name} ended{times} ({how})")
        pause = self.part.restart.pause(self._quick_deaths)
        self.restarts += 1
        self._enter("restarting")
        self._say(f"{self.part.name} ended ({how}); starting it again in {pause:.1f} s")
        await asyncio.sleep(pause)

    def _failure(self, message: str) -> PartFailed:
        return PartFailed(self.part.name, f"{message}. Its log: {self._log}", detail=logs.tail(self._log))

    def _enter(self, state: str) -> None:
        self.state = state
        self._changed()
