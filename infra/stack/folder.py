"""The data folder: where everything lives, whether it can be used, and who uses it now."""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from domain.errors import ConfigError
from infra.settings import running_environment_file

_MEGABYTE = 1024 * 1024
_LEFTOVERS = 30.0  # longer than the guard takes: the longest grace of a part, and what a killed group may last


@dataclass(frozen=True)
class DataFolder:
    """Paths below one data folder (absolute)."""

    root: Path

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def temporal_db(self) -> Path:
        return self.root / "temporal" / "temporal.db"

    @property
    def status_file(self) -> Path:
        return self.run / "status.json"

    @property
    def endpoints_file(self) -> Path:
        return self.run / "endpoints.json"

    @property
    def running_environment(self) -> Path:
        return running_environment_file(self.root)

    def ready_file(self, name: str) -> Path:
        """Touched by the process `name` when it is ready; removed before each of its starts."""
        return self.run / f"{name}.ready"

    def prepare(self, min_free_mb: int) -> None:
        """Create what is missing and refuse a folder that can't be used. Raises ConfigError."""
        with explained(self.root):
            self.root.mkdir(mode=0o711, parents=True, exist_ok=True)
            for folder in (self.run, self.logs, self.secrets, self.temporal_db.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
                _probe_writing(folder)
        for file in (self.temporal_db, *self.run.iterdir(), *self.logs.iterdir(), *self.secrets.iterdir()):
            if file.exists() and not os.access(file, os.R_OK | os.W_OK):
                raise ConfigError(_foreign(file))
        self.check_space(min_free_mb)

    def check_space(self, min_free_mb: int) -> None:
        """Raises ConfigError when fewer than `min_free_mb` megabytes are free."""
        free = shutil.disk_usage(self.root).free // _MEGABYTE
        if free < min_free_mb:
            raise ConfigError(
                f"Too little disk space for {self.root}: {free} MB free, {min_free_mb} MB needed."
                " Free some, or move the data with MOS_DATA_DIR (the limit is MOS_MIN_FREE_MB)"
            )


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the file system's refusals into ConfigErrors that say what to do."""
    try:
        yield
    except PermissionError as error:
        raise ConfigError(_foreign(Path(error.filename or path))) from None
    except (NotADirectoryError, FileExistsError) as error:
        raise ConfigError(
            f"{error.filename or path} is a file, not a folder: move it away or set MOS_DATA_DIR"
        ) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ConfigError(f"The disk of {path} is full: free some space and start again") from None
        if error.errno == errno.EROFS:
            raise ConfigError(f"{path} is on a read-only disk: set MOS_DATA_DIR to another folder") from None
        raise


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, mode 0600. Raises ConfigError when the disk refuses."""
    with explained(path):
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)


class DataLock:
    """Held by the one supervisor of a data folder; the kernel frees it when that process ends, however it ends."""

    def __init__(self, folder: DataFolder) -> None:
        self._path = folder.run / "lock"
        self._guard_path = guard_lock_path(folder)
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Raises ConfigError, with the holder's pid, when another supervisor has the folder."""
        with explained(self._path):
            file = self._path.open("a+", encoding="utf-8")
        if not _try_lock(file):
            file.seek(0)
            raise ConfigError(
                f"mos already runs on {self._path.parent.parent} (pid {file.read().strip() or 'unknown'})."
                " See `mos status`; stop it with `mos down`"
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def wait_for_leftovers(self, seconds: float = _LEFTOVERS) -> None:
        """Wait until the children of a supervisor that was killed have been stopped by its guard."""
        with self._guard_path.open("a+", encoding="utf-8") as file:
            deadline = time.monotonic() + seconds
            while not _try_lock(file):
                if time.monotonic() > deadline:
                    raise ConfigError("Parts of an earlier run still stop; wait a little and start again")
                time.sleep(0.05)

    @property
    def held(self) -> bool:
        return self._file is not None

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def guard_lock_path(folder: DataFolder) -> Path:
    """Locked by the guard as long as it may still have children to stop."""
    return folder.run / "guard.lock"


def holder(folder: DataFolder) -> int | None:
    """Pid of the supervisor that runs on this folder, or None."""
    path = folder.run / "lock"
    if not path.exists():
        return None
    with explained(path), path.open("r+", encoding="utf-8") as file:
        if _try_lock(file):
            return None
        return int(file.read().strip() or 0) or None


def wait_until_free(folder: DataFolder, seconds: float) -> bool:
    """Wait for the supervisor of this folder to end; False when it still runs after `seconds`."""
    deadline = time.monotonic() + seconds
    while holder(folder) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def read_json(path: Path) -> dict[str, object]:
    """The object in a small state file of ours; empty when absent or torn, since all of them can be made anew."""
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _probe_writing(folder: Path) -> None:
    probe = folder / f".probe.{os.getpid()}"
    probe.write_bytes(b"x" * 4096)
    probe.unlink()


def _foreign(path: Path) -> str:
    return (
        f"No permission for {path} (you are uid {os.geteuid()}). Start mos as the folder's owner,"
        " give it to yourself with chown -R, or set MOS_DATA_DIR to a folder of your own"
    )
