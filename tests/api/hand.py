"""A hand on the floor: a plant of two machines that remembers what was done to it."""

from typing import Any

from infra.plant.catalogue import load_catalogue
from infra.plant.plant_control import ControlError

TOKEN = "plant-token"


class Hand:
    """A plant of two machines behind the real control interface; one of its processes is away."""

    catalogue = load_catalogue()

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []

    async def status(self) -> dict[str, Any]:
        up = {
            "id": "lathe-1",
            "state": 6,
            "state_name": "Execute",
            "since": "2026-11-22T09:00:00+00:00",
            "stop_reason": None,
        }
        down = up | {"id": "mill-1", "state_name": "Aborted", "stop_reason": {"code": 1101, "text": "Spindle overload"}}
        return {"machines": [down, up], "gateway": {"away": "The gateway does not answer."}}

    async def break_down(self, unit_id: str, reason: int | None = None) -> dict[str, Any]:
        if unit_id == "mill-1":
            raise ControlError("mill-1 is down already.", 409)
        self.done.append(("break", unit_id))
        return {}

    async def rush(self, sale: object = None) -> dict[str, Any]:
        self.done.append(("rush",))
        return {}
