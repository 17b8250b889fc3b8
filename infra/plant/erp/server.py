"""The running ERP: its own PostgreSQL and gunicorn with Tryton, on a clone of the template.

Layout of a data folder: ``pg/`` (cluster), ``erp.json`` (written last: what the data were made from), ``trytond.conf``,
``postgres.log``, ``gunicorn.log``.
"""

import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from infra.plant.erp.environment import tryton_environment
from infra.plant.erp.errors import ErpError
from infra.plant.erp.postgres import Postgres, copy_cluster, running
from infra.plant.erp.processes import start, stop, tail
from infra.plant.erp.template import DATABASE as TEMPLATE_DATABASE
from infra.plant.erp.template import Template, ensure_template, write_config

__all__ = ["ErpServer", "Template", "ensure_template", "free_port", "run"]

DATABASE = "erp"
MARK = "erp.json"
WORKERS, THREADS = 2, 4
READY_SECONDS = 180
WEB_SETTINGS = Path(__file__).with_name("web_settings.py")


def free_port() -> int:
    """Return a TCP port that is free on loopback now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class ErpServer:
    """A running ERP. ``url`` ends with a slash: ``http://127.0.0.1:<port>/erp/``."""

    url: str
    postgres: Postgres
    web: "subprocess.Popen[bytes]"
    log: Path

    def stop(self) -> None:
        """Stop the web server; PostgreSQL stops when ``run`` is left."""
        stop(self.web, signal.SIGTERM, 20)

    def failed(self) -> str | None:
        """Return what has died, with the end of its log, or None."""
        for name, process, log in (
            ("web server", self.web, self.log),
            ("PostgreSQL", self.postgres.process, self.log.with_name("postgres.log")),
        ):
            if process.poll() is not None:
                return f"The ERP's {name} stopped (exit {process.returncode}); see {log}.\n{tail(log)}"
        return None

    def reset(self) -> None:
        """Put the business data back to how the server started with them. Only with ``resettable``."""
        from infra.plant.erp import snapshot  # needs psycopg, which the demo's start does without

        with self.postgres.connect(DATABASE) as connection:
            snapshot.restore(connection)


@contextmanager
def run(
    template: Template,
    data_dir: Path,
    anchor: datetime,
    credentials: Mapping[str, str],
    *,
    port: int = 0,
    durable: bool = True,
    resettable: bool = False,
) -> Iterator[ErpServer]:
    """Run the ERP on the data in ``data_dir``, made from the template and moved to ``anchor`` the first time.

    ``credentials`` maps login to password. Gives the server when every worker answers; leaves no process behind.
    Raises ErpError.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    mark = _read_mark(data_dir, template)
    if mark is None:
        shutil.rmtree(data_dir / "pg", ignore_errors=True)
        copy_cluster(template.cluster, data_dir / "pg")
    with running(data_dir / "pg", data_dir / "postgres.log", durable=durable) as postgres:
        _prepare(postgres, template, data_dir, mark, anchor, credentials)
        if resettable:
            from infra.plant.erp import snapshot  # as above

            with postgres.connect(DATABASE) as connection:
                snapshot.take(connection)
        with _serving(postgres, template, data_dir, port or free_port()) as server:
            yield server


def _read_mark(data_dir: Path, template: Template) -> dict[str, str] | None:
    """Return what the data were made from, None if there are none (or a first start was cut off)."""
    path = data_dir / MARK
    if not path.exists():
        return None
    mark: dict[str, str] = json.loads(path.read_text())
    if mark["key"] != template.key:
        raise ErpError(
            f"The ERP's data in {data_dir} were made by another version of the plant. "
            "Delete that folder to start with fresh data."
        )
    return mark


def _prepare(
    postgres: Postgres,
    template: Template,
    data_dir: Path,
    mark: dict[str, str] | None,
    anchor: datetime,
    credentials: Mapping[str, str],
) -> None:
    """Clone and freshen once; set the passwords again when they have changed."""
    passwords = hashlib.sha256(json.dumps(dict(credentials), sort_keys=True).encode()).hexdigest()
    if mark is None:
        postgres.drop(DATABASE)
        postgres.create(DATABASE, TEMPLATE_DATABASE)
    elif mark["passwords"] == passwords:
        return
    when = anchor.isoformat() if mark is None else mark["anchor"]
    _freshen(postgres, template, data_dir, when, credentials)
    made = data_dir / f"{MARK}.part"
    made.write_text(json.dumps({"key": template.key, "anchor": when, "passwords": passwords}))
    made.replace(data_dir / MARK)


def _freshen(
    postgres: Postgres, template: Template, data_dir: Path, anchor: str, credentials: Mapping[str, str]
) -> None:
    secret = data_dir / "passwords.json"
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(dict(credentials), file)
    command = [template.venv / "bin" / "mfgos-seed", "freshen", "--uri", postgres.uri(DATABASE)]
    done = subprocess.run(
        [*map(str, command), "--anchor", anchor, "--passwords", str(secret)],
        check=False,
        capture_output=True,
        text=True,
        env=tryton_environment(),
    )
    secret.unlink()
    if done.returncode:
        raise ErpError(f"The ERP's data could not be made current.\n{done.stderr.strip()[-2000:]}")


@contextmanager
def _serving(postgres: Postgres, template: Template, data_dir: Path, port: int) -> Iterator[ErpServer]:
    """Run gunicorn: its master loads the model pool before it forks, so that every worker is warm."""
    config = write_config(data_dir / "trytond.conf", postgres)
    log = data_dir / "gunicorn.log"
    command: list[str | Path] = [template.venv / "bin" / "gunicorn", "-w", str(WORKERS), "--threads", str(THREADS)]
    options = [
        "--config",
        str(WEB_SETTINGS),
        "--preload",
        "--no-control-socket",
        "--graceful-timeout",
        "5",
        "--bind",
        f"127.0.0.1:{port}",
    ]
    env = tryton_environment(
        TRYTOND_CONFIG=str(config),
        TRYTOND_DATABASE_NAMES=DATABASE,
        TRYTOND_LOGGING_LEVEL="30",
        VIRTUAL_ENV=str(template.venv),
    )
    web = start([*command, *options, "trytond.application:app"], log, env=env)
    server = ErpServer(f"http://127.0.0.1:{port}/{DATABASE}/", postgres, web, log)
    try:
        _wait_ready(server, port)
        yield server
    finally:
        server.stop()


def _wait_ready(server: ErpServer, port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if reason := server.failed():
            raise ErpError(reason)
        if _answers(port):
            return
        time.sleep(0.1)
    raise ErpError(f"The ERP does not answer; see {server.log}.\n{tail(server.log)}")


def _answers(port: int) -> bool:
    """Whether Tryton says its version."""
    question = json.dumps({"id": 0, "method": "common.server.version", "params": []})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", "/rpc/", question, {"Content-Type": "application/json"})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
