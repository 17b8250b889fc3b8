"""The named queries, of what a Tryton without our module knows: no holds, priorities or planned times of operations. A
job order is a production's number."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from connectors.tryton import answers
from connectors.tryton.bare.places import Lots
from connectors.tryton.client import Record, TrytonClient
from connectors.tryton.config import TrytonConfig
from domain.errors import InvalidPayloadError, NotFoundError
from domain.values import Json

_UNKNOWN = {"priority": 50, "hold": False, "hold_reason": None}
_ORDER = ("number", "state", "quantity", "product.code", "origin", *answers.ORDER_TIMES)
_WORK = ("production", "sequence", "work_center.rec_name", "state")
_SALE = tuple(name for name in answers.SALE if name != "promised_at")


class Questions:
    def __init__(self, client: TrytonClient, config: TrytonConfig) -> None:
        self._client, self._config, self._zone = client, config, ZoneInfo(config.timezone)
        self._lots = Lots(client, config)
        self.by_name: dict[str, Callable[[Mapping[str, Json]], Awaitable[Json]]] = {
            "erp.orders": self.orders,
            "erp.sales_demand": self.sales_demand,
            "erp.sale": self.sale,
            "erp.lot": self.lot,
        }

    async def orders(self, where: Mapping[str, Json]) -> Json:
        orders = await self._orders(where)
        domain = [["production", "in", [order["id"] for order in orders]]]
        works = await self._client.search_read("production.work", domain, _WORK, order=[("sequence", "ASC")])
        told = [_work(number, work) for number, work in enumerate(works, start=1)]
        return [answers.order(order, told) for order in orders]

    async def sales_demand(self, where: Mapping[str, Json]) -> Json:
        orders = await self._orders(where)
        ids = [int(one["origin"].split(",")[1]) for one in orders if str(one["origin"]).startswith("sale.line,")]
        if not ids:
            return []
        lines = await self._client.search_read("sale.line", [["id", "in", ids]], answers.LINE)
        sales = await self._sales("id", sorted({line["sale"] for line in lines}))
        return answers.demand(orders, lines, sales, self._zone)

    async def sale(self, where: Mapping[str, Json]) -> Json:
        name = str(where.get("sale") or "")
        found = await self._sales(self._config.sale_field, [name])
        if not found:
            raise NotFoundError(f"Tryton has no sale {name}.")
        domain = [["sale", "=", found[0]["id"]], ["product", "!=", None]]
        lines = await self._client.search_read("sale.line", domain, answers.LINE)
        return {**answers.sale(found[0], self._zone), "lines": [answers.line(one) for one in lines]}

    async def lot(self, where: Mapping[str, Json]) -> Json:
        """`hold`: something of it lies in quarantine, if there is such a place."""
        lot = await self._lots.of(str(where.get("lot") or ""))
        domain = [["id", "in", list(lot.stock)]]
        located = await self._client.search_read("stock.location", domain, ["name"])
        quarantine = self._config.quarantine
        there = [
            {"location": one["name"], "quarantine": one["name"] == quarantine, "free": lot.stock[one["id"]]}
            for one in located
        ]
        users = [["inputs.lot", "=", lot.id], ["state", "in", list(answers.OPEN)]]
        used = [_numbered(one) for one in await self._client.search_read("production", users, ["number"])]
        held = {"hold": any(one["quarantine"] for one in there), "hold_reason": None}
        return answers.lot({**lot.record, **held}, there, used, lot.reserved_by)

    async def _orders(self, where: Mapping[str, Json]) -> list[Record]:
        wanted = where.get("job_orders")
        if not isinstance(wanted, list):
            raise InvalidPayloadError("The query needs 'job_orders', a list.")
        domain = [["number", "in", wanted], ["state", "!=", "cancelled"]]
        found = (
            await self._client.search_read("production", domain, _ORDER, order=[("number", "ASC")]) if wanted else []
        )
        return [{**_numbered(one), **_UNKNOWN} for one in found]

    async def _sales(self, field: str, values: Sequence[Any]) -> list[Record]:
        domain = [[field, "in", list(values)], ["state", "!=", "cancelled"]]
        name = self._config.sale_field
        found = await self._client.search_read("sale.sale", domain, sorted({*_SALE, name}))
        return [{**one, "reference": one[name], "promised_at": None} for one in found]


def _numbered(record: Record) -> Record:
    return {**record, "reference": record["number"]}


def _work(number: int, record: Record) -> Record:
    center = record.get("work_center.") or {}
    times = {"planned_start": None, "planned_end": None}
    return {
        **record,
        **times,
        "sequence": record["sequence"] or number,
        "work_center.": {"code": center.get("rec_name")},
    }
