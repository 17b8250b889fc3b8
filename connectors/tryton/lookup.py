"""Looks up the record ids that a transaction needs, each model once."""

from collections.abc import Iterable, Sequence
from datetime import date

from connectors.tryton.answers import MOVE
from connectors.tryton.client import TrytonClient
from connectors.tryton.facts import (
    Facts,
    LotFacts,
    Needs,
    Places,
    ProductFacts,
    Record,
    SaleFacts,
    plants_of,
    stock_of,
)
from domain.errors import ConflictError

_MOVE = ("lot", "production_input", *MOVE)


async def look_up(needs: Needs, client: TrytonClient, *, reference: str, today: date) -> Facts:
    """All facts. What is missing is told by the getter that asks for it. ConflictError: one key, two orders."""
    facts = Facts(today)
    if needs.orders:
        facts.orders = await _orders(client, needs.orders)
    if needs.lots:
        facts.lots = await _lots(client, needs)
    if needs.moves_lots:
        facts.places = await places(client)
    if needs.work_units:
        await _work_centers(client, needs, facts, reference)
    if needs.materials:
        facts.materials = await materials(client, needs.materials)
    if needs.sales:
        facts.sales = await _sales(client, needs.sales)
    return facts


async def _orders(client: TrytonClient, references: Iterable[str]) -> dict[str, int]:
    domain = [["reference", "in", sorted(references)], ["state", "!=", "cancelled"]]
    found: dict[str, int] = {}
    for record in await client.search_read("production", domain, ["reference"]):
        if record["reference"] in found:
            raise ConflictError(f"Tryton has two production orders with reference {record['reference']}: cancel one.")
        found[record["reference"]] = record["id"]
    return found


async def _lots(client: TrytonClient, needs: Needs) -> dict[str, LotFacts]:
    domain = [["number", "in", sorted(needs.lots)]]
    lots = await client.search_read("stock.lot", domain, ["number", "hold", "product", "product.default_uom"])
    moves: list[Record] = []
    if needs.moves_lots and lots:
        domain = [["lot", "in", [lot["id"] for lot in lots]], ["state", "in", ["assigned", "done"]]]
        moves = await client.search_read("stock.move", domain, _MOVE)
    return {lot["number"]: _lot(lot, [move for move in moves if move["lot"] == lot["id"]]) for lot in lots}


def _lot(lot: Record, moves: Sequence[Record]) -> LotFacts:
    inputs = [move for move in moves if move["production_input"] and move["state"] == "assigned"]
    reserved = sorted({move["production_input"] for move in inputs})
    return LotFacts(
        id=lot["id"],
        product=lot["product"],
        unit=lot["product."]["default_uom"],
        stock=stock_of(moves, freed=reserved),
        reserved_by=reserved,
        hold=bool(lot["hold"]),
    )


async def places(client: TrytonClient) -> Places | None:
    """The quarantine, and the storage and loss locations of its warehouse; None when no location is marked."""
    marked = await client.search_read("stock.location", [["quarantine", "=", True]], ["parent"], order=[("id", "ASC")])
    fields = ["storage_location", "lost_found_location"]
    warehouses = await client.search_read("stock.location", [["type", "=", "warehouse"]], fields, order=[("id", "ASC")])
    if not marked or not warehouses:
        return None
    above = marked[0]["parent"]
    warehouse = next((item for item in warehouses if item["id"] == above), warehouses[0])
    lost = warehouse["lost_found_location"] or await _any_lost_found(client)
    return Places(quarantine=marked[0]["id"], storage=warehouse["storage_location"], lost_found=lost)


async def _any_lost_found(client: TrytonClient) -> int:
    found = await client.search_read("stock.location", [["type", "=", "lost_found"]], ["type"], limit=1)
    return int(found[0]["id"]) if found else 0


async def _work_centers(client: TrytonClient, needs: Needs, facts: Facts, reference: str) -> None:
    centers = await client.search_read("production.work.center", [], ["code", "parent"])
    facts.work_centers = {center["code"]: center["id"] for center in centers if center["code"] in needs.work_units}
    facts.plants = plants_of(centers)
    domain = [
        ["work_center", "in", list(facts.work_centers.values())],
        ["end", "=", None],
        ["reference", "=", reference],
    ]
    model = "production.work.center.downtime"
    downtimes = await client.search_read(model, domain, ["work_center"])
    facts.open_downtimes = {downtime["work_center"]: downtime["id"] for downtime in downtimes}


async def materials(client: TrytonClient, codes: Iterable[str]) -> dict[str, ProductFacts]:
    """Products by code, with their first BOM and its routing."""
    products = await client.search_read("product.product", [["code", "in", sorted(codes)]], ["code", "default_uom"])
    domain = [["product", "in", [product["id"] for product in products]]]
    boms: dict[int, Record] = {}
    for row in await client.search_read(
        "product.product-production.bom",
        domain,
        ["product", "bom", "routing"],
        order=[("sequence", "ASC"), ("id", "ASC")],
    ):
        boms.setdefault(row["product"], row)
    return {
        product["code"]: ProductFacts(
            id=product["id"],
            unit=product["default_uom"],
            bom=boms.get(product["id"], {}).get("bom"),
            routing=boms.get(product["id"], {}).get("routing"),
        )
        for product in products
    }


async def _sales(client: TrytonClient, references: Iterable[str]) -> dict[str, SaleFacts]:
    domain = [["reference", "in", sorted(references)], ["state", "!=", "cancelled"]]
    sales = await client.search_read("sale.sale", domain, ["reference", "comment"])
    ids = [sale["id"] for sale in sales]
    lines = await client.search_read("sale.line", [["sale", "in", ids], ["product", "!=", None]], ["sale", "product"])
    return {
        sale["reference"]: SaleFacts(
            id=sale["id"],
            comment=sale["comment"] or "",
            lines={line["product"]: line["id"] for line in lines if line["sale"] == sale["id"]},
        )
        for sale in sales
    }
