"""Child processes that end with us: started through launch.py, each in its own process group, known to the guard."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from infra.stack.folder import DataFolder, explained, guard_lock_path
from infra.stack.part import Part

_HERE = Path(__file__).parent
_PYTHON = (sys.executable, "-I", "-S")


class Guard:
    """The process that stops our children if we are killed (see guard.py)."""

    def __init__(self, folder: DataFolder) -> None:
        self._lock = guard_lock_path(folder)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [*_PYTHON, str(_HERE / "guard.py"), str(self._lock)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
        if self._process.stdout is not None:
            self._process.stdout.readline()  # it holds its lock now

    def watch(self, group: int, grace: float) -> None:
        self._tell(f"+ {group} {grace}")

    def forget(self, group: int) -> None:
        self._tell(f"- {group}")

    def stop(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait()

    def _tell(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # the kernel's death signal still covers each leader
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()


class Child:
    """One running process of a part, leader of its own process group."""

    def __init__(self, part: Part, process: asyncio.subprocess.Process, guard: Guard) -> None:
        self._part = part
        self._process = process
        self._guard = guard

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    async def start(cls, part: Part, log: Path, guard: Guard) -> "Child":
        """Raises ConfigError when the log can't be written."""
        uid, gid = part.user if part.user is not None else ("-", "-")
        launch = [str(_HERE / "launch.py"), str(os.getpid()), str(int(part.stop_signal)), str(uid), str(gid)]
        with explained(log), log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *_PYTHON, *launch, *part.argv,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=part.cwd, env=dict(part.env), start_new_session=True,
            )  # fmt: skip
        guard.watch(process.pid, part.grace)
        return cls(part, process, guard)

    async def ended(self) -> int:
        """Exit code, negative = killed by that signal. What is left of the group is killed before it is told."""
        code = await self._process.wait()
        _signal_group(self.pid, signal.SIGKILL)
        self._guard.forget(self.pid)
        return code

    async def stop(self) -> None:
        """Stop signal, then SIGKILL after the part's grace."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(self._part.stop_signal)
        try:
            await asyncio.wait_for(self.ended(), self._part.grace)
        except TimeoutError:
            self.kill()
            await self.ended()

    def kill(self) -> None:
        _signal_group(self.pid, signal.SIGKILL)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
