"""The named queries: what definitions, the planner and people ask the ERP. Arguments and answers: README.md."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from connectors.tryton import answers
from connectors.tryton.client import TrytonClient
from connectors.tryton.facts import ProductFacts, stock_of
from connectors.tryton.lookup import materials, places
from domain.errors import InvalidPayloadError, NotFoundError
from domain.values import Json

Question = Callable[[Mapping[str, Json]], Awaitable[Json]]


class Questions:
    """`today` gives the plant's day, by which Tryton counts stock."""

    def __init__(self, client: TrytonClient, zone: ZoneInfo, today: Callable[[], date]) -> None:
        self._client = client
        self._zone = zone
        self._today = today
        self.by_name: dict[str, Question] = {
            "erp.sales_demand": self.sales_demand,
            "erp.orders": self.orders,
            "erp.lot": self.lot,
            "erp.material": self.material,
            "erp.sale": self.sale,
        }

    async def sales_demand(self, where: Mapping[str, Json]) -> Json:
        orders = await self._orders(where)
        ids = [int(order["origin"].split(",")[1]) for order in orders if _from_sale(order)]
        if not ids:
            return []
        lines = await self._client.search_read("sale.line", [["id", "in", ids]], answers.LINE)
        domain = [["id", "in", sorted({line["sale"] for line in lines})]]
        return answers.demand(
            orders, lines, await self._client.search_read("sale.sale", domain, answers.SALE), self._zone
        )

    async def orders(self, where: Mapping[str, Json]) -> Json:
        orders = await self._orders(where)
        domain = [["production", "in", [order["id"] for order in orders]]]
        works = await self._client.search_read("production.work", domain, answers.WORK, order=[("sequence", "ASC")])
        return [answers.order(order, works) for order in orders]

    async def _orders(self, where: Mapping[str, Json]) -> list[dict[str, Any]]:
        references = where.get("job_orders")
        if not isinstance(references, list):
            raise InvalidPayloadError("The query needs 'job_orders', a list.")
        if not references:
            return []
        domain = [["reference", "in", references], ["state", "!=", "cancelled"]]
        fields = (*answers.ORDER, *answers.ORDER_TIMES)
        return await self._client.search_read("production", domain, fields, order=[("reference", "ASC")])

    async def lot(self, where: Mapping[str, Json]) -> Json:
        fields = ("number", "product.code", "hold", "hold_reason", "reserved_by", "_timestamp")
        record = await self._one("stock.lot", "number", _text(where, "lot"), fields)
        domain = [["lot", "=", record["id"]], ["state", "in", ["assigned", "done"]]]
        free = stock_of(await self._client.search_read("stock.move", domain, answers.MOVE))
        names = ("name", "quarantine")
        located = await self._client.search_read("stock.location", [["id", "in", list(free)]], names)
        there = [_place(location, free[location["id"]]) for location in located]
        users = [["inputs.lot", "=", record["id"]], ["state", "in", list(answers.OPEN)]]
        used = await self._client.search_read("production", users, ["reference", "number"])
        return answers.lot(record, there, used, record["reserved_by"])

    async def material(self, where: Mapping[str, Json]) -> Json:
        """`{material, quantity, covered, components: [{material, needed, free}]}`; covered = nothing is short."""
        code, quantity = _text(where, "material"), _number(where, "quantity")
        found = (await materials(self._client, [code])).get(code)
        if found is None:
            raise NotFoundError(f"Tryton has no product {code}.")
        needed = await self._needed(code, found, quantity)
        components = [await self._component(name, amount) for name, amount in needed.items()]
        covered = all(part["free"] >= part["needed"] for part in components)
        return {"material": code, "quantity": quantity, "covered": covered, "components": components}

    async def _needed(self, code: str, product: ProductFacts, quantity: float) -> dict[str, float]:
        """What the BOM asks for; the material itself when it is bought."""
        if product.bom is None:
            return {code: quantity}
        bom = [["bom", "=", product.bom]]
        outputs = await self._client.search_read("production.bom.output", bom, ["product", "quantity"])
        inputs = await self._client.search_read("production.bom.input", bom, ["product.code", "quantity"])
        made = next((item["quantity"] for item in outputs if item["product"] == product.id), 1.0)
        return {item["product."]["code"]: item["quantity"] * quantity / made for item in inputs}

    async def _component(self, code: str, needed: float) -> Json:
        site = await places(self._client)
        where = await self._storages() if site is None else [site.storage]
        context = {"locations": where, "stock_date_end": self._today(), "stock_assign": True}
        products = await self._client.search_read("product.product", [["code", "=", code]], ["code"], limit=1)
        ids = [product["id"] for product in products]
        stock = await self._client.read("product.product", ids, ["quantity"], context)
        held = await self._client.search_read("stock.lot", [["product", "in", ids], ["hold", "=", True]], ["number"])
        locked = (
            await self._client.read("stock.lot", [lot["id"] for lot in held], ["quantity"], context) if held else []
        )
        return answers.component(code, needed, _total(stock), _total(locked))

    async def _storages(self) -> list[int]:
        warehouses = await self._client.search_read(
            "stock.location", [["type", "=", "warehouse"]], ["storage_location"]
        )
        return [warehouse["storage_location"] for warehouse in warehouses]

    async def sale(self, where: Mapping[str, Json]) -> Json:
        record = await self._one("sale.sale", "reference", _text(where, "sale"), answers.SALE)
        lines = await self._client.search_read("sale.line", [["sale", "=", record["id"]]], answers.LINE)
        return {**answers.sale(record, self._zone), "lines": [answers.line(item) for item in lines]}

    async def _one(self, model: str, key: str, value: str, fields: Sequence[str]) -> dict[str, Any]:
        found = await self._client.search_read(model, [[key, "=", value]], fields, limit=1)
        if not found:
            raise NotFoundError(f"Tryton has no {model} {value}.")
        return found[0]


def _from_sale(order: Mapping[str, Any]) -> bool:
    return str(order["origin"] or "").startswith("sale.line,")


def _place(location: Mapping[str, Any], free: float) -> Json:
    return {"location": location["name"], "quarantine": bool(location["quarantine"]), "free": free}


def _total(records: Sequence[Mapping[str, Any]]) -> float:
    return float(sum(record["quantity"] or 0.0 for record in records))


def _text(where: Mapping[str, Json], name: str) -> str:
    value = where.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidPayloadError(f"The query needs '{name}'.")
    return value


def _number(where: Mapping[str, Json], name: str) -> float:
    value = where.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidPayloadError(f"The query needs '{name}', a number.")
    return float(value)
