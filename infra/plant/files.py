"""Small files of the plant: secrets made once, and state replaced as a whole."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

PLANT_TOKEN = "plant.token"
MES_TOKEN = "mes.token"
OPCUA_PASSWORD = "opcua.password"


def _random_secret() -> str:
    return secrets.token_urlsafe(24)


def secret(folder: Path, name: str, make: Callable[[], str] = _random_secret) -> str:
    """The secret kept in this file. Made by whichever process comes first; the others read the same one."""
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _publish(path, make())
    return path.read_text(encoding="utf-8").strip()


def _publish(path: Path, text: str) -> None:
    """Write beside it and link into place: no reader sees half a secret, no second writer replaces the first."""
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        os.unlink(draft)


def replace_text(path: Path, text: str) -> None:
    """Replace the whole file, or leave the old one: a kill in between loses nothing."""
    draft = path.with_suffix(path.suffix + ".new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
