"""Tryton's own virtual environment, from the hash-pinned lock. The product's environment never holds trytond."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.plant.erp.errors import ErpError

REPOSITORY = Path(__file__).resolve().parents[3]
LOCK = REPOSITORY / "infra" / "locks" / "tryton.txt"
DISTRIBUTION = REPOSITORY / "infra" / "erp" / "mfgos"
CATALOGUE = REPOSITORY / "infra" / "plant" / "catalogue.yaml"

Report = Callable[[str], None]


def digest(*parts: bytes) -> str:
    """Return a short digest of the parts, lengths included."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()[:16]


def source_digest() -> str:
    """Return the digest of everything Tryton's environment is made from."""
    files = sorted(p for p in DISTRIBUTION.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    parts = [LOCK.read_bytes(), sys.version.encode()]
    for file in files:
        parts += [str(file.relative_to(DISTRIBUTION)).encode(), file.read_bytes()]
    return digest(*parts)


@contextmanager
def only_builder(folder: Path, report: Report) -> Iterator[None]:
    """Hold the lock of a cache folder; a second builder waits here."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "build.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("another process is building the ERP; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure_environment(cache: Path, report: Report) -> Path:
    """Return Tryton's virtual environment for the present sources; build it if needed. Hold ``only_builder``."""
    folder = cache / f"venv-{source_digest()}"
    mark = folder / ".complete"
    if not mark.exists():
        shutil.rmtree(folder, ignore_errors=True)
        report("installing Tryton in its own environment")
        _uv("venv", "--quiet", "--python", sys.executable, str(folder))
        install = ("pip", "install", "--quiet", "--python", str(folder))
        _uv(*install, "--require-hashes", "-r", str(LOCK))
        _uv(*install, "--no-deps", "--no-build-isolation", "--offline", str(DISTRIBUTION))
        mark.touch()
    return folder


def tryton_environment(**more: str) -> dict[str, str]:
    """Our environment, for what runs in Tryton's. It may keep its bytecode there, whatever holds for ours: compiling
    Tryton anew would cost each start two seconds of processor time."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | more


def _uv(*arguments: str) -> None:
    beside = Path(sys.executable).with_name("uv")
    command = str(beside) if beside.exists() else shutil.which("uv")
    if command is None:
        raise ErpError("uv is missing from this environment: run `make setup`.")
    done = subprocess.run([command, *arguments], check=False, capture_output=True, text=True, env=_uv_environment())
    if done.returncode:
        raise ErpError(f"uv {arguments[0]} {arguments[1]} failed; check the network.\n{done.stderr.strip()[-2000:]}")


def _uv_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
