"""The demo's player proves the product from outside: it knows none of its rooms; nor does the plant it plays on."""

import sys
from collections.abc import Mapping

import pytest

from tests.house.outline import Outline, outline

PLAYER = ("infra/demo/play/", "infra/demo/guide.py")
ITS_OWN = ("infra.demo.play", "infra.plant")
OUTSIDE = ("infra/plant/", "infra/phones/")


def _from_outside(name: str) -> bool:
    """The standard library, an HTTP client, the player itself, and what the plant tells of itself."""
    if name.partition(".")[0] in sys.stdlib_module_names or name == "httpx":
        return True
    return any(f"{name}.".startswith(f"{own}.") for own in ITS_OWN)


def test_player_knows_no_product_room_and_no_database(outlines: Mapping[str, Outline]) -> None:
    played = {path: told for path, told in outlines.items() if path.startswith(PLAYER)}
    assert len(played) > len(PLAYER), "the player has moved: correct PLAYER here"
    found = [
        f"{path} imports {name}" for path, told in played.items() for _, name in told.imports if not _from_outside(name)
    ]
    assert not found, "Press it on a phone, type it into the console or read it from the ERP.\n" + "\n".join(found)


def test_plant_and_phones_know_no_product_room(outlines: Mapping[str, Outline], rooms: list[str]) -> None:
    product = {room for room in rooms if room != "infra"}
    found = [
        f"{path} imports {name}"
        for path, told in outlines.items()
        if path.startswith(OUTSIDE)
        for _, name in told.imports
        if name.split(".")[0] in product
        or (name.startswith("infra.") and not name.startswith(("infra.plant", "infra.phones")))
    ]
    assert not found, "A peer of the product stands on its own: copy the words, not the code.\n" + "\n".join(found)


@pytest.mark.parametrize("name", ["domain.ids", "store.read.board", "psycopg", "temporalio.client", "infra.settings"])
def test_a_room_or_a_database_would_be_noticed(name: str) -> None:
    imports = outline(f"from {name} import x", "player.py").imports
    assert [found for _, found in imports if not _from_outside(found)] == [name]
