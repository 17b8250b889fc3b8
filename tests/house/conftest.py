"""The tree as the house rules see it: our own files, read once."""

import ast
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

from tests.house.outline import Outline, outline, parse

ROOT = Path(__file__).parents[2]
ROOMS = ["domain", "planning", "connectors", "templates", "store", "intake", "activities", "workflows"]
ROOMS += ["authoring", "admin", "api", "infra"]
NOT_OURS = {"__pycache__", "node_modules", "build", "dist"}
Found = TypeVar("Found")
TEXTS = {".py", ".md", ".toml", ".yaml", ".yml", ".sh", ".j2", ".html", ".css", ".js", ".json", ".txt", ".in", ".cfg"}


def _ours() -> Iterator[Path]:
    """Folders that are not ours are not even entered: the environment alone has more files than the tree."""
    for folder, inside, names in os.walk(ROOT):
        inside[:] = [one for one in inside if not (one.startswith(".") and one != ".ci") and one not in NOT_OURS]
        yield from (path for name in names if name not in NOT_OURS and (path := Path(folder, name)).is_file())


class _Asked(Mapping[str, Found]):
    """Made of a file's text when it is asked for: not every test needs them all."""

    def __init__(self, texts: Mapping[str, str], make: Callable[[str, str], Found]) -> None:
        self._texts, self._make = texts, make

    def __getitem__(self, path: str) -> Found:
        return self._make(self._texts[path], path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def rooms() -> list[str]:
    return ROOMS


@pytest.fixture(scope="session")
def files() -> Mapping[str, str]:
    """Text by path from the root, for every text file of the tree."""
    found = [path for path in sorted(_ours()) if path.suffix in TEXTS or path.name in {"Makefile", "run"}]
    return {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in found}


@pytest.fixture(scope="session")
def modules(files: Mapping[str, str]) -> Mapping[str, ast.Module]:
    """Syntax tree by path, for every Python file. None is kept: all of them are 250 MB. Ask for the few that matter."""
    return _Asked({path: text for path, text in files.items() if path.endswith(".py")}, parse)


@pytest.fixture(scope="session")
def outlines(files: Mapping[str, str]) -> Mapping[str, Outline]:
    """Outline by path, for every Python file of the tree."""
    return {path: outline(text, path) for path, text in files.items() if path.endswith(".py")}
