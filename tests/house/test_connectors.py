"""Every connector is one folder with the same files, and its vendor library stays in its `client.py`."""

import importlib.metadata
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.house.outline import Outline

FILES = ("__init__.py", "manifest.py", "config.py", "client.py", "connector.py", "README.md")
CLIENT = re.compile(r"connectors/\w+/client\.py")
NOT_VENDOR = {"connectors", "embedded", "demo"}  # extras that gather others, or belong to infra


@pytest.fixture(scope="module")
def connectors(root: Path) -> list[str]:
    return sorted(folder.name for folder in (root / "connectors").iterdir() if list(folder.glob("*.py")))


@pytest.fixture(scope="module")
def vendor_packages(root: Path) -> set[str]:
    """Import names of what the extras of pyproject.toml bring in."""
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = {re.split(r"[<>=\[;~ ]", line)[0].lower() for name in extras.keys() - NOT_VENDOR for line in extras[name]}
    provided = importlib.metadata.packages_distributions()
    return {name for name, dists in provided.items() if wanted & {dist.lower() for dist in dists}}


def test_connector_folders_are_complete(root: Path, connectors: list[str]) -> None:
    missing = [
        f"connectors/{name}/{file}"
        for name in connectors
        for file in FILES
        if not (root / "connectors" / name / file).is_file()
    ]
    assert not missing, (
        "A connector is manifest.py (data and lazy build), config.py, client.py (its vendor library's only place), "
        "connector.py, README.md, and mapping.py where it maps. Add:\n" + "\n".join(missing)
    )


def test_vendor_libraries_stay_in_clients(
    outlines: Mapping[str, Outline], rooms: list[str], vendor_packages: set[str]
) -> None:
    assert "paho" in vendor_packages, "the extras of pyproject.toml are not installed: run make check"
    ruled = tuple(f"{room}/" for room in rooms if room != "infra")
    found = [
        f"{path}:{line} imports {name}"
        for path, told in outlines.items()
        if path.startswith(ruled) and not CLIENT.fullmatch(path)
        for line, name in told.imports
        if name.split(".")[0] in vendor_packages or (name == "httpx" and not path.startswith("connectors/"))
    ]
    assert not found, "Move it into connectors/<name>/client.py behind a method of ours.\n" + "\n".join(found)


def test_connectors_do_not_know_each_other(outlines: Mapping[str, Outline], connectors: list[str]) -> None:
    found = [
        f"{path}:{line} imports {name}"
        for path, told in outlines.items()
        if path.startswith("connectors/")
        for line, name in told.imports
        for other in connectors
        if f"{name}.".startswith(f"connectors.{other}.") and not path.startswith(f"connectors/{other}/")
    ]
    assert not found, "Share by a role, a word in domain, or a plain module beside the folders.\n" + "\n".join(found)
