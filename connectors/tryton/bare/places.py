"""Where lots lie, by the moves of Tryton, and the shipment that takes them elsewhere."""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import fsum
from typing import Any
from zoneinfo import ZoneInfo

from connectors.records import Step
from connectors.tryton.answers import MOVE
from connectors.tryton.bare.records import SHIPMENT
from connectors.tryton.client import Record, TrytonClient
from connectors.tryton.config import TrytonConfig
from connectors.tryton.facts import stock_of
from domain.books.outcomes import DisposeLot, HoldLot
from domain.errors import ConfigError, NotFoundError, RejectedError

_BUTTONS = (("wait", ("draft",)), ("assign_try", ("draft", "waiting")), ("do", ("draft", "waiting", "assigned")))
_DIGITS = 6  # more than any unit has; a sum of floats has more


@dataclass(frozen=True)
class Lot:
    """`stock`: what is free of it, by storage location; `reserved_by`: ids of productions that have reserved some."""

    id: int
    record: Record
    stock: dict[int, float]
    reserved_by: list[int]


class Lots:
    def __init__(self, client: TrytonClient, config: TrytonConfig) -> None:
        self._client, self._config = client, config

    async def of(self, number: str) -> Lot:
        """Raises NotFoundError."""
        fields = ("number", "product", "product.code", "product.default_uom", "_timestamp")
        found = await self._client.search_read("stock.lot", [["number", "=", number]], fields)
        if not found:
            raise NotFoundError(f"Tryton has no lot {number}.")
        domain = [["lot", "=", found[0]["id"]], ["state", "in", ["assigned", "done"]]]
        moves = await self._client.search_read("stock.move", domain, ("production_input", *MOVE))
        reserved = {one["production_input"] for one in moves if one["production_input"] and one["state"] == "assigned"}
        return Lot(found[0]["id"], found[0], stock_of(moves), sorted(reserved))

    async def step(self, outcome: HoldLot | DisposeLot) -> Step:
        """The shipment. Raises ConfigError without a quarantine, NotFoundError, RejectedError for what is no move."""
        lot, (quarantine, storage, lost) = await self.of(outcome.lot), await self._places()
        held = isinstance(outcome, HoldLot)
        if isinstance(outcome, DisposeLot) and outcome.disposition not in ("release", "scrap"):
            raise RejectedError(f"Tryton takes no {outcome.disposition} from here: do it there, from quarantine.")
        target = (
            quarantine
            if held
            else lost
            if outcome.kind == "dispose_lot" and outcome.disposition == "scrap"
            else storage
        )
        source = storage if held else quarantine
        stock = {place: there for place, there in lot.stock.items() if (place != quarantine) is held}
        today = datetime.now(UTC).astimezone(ZoneInfo(self._config.timezone)).date().isoformat()
        values: dict[str, Any] = {"from_location": source, "to_location": target}
        moves = [_move(lot, place, quantity, target) for place, quantity in _so_much(stock, outcome).items()]
        also = {"planned_date": today, "planned_start_date": today, "moves": [["create", moves]]}
        label = f"shipment of lot {outcome.lot}"
        return Step(
            "create", SHIPMENT, label, values, after=_BUTTONS, also=also, lacks=await self._lacks(lot, outcome, moves)
        )

    async def moved(self, number: str, shipment: int) -> float:
        """How much of the lot this shipment has brought to where it goes."""
        found = await self._client.search_read(SHIPMENT, [["id", "=", shipment]], ["to_location"])
        to = found[0]["to_location"] if found else None
        domain = [["shipment", "=", f"{SHIPMENT},{shipment}"], ["lot.number", "=", number], ["state", "=", "done"]]
        moves = await self._client.search_read("stock.move", domain, ["to_location", "internal_quantity"])
        return round(fsum(one["internal_quantity"] for one in moves if one["to_location"] == to), _DIGITS)

    async def _lacks(self, lot: Lot, outcome: HoldLot | DisposeLot, moves: list[Record]) -> str:
        """Without our module nobody takes a reservation back in the same transaction."""
        if isinstance(outcome, HoldLot) and lot.reserved_by and not outcome.quantity:
            by = await self._client.search_read("production", [["id", "in", lot.reserved_by]], ["number"])
            names = ", ".join(sorted(str(one["number"]) for one in by))
            return f"Productions {names} have reserved lot {outcome.lot}: set them back to waiting in Tryton first."
        return "" if moves else f"Tryton has not that much of lot {outcome.lot} there."

    async def _places(self) -> tuple[int, int, int]:
        """Quarantine, storage, and lost and found."""
        name = self._config.quarantine
        if not name:
            raise ConfigError("Tryton needs a place for held lots: set `quarantine` in the connector's settings.")
        found = await self._client.search_read("stock.location", [["name", "=", name]], ["type"])
        fields = ["storage_location", "lost_found_location"]
        houses = await self._client.search_read("stock.location", [["type", "=", "warehouse"]], fields)
        if len(found) != 1 or not houses:
            raise NotFoundError(f"Tryton has {len(found) or 'no'} location {name}: there has to be one.")
        lost = houses[0]["lost_found_location"] or await self._any_lost()
        return found[0]["id"], houses[0]["storage_location"], lost

    async def _any_lost(self) -> int:
        found = await self._client.search_read("stock.location", [["type", "=", "lost_found"]], ["type"], limit=1)
        return int(found[0]["id"]) if found else 0


def _so_much(stock: dict[int, float], outcome: HoldLot | DisposeLot) -> dict[int, float]:
    """All of it, or the wanted quantity, place by place."""
    if not outcome.quantity:
        return stock
    left, taken = outcome.quantity, dict[int, float]()
    for place, there in stock.items():
        if left > 0:
            taken[place] = min(there, left)
            left = round(left - taken[place], _DIGITS)
    return taken if left <= 0 else {}


def _move(lot: Lot, place: int, quantity: float, target: int) -> Record:
    ends = {"from_location": place, "to_location": target}
    unit = lot.record["product."]["default_uom"]
    return {"product": lot.record["product"], "lot": lot.id, "quantity": quantity, "unit": unit, **ends}
