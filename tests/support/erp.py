"""The real ERP for tests: a clone of the cached template, started once a test process, its day today."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.plant.erp.credentials import generate
from infra.plant.erp.environment import REPOSITORY
from infra.plant.erp.server import ErpServer, Template, ensure_template, run
from tests.support.servers import Shared

BUILD_SECONDS = 900


@dataclass(frozen=True)
class Started:
    """`server.reset()` puts it back to how it started. `anchor`: Tryton counts stock as of today, so the plant starts
    when the server does."""

    server: ErpServer
    passwords: dict[str, str]
    anchor: datetime


def template() -> Template:
    """The cached one; built if the sources have changed."""
    return ensure_template(Path(os.environ.get("MOS_CACHE_DIR", REPOSITORY / ".cache")), print)


@contextmanager
def _started() -> Iterator[Started]:
    """In a folder that PostgreSQL's own user can reach, which pytest's is not: every new pytest of root closes
    ``/tmp/pytest-of-root`` to other users, under a running server too."""
    anchor, passwords = datetime.now(UTC).replace(second=0, microsecond=0), generate()
    with tempfile.TemporaryDirectory(prefix="mos-erp-test-") as folder:
        Path(folder).chmod(0o711)
        with run(template(), Path(folder) / "data", anchor, passwords, durable=False, resettable=True) as server:
            yield Started(server, passwords, anchor)


ERP: Shared[Started] = Shared(_started)
