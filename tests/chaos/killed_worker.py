"""The product's worker as a process of its own that gets kill -9 while its postings are on their way.

Which posting it dies at, and where in it, is drawn from a seed: a slow machine kills at the same places.
"""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.standins.faults import Drawn, Fault
from tests.chaos.site import ROOT
from tests.chaos.test_chaos_postings import LOOKUP, WRITE, Wire

_LATEST_S = 4.0  # by then the next worker has taken over, looked the key up and perhaps posted


@dataclass(frozen=True)
class Kill:
    """Of the worker at the first request of this `kind` that names the posting's `key`, so many seconds after it came
    to the proxy; `outlives`: the request reaches the ERP when its worker is dead."""

    key: bytes
    kind: bytes
    seconds: float
    outlives: float

    @classmethod
    def drawn(cls, key: str, chance: random.Random) -> "Kill":
        """Half of them at the very moment that the posting is sent."""
        if chance.random() < 0.5:
            return cls(key.encode(), WRITE, 0.0, chance.choice((0.0, chance.random() * _LATEST_S)))
        return cls(key.encode(), chance.choice((WRITE, LOOKUP)), chance.random() * 0.5, 0.0)


class WorkerProcess:
    """Started again at once whenever it ends. `pid` is the one that runs, or has just died."""

    def __init__(self, folder: Path, running: "subprocess.Popen[bytes]") -> None:
        self._folder, self._running = folder, running
        self.killed: list[int] = []

    @property
    def pid(self) -> int:
        file = self._folder / "worker.pid"
        return int(file.read_text() or 0) if file.exists() else 0

    async def kill(self) -> None:
        """One that was not killed yet: a second kill in one life waits for the next."""
        while (pid := self.pid) in (0, *self.killed):
            assert self._running.poll() is None, self.log()
            await asyncio.sleep(0.02)
        self.killed.append(pid)
        os.kill(pid, signal.SIGKILL)

    def log(self) -> str:
        """What it and the processes before it said."""
        return (self._folder / "worker.log").read_text()

    def ends(self) -> list[str]:
        """How each of them ended."""
        return [line for line in self.log().splitlines() if line.startswith("worker ended")]


@contextlib.asynccontextmanager
async def worker_process(folder: Path, environment: dict[str, str]) -> AsyncIterator[WorkerProcess]:
    """The worker on these servers, with the waits after a crash cut short (`tests/chaos/haste.py`)."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MOS_", "SLACK_", "TWILIO_"))}
    own = {"PYTHONPATH": str(ROOT), "MOS_DATA_DIR": str(folder), "MOS_LOG_LEVEL": "WARNING"}
    with (folder / "worker.log").open("wb") as log:
        command = [sys.executable, "-m", "tests.chaos.crashing", str(folder), "worker"]
        running = subprocess.Popen(command, env=kept | own | environment, cwd="/", stdout=log, stderr=log)
    try:
        yield WorkerProcess(folder, running)
    finally:
        running.terminate()
        await asyncio.to_thread(running.wait, 60)


class DeadlyWire(Wire):
    """A wire at which the worker dies, too."""

    def __init__(self, seed: int, kinds: Sequence[Fault], kills: Sequence[Kill]) -> None:
        super().__init__(seed, kinds)
        self.worker: WorkerProcess | None = None
        self._kills, self._deaths = list(kills), list[asyncio.Task[None]]()

    def draw(self, request: bytes) -> Drawn:
        drawn = super().draw(request)
        for kill in self._kills:
            if kill.kind in request and kill.key in request:
                self._kills.remove(kill)
                self._deaths.append(asyncio.create_task(self._die(kill)))
                return Drawn(Fault.LATE, seconds=kill.outlives) if kill.outlives else drawn
        return drawn

    async def _die(self, kill: Kill) -> None:
        await asyncio.sleep(kill.seconds)
        assert self.worker is not None
        await self.worker.kill()

    async def dead(self) -> None:
        """Until everyone who is to die has died."""
        assert not self._kills
        await asyncio.gather(*self._deaths)
