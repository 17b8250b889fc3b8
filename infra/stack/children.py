"""Child processes that end with us, each in its own process group, known to the guard: executed through launch.py, or
forked by the process that has the product loaded."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path

from infra.stack.folder import explained
from infra.stack.guarding import Guard
from infra.stack.nursery import Nursery, NurseryGone
from infra.stack.part import Part

_HERE = Path(__file__).parent
_PYTHON = (sys.executable, "-I", "-S")


class Child:
    """One running process of a part, leader of its own process group."""

    def __init__(self, part: Part, pid: int, end: Awaitable[int], guard: Guard) -> None:
        self.pid = pid
        self._part = part
        self._end = asyncio.ensure_future(end)
        self._guard = guard

    @classmethod
    async def start(cls, part: Part, log: Path, guard: Guard, nursery: Nursery) -> "Child":
        """Raises ConfigError when the log can't be written."""
        with explained(log):
            log.open("ab").close()
        try:
            pid, end = await nursery.fork(part, log) if part.mos else await _execute(part, log)
        except NurseryGone:
            pid, end = await _execute(part, log)
        guard.watch(pid, part.grace)
        return cls(part, pid, end, guard)

    async def ended(self) -> int:
        """Exit code, negative = killed by that signal. What is left of the group is killed before it is told."""
        code = await asyncio.shield(self._end)
        _signal_group(self.pid, signal.SIGKILL)
        self._guard.forget(self.pid)
        return code

    async def stop(self) -> None:
        """Stop signal, then SIGKILL after the part's grace."""
        with contextlib.suppress(ProcessLookupError):
            if not self._end.done():
                os.kill(self.pid, self._part.stop_signal)
        try:
            await asyncio.wait_for(self.ended(), self._part.grace)
        except TimeoutError:
            self.kill()
            await self.ended()

    def kill(self) -> None:
        _signal_group(self.pid, signal.SIGKILL)


async def _execute(part: Part, log: Path) -> tuple[int, Awaitable[int]]:
    uid, gid = part.user if part.user is not None else ("-", "-")
    launch = [str(_HERE / "launch.py"), str(os.getpid()), str(int(part.stop_signal)), str(uid), str(gid)]
    with explained(log), log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *_PYTHON, *launch, *part.argv,
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            cwd=part.cwd, env=dict(part.env), start_new_session=True,
        )  # fmt: skip
    return process.pid, process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
