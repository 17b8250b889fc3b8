"""The walls hold: each never of the house is broken once, on a tree of its own, and must be reported."""

import subprocess
import sys
from pathlib import Path

import pytest

NESTED = ["activities/contracts", "connectors/mqtt", "workflows/engine", "workflows/steps"]
ALLOWED = {
    "activities/contracts/post.py": "import domain.words, temporalio",
    "activities/post.py": "import activities.contracts.post, planning, store.write, templates, temporalio",
    "admin/publish.py": "import authoring.check, store.write, sqlmodel",
    "api/routes.py": "import admin.publish, authoring.check, fastapi, intake.answers, store.read, templates",
    "authoring/check.py": "import connectors.mqtt.manifest, planning, store.read, templates, workflows.engine.run",
    "connectors/mqtt/client.py": "import domain.words, paho",
    "connectors/mqtt/manifest.py": "import domain.words",
    "domain/words.py": "import pydantic",
    "infra/worker.py": "import activities.post, api.routes, workflows.exception",
    "intake/answers.py": "import connectors.mqtt.manifest, domain.words, store.write, temporalio",
    "store/read.py": "import domain.words, sqlmodel",
    "store/write.py": "import domain.words, sqlmodel",
    "workflows/engine/run.py": "import domain.words",
    "workflows/exception.py": "import activities.contracts.post, workflows.engine.run, temporalio",
}
BROKEN = {
    "activities/contracts/post.py": ("import store.read", "activities.contracts is not allowed to import store"),
    "activities/post.py": ("import workflows.exception", "activities is not allowed to import workflows"),
    "admin/publish.py": ("import intake.answers", "admin is not allowed to import intake"),
    "api/routes.py": ("import store.write", "api is not allowed to import store"),
    "authoring/check.py": ("import store.write", "authoring is not allowed to import store"),
    "connectors/mqtt/client.py": ("import temporalio", "connectors is not allowed to import temporalio"),
    "domain/words.py": ("import sqlmodel", "domain is not allowed to import sqlmodel"),
    "intake/answers.py": ("import templates", "intake is not allowed to import templates"),
    "planning/solve.py": ("import fastapi", "planning is not allowed to import fastapi"),
    "store/write.py": ("import connectors.mqtt.client", "store is not allowed to import connectors"),
    "templates/render.py": ("import psycopg", "templates is not allowed to import psycopg"),
    "workflows/engine/run.py": ("import activities.post", "workflows is not allowed to import activities"),
}
PURE = ["domain", "planning", "templates", "workflows/steps", "activities/contracts"]


def _build(tree: Path, rooms: list[str], sources: dict[str, str]) -> None:
    for package in rooms + NESTED:
        (tree / package).mkdir(exist_ok=True)
        (tree / package / "__init__.py").touch()
    for path, text in sources.items():
        (tree / path).write_text(text + "\n")


def _lint_imports(tree: Path, root: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache", "--config"]
    return subprocess.run(
        [*command, str(root / "pyproject.toml")], cwd=tree, capture_output=True, text=True, check=False
    )


def test_what_the_house_allows_passes(tmp_path: Path, root: Path, rooms: list[str]) -> None:
    _build(tmp_path, rooms, ALLOWED)
    result = _lint_imports(tmp_path, root)
    assert result.returncode == 0, result.stdout


def test_every_breach_is_reported(tmp_path: Path, root: Path, rooms: list[str]) -> None:
    _build(tmp_path, rooms, ALLOWED)
    for path, (statement, _) in BROKEN.items():
        with (tmp_path / path).open("a") as source:
            source.write(statement + "\n")
    result = _lint_imports(tmp_path, root)
    assert result.returncode == 1, result.stdout
    silent = [f"{path}: {statement}" for path, (statement, report) in BROKEN.items() if report not in result.stdout]
    assert not silent, "import-linter no longer sees these (pyproject.toml):\n" + "\n".join(silent) + result.stdout


@pytest.mark.parametrize("room", PURE)
@pytest.mark.parametrize(
    "source",
    [
        "import datetime as dt\n\nNOW = dt.datetime.now(dt.UTC)\n",
        "import time\n\nNOW = time.time()\n",
        "from uuid import uuid4\n\nID = uuid4()\n",
        "import random\n\nPICK = random.choice([1, 2])\n",
    ],
    ids=["clock", "time", "uuid4", "random"],
)
def test_pure_rooms_have_no_clock_and_no_chance(room: str, source: str, root: Path) -> None:
    assert "TID251" in _ruff(f"{room}/sample.py", source, root)
    assert "TID251" not in _ruff("infra/sample.py", source, root)


def _ruff(path: str, source: str, root: Path) -> str:
    command = [str(Path(sys.executable).with_name("ruff")), "check", "--no-cache", "--stdin-filename", path, "-"]
    return subprocess.run(command, input=source, cwd=root, capture_output=True, text=True, check=False).stdout


def test_no_installed_package_takes_the_name_of_a_room(rooms: list[str]) -> None:
    """Rooms are top-level import names: a package in the environment with such a name would be imported instead."""
    site = Path(next(path for path in sys.path if path.endswith("site-packages")))
    taken = [name for name in [*rooms, "bench"] if (site / name).exists() or (site / f"{name}.py").exists()]
    assert not taken, (
        f"Some dependency installs {taken}: leave that dependency out, or rename the room (docs/adr/0001)."
    )
