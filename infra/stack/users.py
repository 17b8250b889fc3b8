"""Started as root, PostgreSQL still has to run as somebody else: who, and can they reach their files?"""

import os
import pwd
import stat
import subprocess
import time
from pathlib import Path

from domain.errors import ConfigError

_ACCOUNTS = ("mos-postgres", "postgres")
_PAUSES = (0.1, 0.2, 0.5, 1.0)  # seconds, while another process holds the lock of the accounts
User = tuple[int, int]


def server_user(data: Path) -> User | None:
    """(uid, gid) for the server of `data`; None = our own. The owner of existing data stays its user; else a system
    account is taken, and made when the machine has none. Raises ConfigError."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid, data.stat().st_gid
    found = next((account for name in _ACCOUNTS if (account := _account(name)) is not None), None)
    return found if found is not None else _make_account(_ACCOUNTS[0])


def let_through(path: Path) -> list[Path]:
    """Let other users pass (not list) the folders above `path`, where they can't yet; those that were changed."""
    changed = []
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
            changed.append(folder)
    return changed


def check_runs(program: Path, user: User) -> None:
    """Raises ConfigError when `user` can't start `program`."""
    command = [str(program), "--version"]
    try:
        subprocess.run(command, user=user[0], group=user[1], extra_groups=[], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        raise ConfigError(
            f"PostgreSQL refuses to run as root, and uid {user[0]} can't start {program}:"
            " run chmod -R o+rX on the Python environment, or start mos as a plain user"
        ) from None


def _make_account(name: str) -> User:
    """Somebody else may make it at the same moment: useradd refuses while they do, and once they have."""
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    for pause in (*_PAUSES, 0):
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            if (found := _account(name)) is not None:
                return found
            time.sleep(pause)
            continue
        break
    if (made := _account(name)) is None:
        raise ConfigError(
            f"PostgreSQL refuses to run as root and the account {name} can't be made (useradd):"
            " make it yourself, start mos as a plain user, or set MOS_DATABASE_URL"
        )
    return made


def _account(name: str) -> User | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid
