"""The tree as the house rules see it: our own files, read and parsed once."""

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ["domain", "planning", "connectors", "templates", "store", "intake", "activities", "workflows"]
ROOMS += ["authoring", "admin", "api", "infra"]
NOT_OURS = {"__pycache__", "node_modules", "build", "dist"}
TEXTS = {".py", ".md", ".toml", ".yaml", ".yml", ".sh", ".j2", ".html", ".css", ".js", ".json", ".txt", ".in", ".cfg"}


def _is_ours(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    hidden = any(part.startswith(".") and part != ".ci" for part in parts[:-1])
    return not hidden and not NOT_OURS & set(parts) and path.is_file()


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def rooms() -> list[str]:
    return ROOMS


@pytest.fixture(scope="session")
def files() -> Mapping[str, str]:
    """Text by path from the root, for every text file of the tree."""
    found = [p for p in sorted(ROOT.rglob("*")) if (p.suffix in TEXTS or p.name in {"Makefile", "run"}) and _is_ours(p)]
    return {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in found}


@pytest.fixture(scope="session")
def modules(files: Mapping[str, str]) -> Mapping[str, ast.Module]:
    """Syntax tree by path, for every Python file of the tree."""
    return {path: ast.parse(text, path) for path, text in files.items() if path.endswith(".py")}
