"""A lot's hold in Odoo: an internal transfer of what lies in stock to the quarantine location, and back.

Odoo has no flag that keeps a lot from being used. What lies outside the places that reservations draw from is not used:
so the hold is a `stock.picking` with our key, whose lines are what lies there at that moment.
"""

from math import fsum
from typing import Any

from connectors.odoo.client import OdooClient
from connectors.odoo.config import OdooConfig
from connectors.records import Ref, Step
from domain.books.outcomes import DisposeLot, HoldLot
from domain.errors import ConfigError, NotFoundError, RejectedError

TRANSFER = "stock.picking"
_OPEN = ("draft", "confirmed", "assigned")
_DIGITS = 6  # more than any unit has; a sum of floats has more


def _so_much(lines: list[dict[str, Any]], outcome: HoldLot | DisposeLot) -> list[dict[str, Any]]:
    """All of it, or the wanted quantity, line by line, as far as it goes."""
    if not outcome.quantity:
        return lines
    left, taken = outcome.quantity, []
    for line in lines:
        if left > 0:
            taken.append(line | {"quantity": min(line["quantity"], left)})
            left = round(left - line["quantity"], _DIGITS)
    return taken


def _lacks(lines: list[dict[str, Any]], outcome: HoldLot | DisposeLot, target: str) -> str:
    """Why it can't be made now. What stands already is looked up first: what it moved lies here no more."""
    if not lines:
        return f"Odoo has nothing of lot {outcome.lot} that could go to {target}."
    there = round(fsum(line["quantity"] for line in lines), _DIGITS)
    return f"Odoo has only {there:g} of lot {outcome.lot} for that." if there < outcome.quantity else ""


class Lots:
    """Reads where a lot lies, and makes the transfer of it."""

    def __init__(self, client: OdooClient, config: OdooConfig) -> None:
        self._client, self._config = client, config

    async def step(self, outcome: HoldLot | DisposeLot) -> Step:
        """Raises ConfigError without a quarantine, NotFoundError, RejectedError for another disposition."""
        if not self._config.quarantine:
            raise ConfigError("Odoo needs a place for held lots: set `quarantine` in the connector's settings.")
        if isinstance(outcome, DisposeLot) and outcome.disposition != "release":
            raise RejectedError(f"Odoo takes no {outcome.disposition} from here: do it there, from quarantine.")
        held = isinstance(outcome, HoldLot)
        places = (self._config.stock, self._config.quarantine)
        source, target = places if held else places[::-1]
        lines = await self._lines(outcome.lot, source if not held else "", target)
        values: dict[str, Any] = {
            "picking_type_id": Ref("stock.picking.type", "name", self._config.transfer),
            "location_id": Ref("stock.location", "complete_name", source),
            "location_dest_id": Ref("stock.location", "complete_name", target),
            "origin": f"{'Hold' if held else 'Release'} of lot {outcome.lot}",
        }
        return Step(
            "create",
            TRANSFER,
            f"transfer of lot {outcome.lot} to {target}",
            values,
            after=(("button_validate", _OPEN),),
            also={"note": outcome.reason, "move_line_ids": [[0, 0, line] for line in _so_much(lines, outcome)]},
            lacks=_lacks(lines, outcome, target),
        )

    async def moved(self, lot: str, transfer: int) -> float:
        """How much of the lot this transfer has moved; 0 while it is not done."""
        (number,) = await self._ids("stock.lot", "name", lot)
        if not await self._client.search(TRANSFER, [("id", "=", transfer), ("state", "=", "done")], []):
            return 0
        mine = [("picking_id", "=", transfer), ("lot_id", "=", number)]
        lines = await self._client.search("stock.move.line", mine, ["quantity"])
        return round(fsum(line["quantity"] for line in lines), _DIGITS)

    async def _lines(self, lot: str, source: str, target: str) -> list[dict[str, Any]]:
        """What lies of the lot in `source`, or in all internal places but the target."""
        (number,) = await self._ids("stock.lot", "name", lot)
        places = await self._client.search("stock.location", [("usage", "=", "internal")], ["complete_name"])
        from_places = {one["id"] for one in places if one["complete_name"] in ([source] if source else [])}
        from_places = from_places or {one["id"] for one in places if one["complete_name"] != target and not source}
        (to,) = await self._ids("stock.location", "complete_name", target)
        fields = ["product_id", "location_id", "quantity", "product_uom_id"]
        found = await self._client.search("stock.quant", [("lot_id", "=", number), ("quantity", ">", 0)], fields)
        return [
            {
                "product_id": self._client.plain(quant["product_id"]),
                "lot_id": number,
                "location_id": self._client.plain(quant["location_id"]),
                "location_dest_id": to,
                "quantity": quant["quantity"],
                "product_uom_id": self._client.plain(quant["product_uom_id"]),
            }
            for quant in found
            if self._client.plain(quant["location_id"]) in from_places
        ]

    async def _ids(self, model: str, field: str, value: str) -> list[int]:
        found = await self._client.search(model, [(field, "=", value)], [])
        if len(found) != 1:
            raise NotFoundError(f"Odoo has {len(found) or 'no'} {model} {value}: there has to be one.")
        return [found[0]["id"]]
