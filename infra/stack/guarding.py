"""The supervisor's side of its guard, which stops our children if we are killed (guard.py)."""

import contextlib
import subprocess
import sys
from pathlib import Path

from infra.stack.folder import DataFolder, guard_lock_path

_COMMAND = (sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")))


class Guard:
    """The process that stops our children if we are killed (see guard.py)."""

    def __init__(self, folder: DataFolder) -> None:
        self._lock = guard_lock_path(folder)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [*_COMMAND, str(self._lock)]
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
