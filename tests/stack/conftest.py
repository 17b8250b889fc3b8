"""Data folders for the tests of the embedded stack."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.harness import Site

_NOBODY = 65534


@contextlib.contextmanager
def _site() -> Iterator[Site]:
    # Not pytest's tmp_path: its parent is closed to the account that PostgreSQL runs as when we are root.
    folder = Path(tempfile.mkdtemp(prefix="mos-stack-"))
    site = Site(folder / "data")
    try:
        yield site
    finally:
        site.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def filled() -> Iterator[Site]:
    """A folder that has run before; each test leaves it stopped and sound."""
    with _site() as site:
        site.up()
        assert site.signal(signal.SIGTERM) == 0
        yield site


@pytest.fixture(scope="module")
def running(filled: Site) -> Iterator[Site]:
    """A running stack for tests that leave it running, on a copy of the filled folder."""
    with _site() as site:
        subprocess.run(["cp", "-a", filled.data, site.data], check=True)
        (site.data / "run" / "endpoints.json").unlink()
        site.up()
        yield site


@pytest.fixture
def site(filled: Site) -> Iterator[Site]:
    yield filled
    filled.end()


@pytest.fixture
def fresh() -> Iterator[Site]:
    """A folder that does not exist yet."""
    with _site() as site:
        yield site


@pytest.fixture
def plain_user(fresh: Site) -> Site:
    """A folder of an ordinary account, and commands run as that account."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("we are an ordinary account already, or setpriv is missing")
    folder = fresh.data.parent
    python = _python_for_everybody(folder / "python")
    os.chown(folder, _NOBODY, _NOBODY)
    drop = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", str(python))
    return Site(fresh.data, drop)


def _python_for_everybody(folder: Path) -> Path:
    """Our environment's packages under an interpreter that is not in root's home."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    system = Path("/usr/bin") / version
    if not system.exists():
        pytest.skip(f"no {system} that an ordinary account could run")
    venv.EnvBuilder(with_pip=False).create(folder)
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to(system)
    shared = folder / "lib" / version / "site-packages" / "shared.pth"
    shared.write_text(sysconfig.get_path("purelib"))
    (folder / "bin" / "temporal").symlink_to(Path(sys.executable).parent / "temporal")
    return folder / "bin" / "python"


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
