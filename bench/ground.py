"""What the bench runs on: the product's own stack by its own command, and the contenders' processes beside it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml

from admin.definitions import publish
from infra.settings import child_environment
from infra.stack.folder import DataFolder, read_json
from store.db import Database

ROOT = Path(__file__).resolve().parent.parent
_SITE = Path(__file__).resolve().parent / "site"
_LAUNCH = ROOT / "infra" / "stack" / "launch.py"  # the child dies with us, however we end
SLACK = {"SLACK_TEAM_ID": "T0BENCH", "SLACK_APP_ID": "A0BENCH", "SLACK_BOT_TOKEN": "xoxb-bench"}
_PATIENCE_S = 90.0


class BenchError(Exception):
    """The bench could not be run; says what to look at."""


@dataclass
class Ground:
    """A running stack. `env` is what the product's processes are told; `pids` of our own children by name."""

    folder: DataFolder
    env: dict[str, str]
    pids: dict[str, int] = field(default_factory=dict)

    def parts(self) -> dict[str, int]:
        """Process ids by part of the product's stack."""
        rows = read_json(self.folder.status_file).get("parts")
        found = {row["name"]: row["pid"] for row in rows if row["pid"]} if isinstance(rows, list) else {}
        own = {"worker": "worker", "supervisor": "supervisor"}
        return found | {name: self.pids[key] for name, key in own.items() if key in self.pids}


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """The stack on an empty folder, without the worker (ours has the bench's systems); gone with its data after."""
    home = ROOT / ".cache" / "bench"
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=home))
    slack = free_port()
    env = _clean_environment(folder / "data") | {"SLACK_API_BASE": f"http://127.0.0.1:{slack}/api/"}
    try:
        with (
            child("accounts", ["bench.accounts", f"{slack}"], env, folder),
            child("supervisor", ["infra.cli", "up", "--without", "worker", "--json"], env, folder) as up,
        ):
            data = DataFolder(folder / "data")
            _wait_for(up, lambda: data.running_environment.exists() and _healthy(data), folder / "supervisor.log")
            yield Ground(data, env | _told(data), {"supervisor": up.pid})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clean_environment(data: Path) -> dict[str, str]:
    """Our own environment without settings of another installation."""
    kept = {k: v for k, v in child_environment({}).items() if not k.startswith(("MOS_", "SLACK_", "TWILIO_"))}
    secret = {"SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef"}  # of nobody
    own = {"PYTHONPATH": str(ROOT), "MOS_DATA_DIR": str(data), "MOS_LOG_LEVEL": "WARNING", "MOS_MIN_FREE_MB": "64"}
    return {**kept, **SLACK, **secret, **own}


def _healthy(data: DataFolder) -> bool:
    rows = read_json(data.status_file).get("parts")
    return isinstance(rows, list) and bool(rows) and all(row["state"] in ("ready", "done") for row in rows)


def _told(data: DataFolder) -> dict[str, str]:
    lines = data.running_environment.read_text(encoding="utf-8").splitlines()
    return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}


@contextlib.contextmanager
def child(name: str, module: list[str], env: dict[str, str], logs: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`python -m module...`, stopped at the end of the block; its output goes to a file."""
    launcher = [sys.executable, str(_LAUNCH), str(os.getpid()), str(int(signal.SIGTERM)), "-", "-"]
    with (logs / f"{name}.log").open("ab") as log:
        command = [*launcher, sys.executable, "-m", *module]
        process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", condition: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(encoding="utf-8", errors="replace")[-1500:]
            raise BenchError(f"{log.stem} did not start:\n{tail}")
        time.sleep(0.05)


@contextlib.contextmanager
def product_worker(stack: Ground, world_url: str) -> Iterator[None]:
    """The product's worker with the bench's systems."""
    ready = stack.folder.ready_file("bench_worker")
    module = ["bench.product_worker", world_url]
    with _named_child(stack, "worker", module, ready.exists):
        yield


@contextlib.contextmanager
def bare(stack: Ground, world_url: str, port: int, *, tuned: bool) -> Iterator[None]:
    """A bare Temporal program on `port`."""
    env = stack.env
    words = [world_url, str(port), env["MOS_TEMPORAL_ADDRESS"], env["MOS_TEMPORAL_NAMESPACE"]]
    words += [env["MOS_DATABASE_URL"]] if tuned else []
    name = "tuned" if tuned else "bare"
    with _named_child(stack, name, ["bench.bare", *words], lambda: _listens(port)):
        yield


@contextlib.contextmanager
def _named_child(stack: Ground, name: str, module: list[str], ready: Callable[[], bool]) -> Iterator[None]:
    logs = stack.folder.root.parent
    with child(name, module, stack.env, logs) as process:
        _wait_for(process, ready, logs / f"{name}.log")
        stack.pids[name] = process.pid
        yield


def _listens(port: int) -> bool:
    wanted = f":{port:04X}"
    table = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return any(line.split()[1].endswith(wanted) and line.split()[3] == "0A" for line in table)


async def publish_job(database: Database) -> None:
    """The bench's site, people and definition, as an operator would push them."""
    now = datetime.now(UTC)
    await publish.publish_site(database, _document("site.yaml"), author="bench", now=now)
    await publish.import_roster(database, _document("people.yaml"), {}, author="bench", now=now)
    await publish.publish_connectors(database, [], author="bench", now=now)
    text = (_SITE / "bench_hold.yaml").read_text(encoding="utf-8")
    await publish.publish_definition(
        database, text, "bench_hold.yaml", author="bench", signed_off_by="another", now=now
    )


def _document(name: str) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load((_SITE / name).read_text(encoding="utf-8"))
    return found


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
