"""The process that has loaded the product and is forked (infra/preloaded.py), as the supervisor deals with it."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.stack.guarding import Guard
from infra.stack.part import Part

_LAUNCH = Path(__file__).with_name("launch.py")
_GRACE = 15.0
PRODUCT = (sys.executable, "-m", "infra.preloaded")


class NurseryGone(Exception):
    """It can't be started, or has ended: execute the command instead, whose log then says what is wrong."""


class Nursery:
    """Started when first needed, and again after its death; what it had forked dies with it."""

    def __init__(self, command: Sequence[str], log: Path, guard: Guard) -> None:
        self._command = command
        self._log = log
        self._guard = guard
        self._numbers = itertools.count()
        self._process: asyncio.subprocess.Process | None = None
        self._loaded: asyncio.Future[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[int]] = {}
        self._living: dict[int, asyncio.Future[int]] = {}

    async def load(self, environment: Mapping[str, str], folder: Path) -> None:
        """Returns when it can fork. Raises NurseryGone."""
        if self._loaded is None:
            self._loaded = asyncio.get_running_loop().create_future()
            try:
                await self._start(environment, folder)
            except OSError as error:
                self._loaded.set_exception(NurseryGone(str(error)))
        await asyncio.shield(self._loaded)

    async def fork(self, part: Part, log: Path) -> tuple[int, asyncio.Future[int]]:
        """Process id and, later, exit code of a new process of the part. Raises NurseryGone."""
        process = self._process
        if process is None or process.stdin is None:
            raise NurseryGone("it has not been loaded")
        number = next(self._numbers)
        self._asked[number] = asyncio.get_running_loop().create_future()
        order = {
            "number": number,
            "parent": process.pid,
            "arguments": list(part.mos),
            "environment": dict(part.env),
            "folder": str(part.cwd),
            "log": str(log),
            "stop_signal": int(part.stop_signal),
        }
        with contextlib.suppress(OSError):  # it is gone: its end of output says so too
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
        pid = await self._asked[number]
        return pid, self._living[pid]

    async def stop(self) -> None:
        """Nothing that it forked is left when this is called."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._following is not None:
            await self._following

    async def _start(self, environment: Mapping[str, str], folder: Path) -> None:
        launch = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), str(int(signal.SIGTERM)), "-", "-"]
        with self._log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *launch, *self._command,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output,
                cwd=folder, env=dict(environment), start_new_session=True,
            )  # fmt: skip
        self._process = process
        self._guard.watch(process.pid, _GRACE)
        self._following = asyncio.create_task(self._follow(process))

    async def _follow(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._hear(json.loads(line))
        await process.wait()
        self._guard.forget(process.pid)
        self._is_gone(f"it ended with {process.returncode}: see {self._log}")

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"ready": True} if self._loaded is not None:
                self._loaded.set_result(None)
            case {"number": int(number), "pid": int(pid)}:
                self._living[pid] = asyncio.get_running_loop().create_future()
                self._asked.pop(number).set_result(pid)
            case {"pid": int(pid), "code": int(code)}:
                self._living.pop(pid).set_result(code)

    def _is_gone(self, why: str) -> None:
        """The kernel has sent its children their stop signal; they are not waited for, since nobody could."""
        loaded, self._loaded, self._process = self._loaded, None, None
        waiting: list[asyncio.Future[Any]] = [*self._asked.values()]
        if loaded is not None and not loaded.done():
            waiting.append(loaded)
        for future in waiting:
            future.set_exception(NurseryGone(why))
            future.exception()  # whoever waited may be gone too
        for pid, ended in self._living.items():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            ended.set_result(-signal.SIGKILL)
        self._asked.clear()
        self._living.clear()
