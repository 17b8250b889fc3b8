"""The template: a stopped PostgreSQL cluster that holds the seeded ERP. Built once, then copied."""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.plant.erp.environment import (
    CATALOGUE,
    Report,
    digest,
    ensure_environment,
    only_builder,
    source_digest,
    tryton_environment,
)
from infra.plant.erp.errors import ErpError
from infra.plant.erp.postgres import Postgres, account, init_cluster, running, sync_cluster

DATABASE = "erp_template"
MARK = "template.json"
PROGRESS = re.compile(r" *[0-9.]+ s  ")
UNUSED_SECONDS = 14 * 24 * 3600


@dataclass(frozen=True)
class Template:
    """A whole template. ``seconds`` is what building it took, 0.0 if it was there already."""

    key: str
    cluster: Path
    venv: Path
    seconds: float


def template_key() -> str:
    """Return the digest of lock, module, seeder, catalogue and the account that owns the cluster."""
    return digest(source_digest().encode(), CATALOGUE.read_bytes(), repr(account()).encode())


def ensure_template(cache_dir: Path, report: Report) -> Template:
    """Return the template for the present sources, building it if it is not whole. Raises ErpError.

    Another builder on the same cache is waited for. A build that was cut off leaves a folder without its mark, which
    is never used and is removed by the next builder.
    """
    cache = cache_dir.resolve() / "erp"
    with only_builder(cache, report):
        started = time.monotonic()
        venv = ensure_environment(cache, report)
        key = template_key()
        folder = cache / f"template-{key}"
        os.utime(venv)
        if (folder / MARK).exists():
            os.utime(folder)
            return Template(key, folder / "cluster", venv, 0.0)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        _build(folder, venv, report)
        seconds = round(time.monotonic() - started, 1)
        _remove_unused(cache, keep={folder, venv})
        template = Template(key, folder / "cluster", venv, seconds)
        _write_mark(folder / MARK, template)
        report(f"the ERP's template is ready: {seconds:.0f} s")
        return template


def _build(folder: Path, venv: Path, report: Report) -> None:
    log = folder / "postgres.log"
    report("making the ERP's database")
    init_cluster(folder / "cluster", log)
    with running(folder / "cluster", log, durable=False) as server:
        server.create(DATABASE)
        _seed(server, folder, venv, report)
    sync_cluster(folder / "cluster", log)


def _seed(server: Postgres, folder: Path, venv: Path, report: Report) -> None:
    import yaml  # only a build needs it

    catalogue = folder / "catalogue.json"
    catalogue.write_text(json.dumps(yaml.safe_load(CATALOGUE.read_text())))
    config = write_config(folder / "trytond.conf", server)
    anchor = datetime.now(UTC).replace(second=0, microsecond=0).isoformat()
    command = [venv / "bin" / "mfgos-seed", "template", "--config", config, "--database", DATABASE]
    process = subprocess.Popen(
        [*map(str, command), "--catalogue", str(catalogue), "--anchor", anchor],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=tryton_environment(),
    )
    last: deque[str] = deque(maxlen=30)
    reader = threading.Thread(target=_relay, args=(process, last, report), daemon=True)
    reader.start()
    try:
        failed = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    reader.join(5)
    if failed:
        raise ErpError("The ERP could not be seeded.\n" + "\n".join(last))


def _relay(process: "subprocess.Popen[str]", last: "deque[str]", report: Report) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if PROGRESS.match(line):
            report(line.strip())
        else:
            last.append(line.rstrip())


def write_config(path: Path, server: Postgres) -> Path:
    """Write trytond.conf for this server and return its path."""
    lines = ["[database]", f"uri = postgresql://postgres@/?host={server.sockets}", "maxconn = 16", "language = en"]
    path.write_text("\n".join(lines) + "\n")
    return path


def _write_mark(path: Path, template: Template) -> None:
    """Write the mark last, and whole: a template without it does not exist."""
    made = path.with_suffix(".part")
    made.write_text(json.dumps(asdict(template), default=str))
    made.replace(path)


def _remove_unused(cache: Path, keep: set[Path]) -> None:
    """Remove templates and environments of other sources that nobody has used for a fortnight."""
    for folder in cache.iterdir():
        old = time.time() - folder.stat().st_mtime > UNUSED_SECONDS
        if old and folder.is_dir() and folder not in keep and folder.name.startswith(("venv-", "template-")):
            shutil.rmtree(folder, ignore_errors=True)
