"""The real stack (PostgreSQL, Temporal, broker) driven as an operator drives it: by its command and by signals."""

import contextlib
import ipaddress
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from infra.stack.folder import DataFolder
from infra.stack.status import PartStatus, status

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 60.0
_LISTEN = "0A"  # proc_pid_net(5): TCP_LISTEN


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """Wait until `condition` holds; its value."""
    deadline = time.monotonic() + _PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)
    return value


def _links(folder: Path) -> list[str]:
    """What the links in a folder of /proc lead to; nothing of a process that has just gone."""
    with contextlib.suppress(OSError):
        return [os.readlink(link) for link in folder.iterdir()]
    return []


def _address(local: str) -> str:
    """The address of `0100007F:1F90`: 32-bit words in the order of this machine's bytes."""
    digits = local.partition(":")[0]
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    return str(ipaddress.ip_address(b"".join(words) if sys.byteorder == "little" else bytes.fromhex(digits)))


class Site:
    """One data folder and the `mos` command on it."""

    def __init__(self, data: Path, python: tuple[str, ...] = (sys.executable,)) -> None:
        self.data = data
        self._python = python
        self._running: subprocess.Popen[str] | None = None

    def command(self, *arguments: str) -> list[str]:
        return [*self._python, "-m", "infra.cli", *arguments]

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MOS_", "SLACK_", "TWILIO_"))}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "MOS_DATA_DIR": str(self.data),
            "PYTHONDONTWRITEBYTECODE": "1",
            **extra,
        }

    def mos(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            check=False,
            env=self.environment(**env),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )

    def up(self, **env: str) -> dict[str, Any]:
        """Start the stack without the product; its addresses when all is ready."""
        pipe = subprocess.PIPE
        command = self.command("up", "--bare", "--json")
        self._running = subprocess.Popen(
            command, env=self.environment(**env), cwd="/", stdout=pipe, stderr=2, text=True
        )
        assert self._running.stdout is not None
        seen = []
        for line in self._running.stdout:
            if line.startswith("{"):
                return dict(json.loads(line))
            seen.append(line)
        raise AssertionError("mos up ended: " + "".join(seen))

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    def signal(self, number: signal.Signals) -> int:
        """Signal the supervisor and wait for its end: the exit code."""
        assert self._running is not None
        running, self._running = self._running, None
        running.send_signal(number)
        code = running.wait(_PATIENCE)
        assert running.stdout is not None
        running.stdout.close()
        return code

    def addresses(self) -> dict[str, str]:
        """As kept for the next start."""
        return dict(json.loads((self.data / "run" / "endpoints.json").read_text())["addresses"])

    def parts(self) -> dict[str, PartStatus]:
        return {part.name: part for part in status(DataFolder(self.data)).parts}

    def listening(self) -> list[str]:
        """The addresses on which our processes listen, from the kernel's own tables: a bare Debian has no `ss`."""
        ours = {link for pid in self.processes() for link in _links(Path(f"/proc/{pid}/fd"))}
        rows = [
            line.split()
            for table in ("tcp", "tcp6")
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        ]
        return [_address(row[1]) for row in rows if row[3] == _LISTEN and f"socket:[{row[9]}]" in ours]

    def processes(self) -> dict[int, str]:
        """Living processes that belong to this folder, by their command line or working folder."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                here = str(self.data) in command or os.readlink(entry / "cwd").startswith(str(self.data))
                if here and "\nState:\tZ" not in (entry / "status").read_text():
                    found[int(entry.name)] = command
        return found

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.product_env()["MOS_DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def product_env(self) -> dict[str, str]:
        lines = (self.data / "run" / "product.env").read_text().splitlines()
        return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}

    def end(self) -> None:
        if self._running is not None:
            self.signal(signal.SIGTERM)
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
