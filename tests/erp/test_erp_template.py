"""The template is whole or not there; its builders take turns; the server leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.plant.erp import template as template_module
from infra.plant.erp.credentials import ensure_credentials
from infra.plant.erp.environment import REPOSITORY, only_builder
from infra.plant.erp.errors import ErpError
from infra.plant.erp.rpc import TrytonClient
from infra.plant.erp.server import Template, run
from infra.plant.erp.template import MARK, ensure_template, template_key

SERVE_SECONDS = 120


def wait_until(condition: Callable[[], bool], what: str, seconds: float = SERVE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_a_build_that_was_cut_off_is_not_a_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(folder: Path, venv: Path, report: object) -> None:
        (folder / "cluster").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(template_module, "ensure_environment", lambda cache, report: tmp_path)
    monkeypatch.setattr(template_module, "_build", cut_off)
    for _ in range(2):  # the second builder finds the leftover and builds again
        with pytest.raises(KeyboardInterrupt):
            ensure_template(tmp_path, print)
    folder = tmp_path / "erp" / f"template-{template_key()}"
    assert folder.exists()
    assert not (folder / MARK).exists()


def test_a_second_builder_waits_for_the_first(tmp_path: Path) -> None:
    told, order = threading.Event(), []

    def second() -> None:
        with only_builder(tmp_path, lambda text: told.set()):
            order.append("second")

    other = threading.Thread(target=second)
    with only_builder(tmp_path, print):
        other.start()
        assert told.wait(60)
        order.append("first")
    other.join(60)
    assert order == ["first", "second"]


def test_data_of_another_version_are_refused(erp_template: Template, tmp_path: Path) -> None:
    (tmp_path / "erp.json").write_text('{"key": "older", "anchor": "", "passwords": ""}')
    passwords = ensure_credentials(tmp_path / "credentials.json")
    with pytest.raises(ErpError, match="Delete that folder"), run(erp_template, tmp_path, datetime.now(UTC), passwords):
        pass


def test_damaged_credentials_are_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    path.write_text('{"admin": 1}')
    with pytest.raises(ErpError, match="Delete it"):
        ensure_credentials(path)


def test_credentials_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    assert ensure_credentials(path) == ensure_credentials(path)
    assert path.stat().st_mode & 0o077 == 0


def _processes(data: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if str(data).encode() in command:
                found.append(entry.name)
    return found


class Serving:
    """``python -m infra.plant.erp serve`` in a process of its own."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.data, self.credentials, self.log = folder / "data", folder / "credentials.json", folder / "log"
        arguments = ["--data", self.data, "--cache", cache, "--credentials", self.credentials]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "infra.plant.erp", "serve", *map(str, arguments)],
                cwd=REPOSITORY,
                stdout=out,
                stderr=out,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            )

    def url(self) -> str:
        wait_until(lambda: "ready at" in self.log.read_text() or self.process.poll() is not None, "the ERP's start")
        text = self.log.read_text()
        assert "ready at" in text, text
        return text.split("ready at ")[1].split()[0]

    def login(self) -> None:
        with TrytonClient(self.url(), "plant_reader", ensure_credentials(self.credentials)["plant_reader"]) as client:
            assert client.call("model.production.search_count", []) == 10

    def stop(self, signum: int) -> int:
        self.process.send_signal(signum)
        return self.process.wait(SERVE_SECONDS)


def test_serve_stops_cleanly_starts_again_and_leaves_nothing_even_when_killed(
    erp_template: Template, erp_folder: Path
) -> None:
    cache = erp_template.cluster.parents[2]
    first = Serving(erp_folder, cache)
    first.login()
    assert first.stop(signal.SIGTERM) == 0
    assert _processes(erp_folder / "data") == []
    second = Serving(erp_folder, cache)
    second.login()
    second.stop(signal.SIGKILL)
    wait_until(lambda: _processes(erp_folder / "data") == [], "the end of the killed server's children")
    third = Serving(erp_folder, cache)
    third.login()
    assert third.stop(signal.SIGTERM) == 0
