"""Runs the parts of the stack together: all of them, or none."""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable, Coroutine, Sequence

from domain.errors import ConfigError, MosError
from infra.stack import nursery
from infra.stack.folder import DataFolder, write_private
from infra.stack.guarding import Guard
from infra.stack.keeper import Keeper
from infra.stack.nursery import Nursery, NurseryGone
from infra.stack.part import Outside, Part

Say = Callable[[str], None]
_HOUSEKEEPING = 60.0


class Supervisor:
    """Starts parts in the order of their `after`, keeps them running, stops them in reverse.

    Holds no lock of its own: the caller has taken the folder's DataLock. `on_ready` gets each part once, when ready.
    """

    def __init__(
        self,
        folder: DataFolder,
        parts: Sequence[Part],
        outside: Sequence[Outside] = (),
        *,
        say: Say = print,
        on_ready: Callable[[Part | Outside, float], None] = lambda part, seconds: None,
        on_all_ready: Callable[[float], None] = lambda seconds: None,
        min_free_mb: int = 0,
        preloaded: Sequence[str] = nursery.PRODUCT,
    ) -> None:
        self._folder = folder
        self._outside = outside
        self._say = say
        self._on_ready = on_ready
        self._on_all_ready = on_all_ready
        self._min_free_mb = min_free_mb
        self._guard = Guard(folder)
        self._nursery = Nursery(preloaded, folder.logs / "preloaded.log", self._guard)
        self._keepers = {p.name: self._keeper(p) for p in _ordered(parts)}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stop = asyncio.Event()
        self._stopping = False

    def request_stop(self) -> None:
        """First call: stop in order. Second call: kill at once."""
        if self._stop.is_set():
            for keeper in self._keepers.values():
                keeper.kill()
        self._stop.set()

    async def run(self) -> None:
        """Until `request_stop`. Raises PartFailed or ConfigError, with every part stopped again."""
        self._guard.start()
        helpers: list[asyncio.Task[None]] = []
        try:
            for outside in self._outside:
                await outside.check()
                self._on_ready(outside, 0.0)
            self._record()
            helpers = [asyncio.create_task(c) for c in (self._announce(), self._house_keeping(), self._load())]
            for name, keeper in self._keepers.items():
                self._tasks[name] = asyncio.create_task(self._start(keeper))
            await self._until_stop_or_failure(helpers)
        finally:
            for helper in helpers:
                helper.cancel()
            await self._stop_all()
            await self._nursery.stop()
            self._guard.stop()

    def _keeper(self, part: Part) -> Keeper:
        log = self._folder.logs / f"{part.name}.log"
        return Keeper(part, log, self._guard, self._nursery, self._say, self._record)

    async def _load(self) -> None:
        """Begun at once: it takes seconds, in which the product's parts wait for others anyway."""
        for part in [keeper.part for keeper in self._keepers.values() if keeper.part.mos][:1]:
            with contextlib.suppress(NurseryGone):
                await self._nursery.load(part.env, part.cwd)

    async def _start(self, keeper: Keeper) -> None:
        for name in keeper.part.after:
            if name in self._keepers:
                await self._keepers[name].ready.wait()
        await keeper.run()

    async def _until_stop_or_failure(self, helpers: "list[asyncio.Task[None]]") -> None:
        stop = asyncio.create_task(_completed(self._stop.wait()))
        pending = {stop, *self._tasks.values(), *helpers}
        try:
            while not stop.done():
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # raises what the part raised
        except MosError:
            self._folder.check_space(self._min_free_mb)  # a full disk explains better than the part does
            raise
        finally:
            stop.cancel()

    async def _announce(self) -> None:
        begun = time.monotonic()

        async def one(keeper: Keeper) -> None:
            await keeper.ready.wait()
            self._on_ready(keeper.part, keeper.took)

        await asyncio.gather(*(one(k) for k in self._keepers.values()))
        self._on_all_ready(time.monotonic() - begun)

    async def _house_keeping(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING)
            for keeper in self._keepers.values():
                keeper.trim_log()

    async def _stop_all(self) -> None:
        self._stopping = True
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        keepers = self._keepers.values()
        dependents = {name: [k.part.name for k in keepers if name in k.part.after] for name in self._keepers}
        gone = {name: asyncio.Event() for name in self._keepers}

        async def one(name: str) -> None:
            for dependent in dependents[name]:
                await gone[dependent].wait()
            await self._keepers[name].stop()
            gone[name].set()

        await asyncio.gather(*(one(name) for name in self._keepers))

    def _record(self) -> None:
        """Keep <data>/run/status.json for `mos status`. A full disk must not keep us from stopping."""
        parts = [_row(k.part, k.state, k.pid, k.restarts) for k in self._keepers.values()]
        parts += [_row(outside, "outside") for outside in self._outside]
        try:
            write_private(self._folder.status_file, json.dumps({"pid": os.getpid(), "parts": parts}, indent=1))
        except ConfigError:
            if not self._stopping:
                raise


def _row(part: Part | Outside, state: str, pid: int | None = None, restarts: int = 0) -> dict[str, object]:
    return {"name": part.name, "state": state, "pid": pid, "address": part.address, "restarts": restarts}


async def _completed(waiting: Coroutine[None, None, object]) -> None:
    await waiting


def _ordered(parts: Sequence[Part]) -> list[Part]:
    """Parts so that each follows what it waits for. Names that nobody has are ignored: such parts are left out."""
    left, names, ordered = list(parts), {p.name for p in parts}, list[Part]()
    while left:
        placed = {p.name for p in ordered}
        free = [p for p in left if all(name in placed or name not in names for name in p.after)]
        if not free:
            raise ConfigError(f"Parts wait for each other: {', '.join(p.name for p in left)}")
        ordered += free
        left = [p for p in left if p not in free]
    return ordered
