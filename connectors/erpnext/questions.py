"""ERPNext's documents in the words of our queries."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.erpnext.client import ErpNextClient
from connectors.erpnext.config import ErpNextConfig
from connectors.records import Record
from domain.errors import InvalidPayloadError, NotFoundError
from domain.values import Json, iso

_ORDER = ("production_item", "qty", "status", "planned_start_date", "planned_end_date", "sales_order", "modified")
_SALE = ("customer", "customer_name", "status", "delivery_date", "modified")


class Questions:
    """Each query by its name."""

    def __init__(self, client: ErpNextClient, config: ErpNextConfig) -> None:
        self._client, self._config = client, config
        self._zone = ZoneInfo(config.timezone)
        self.by_name = {"erp.orders": self._orders, "erp.sales_demand": self._demand, "erp.sale": self._sale}

    async def _orders(self, where: Mapping[str, Json]) -> Json:
        return [
            {
                "job_order": str(order[self._config.order_field]),
                "number": str(order["name"]),
                "state": order["status"],
                "priority": 50,  # ERPNext has none
                "hold": order["status"] == "Stopped",
                "hold_reason": None,
                "material": order["production_item"],
                "quantity": order["qty"],
                "planned_start": self._moment(order["planned_start_date"]),
                "planned_end": self._moment(order["planned_end_date"]),
                "version": str(order["modified"]),
                "works": [],
            }
            for order in await self._work_orders(where)
        ]

    async def _demand(self, where: Mapping[str, Json]) -> Json:
        orders = await self._work_orders(where)
        names = sorted({str(order["sales_order"]) for order in orders if order["sales_order"]})
        sales = {sale["name"]: sale for sale in await self._sales("name", names)}
        return [
            {
                "job_order": str(order[self._config.order_field]),
                "material": order["production_item"],
                "quantity": order["qty"],
                **self._told(sales[order["sales_order"]]),
            }
            for order in orders
            if order["sales_order"] in sales
        ]

    async def _sale(self, where: Mapping[str, Json]) -> Json:
        """Without its lines: Frappe lists no child table."""
        name = where.get("sale")
        if not isinstance(name, str) or not name:
            raise InvalidPayloadError("The query needs 'sale'.")
        found = await self._sales(self._config.sale_field, [name])
        if not found:
            raise NotFoundError(f"ERPNext has no sales order {name}.")
        return {**self._told(found[0]), "lines": []}

    async def _work_orders(self, where: Mapping[str, Json]) -> list[Record]:
        wanted = where.get("job_orders")
        if not isinstance(wanted, list):
            raise InvalidPayloadError("The query needs 'job_orders'.")
        field = self._config.order_field
        filters = [(field, "in", wanted), ("docstatus", "!=", 2)]
        return await self._client.search("Work Order", filters, [*_ORDER, field]) if wanted else []

    async def _sales(self, field: str, names: Sequence[str]) -> list[Record]:
        filters = [(field, "in", list(names)), ("docstatus", "!=", 2)]
        return await self._client.search("Sales Order", filters, [*_SALE, self._config.sale_field]) if names else []

    def _told(self, sale: Record) -> dict[str, Json]:
        return {
            "sale": str(sale[self._config.sale_field]),
            "customer": sale["customer_name"] or sale["customer"],
            "customer_id": sale["customer"],
            "state": sale["status"],
            "promised": self._moment(sale["delivery_date"], last=True),
            "comment": "",
            "version": str(sale["modified"]),
        }

    def _moment(self, value: Any, *, last: bool = False) -> str | None:
        """A day (`last`: its end) or moment in the site's zone."""
        if not value:
            return None
        local = datetime.fromisoformat(str(value))
        return iso((local.replace(hour=23, minute=59) if last else local).replace(tzinfo=self._zone))
