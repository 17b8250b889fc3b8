"""The demo's player proves the product from outside: it knows none of its rooms; nor does the plant it plays on."""

import ast
import sys
from collections.abc import Iterator, Mapping

import pytest

PLAYER = ("infra/demo/play/", "infra/demo/guide.py")
ITS_OWN = ("infra.demo.play", "infra.plant")
OUTSIDE = ("infra/plant/", "infra/phones/")


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "a relative import"


def _from_outside(name: str) -> bool:
    """The standard library, an HTTP client, the player itself, and what the plant tells of itself."""
    if name.partition(".")[0] in sys.stdlib_module_names or name == "httpx":
        return True
    return any(f"{name}.".startswith(f"{own}.") for own in ITS_OWN)


def test_player_knows_no_product_room_and_no_database(modules: Mapping[str, ast.Module]) -> None:
    played = {path: tree for path, tree in modules.items() if path.startswith(PLAYER)}
    assert len(played) > len(PLAYER), "the player has moved: correct PLAYER here"
    found = [
        f"{path} imports {name}" for path, tree in played.items() for name in _imports(tree) if not _from_outside(name)
    ]
    assert not found, "Press it on a phone, type it into the console or read it from the ERP.\n" + "\n".join(found)


def test_plant_and_phones_know_no_product_room(modules: Mapping[str, ast.Module], rooms: list[str]) -> None:
    product = {room for room in rooms if room != "infra"}
    found = [
        f"{path} imports {name}"
        for path, tree in modules.items()
        if path.startswith(OUTSIDE)
        for name in _imports(tree)
        if name.split(".")[0] in product
        or (name.startswith("infra.") and not name.startswith(("infra.plant", "infra.phones")))
    ]
    assert not found, "A peer of the product stands on its own: copy the words, not the code.\n" + "\n".join(found)


@pytest.mark.parametrize("name", ["domain.ids", "store.read.board", "psycopg", "temporalio.client", "infra.settings"])
def test_a_room_or_a_database_would_be_noticed(name: str) -> None:
    assert [found for found in _imports(ast.parse(f"from {name} import x")) if not _from_outside(found)] == [name]
