"""One log file a part, turned at each start and when it grows."""

import shutil
from pathlib import Path

from infra.stack.folder import explained

_KEEP = 3
_LIMIT = 20 * 1024 * 1024


def rotate(path: Path) -> None:
    """name.log becomes name.log.1, and so on; the oldest goes."""
    with explained(path):
        for number in range(_KEEP, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            newer = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
            if newer.exists():
                newer.replace(older)


def trim(path: Path) -> None:
    """Copy a log of more than 20 MB aside and empty it in place: the child keeps appending to the same file."""
    if path.exists() and path.stat().st_size > _LIMIT:
        with explained(path):
            shutil.copyfile(path, path.with_name(f"{path.name}.1"))
            with path.open("r+b") as file:
                file.truncate(0)


def tail(path: Path, lines: int = 12) -> str:
    """The last lines of a log, at most 8 kB."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8192))
        text = file.read().decode("utf-8", "replace")
    return "\n".join(text.splitlines()[-lines:])
