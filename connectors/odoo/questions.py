"""Odoo's records in the words of our queries."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.odoo.client import OdooClient
from connectors.odoo.config import OdooConfig
from connectors.records import Record
from domain.errors import InvalidPayloadError, NotFoundError
from domain.values import Json, iso

_ORDER = (
    "name",
    "state",
    "priority",
    "product_id",
    "product_qty",
    "date_start",
    "date_finished",
    "origin",
    "write_date",
)
_WORK = ("production_id", "workcenter_id", "date_start", "date_finished", "state")
_SALE = ("name", "partner_id", "state", "commitment_date", "note", "write_date")


class Questions:
    """Each query by its name."""

    def __init__(self, client: OdooClient, config: OdooConfig) -> None:
        self._client, self._config = client, config
        self.by_name = {"erp.orders": self._orders, "erp.sales_demand": self._demand, "erp.sale": self._sale}

    async def _orders(self, where: Mapping[str, Json]) -> Json:
        orders = await self._productions(where)
        codes = await self._codes(orders)
        ids = [order["id"] for order in orders]
        works = await self._client.search("mrp.workorder", [("production_id", "in", ids)], _WORK) if ids else []
        centers = await self._work_centers(works)
        return [
            _order(order, self._job_order(order), codes, [_work(work, centers) for work in _of(order, works)])
            for order in orders
        ]

    async def _demand(self, where: Mapping[str, Json]) -> Json:
        """Of those orders whose source document is a sales order."""
        orders = await self._productions(where)
        codes = await self._codes(orders)
        names = sorted({str(order["origin"]) for order in orders if order["origin"]})
        sales = {sale[self._config.sale_field]: sale for sale in await self._sales(names)}
        return [
            {
                "job_order": self._job_order(order),
                "material": codes[order["product_id"][0]],
                "quantity": order["product_qty"],
                **_sale(sales[order["origin"]], self._config.sale_field),
            }
            for order in orders
            if order["origin"] in sales
        ]

    async def _sale(self, where: Mapping[str, Json]) -> Json:
        name = where.get("sale")
        if not isinstance(name, str) or not name:
            raise InvalidPayloadError("The query needs 'sale'.")
        found = await self._sales([name])
        if not found:
            raise NotFoundError(f"Odoo has no sales order {name}.")
        fields = ("product_id", "product_uom_qty", "customer_lead")
        lines = await self._client.search("sale.order.line", [("order_id", "=", found[0]["id"])], fields)
        codes = await self._codes(lines)
        told = [
            {"material": codes.get(_id(line["product_id"])), "quantity": line["product_uom_qty"], "shipping_date": None}
            for line in lines
        ]
        return {**_sale(found[0], self._config.sale_field), "lines": told}

    async def _productions(self, where: Mapping[str, Json]) -> list[Record]:
        wanted = where.get("job_orders")
        if not isinstance(wanted, list):
            raise InvalidPayloadError("The query needs 'job_orders'.")
        if not wanted:
            return []
        field = self._config.order_field
        filters = [(field, "in", wanted), ("state", "!=", "cancel")]
        return await self._client.search("mrp.production", filters, list({*_ORDER, field}))

    async def _sales(self, names: Sequence[str]) -> list[Record]:
        if not names:
            return []
        field = self._config.sale_field
        filters = [(field, "in", list(names)), ("state", "!=", "cancel")]
        return await self._client.search("sale.order", filters, list({*_SALE, field}))

    async def _codes(self, records: Sequence[Record]) -> dict[Any, str]:
        """Product id -> its code, or its name where it has none."""
        ids = sorted({_id(record["product_id"]) for record in records if record["product_id"]})
        field = self._config.material_field
        found = (
            await self._client.search("product.product", [("id", "in", ids)], [field, "display_name"]) if ids else []
        )
        return {product["id"]: str(product[field] or product["display_name"]) for product in found}

    async def _work_centers(self, works: Sequence[Record]) -> dict[Any, str]:
        ids = sorted({_id(work["workcenter_id"]) for work in works if work["workcenter_id"]})
        field = self._config.work_center_field
        found = await self._client.search("mrp.workcenter", [("id", "in", ids)], [field]) if ids else []
        return {center["id"]: str(center[field]) for center in found if center[field]}

    def _job_order(self, order: Record) -> str:
        return str(order[self._config.order_field])


def _of(order: Record, works: Sequence[Record]) -> list[tuple[int, Record]]:
    mine = [work for work in works if _id(work["production_id"]) == order["id"]]
    return list(enumerate(mine, start=1))


def _order(order: Record, job_order: str, codes: Mapping[Any, str], works: list[Json]) -> Json:
    return {
        "job_order": job_order,
        "number": str(order["name"]),
        "state": order["state"],
        "priority": 1 if order["priority"] == "1" else 50,
        "hold": False,  # Odoo holds no manufacturing order
        "hold_reason": None,
        "material": codes[_id(order["product_id"])],
        "quantity": order["product_qty"],
        "planned_start": _moment(order["date_start"]),
        "planned_end": _moment(order["date_finished"]),
        "version": str(order["write_date"]),
        "works": works,
    }


def _work(numbered: tuple[int, Record], centers: Mapping[Any, str]) -> Json:
    seq, work = numbered
    return {
        "seq": seq,
        "work_unit": centers.get(_id(work["workcenter_id"])),
        "planned_start": _moment(work["date_start"]),
        "planned_end": _moment(work["date_finished"]),
        "state": work["state"],
    }


def _sale(sale: Record, field: str) -> dict[str, Json]:
    return {
        "sale": str(sale[field]),
        "customer": sale["partner_id"][1] if sale["partner_id"] else "",
        "customer_id": str(sale["partner_id"][0]) if sale["partner_id"] else None,
        "state": sale["state"],
        "promised": _moment(sale["commitment_date"]),
        "comment": sale["note"] or "",
        "version": str(sale["write_date"]),
    }


def _id(link: Any) -> Any:
    return link[0] if isinstance(link, list) else link


def _moment(value: Any) -> str | None:
    return iso(datetime.fromisoformat(str(value)).replace(tzinfo=UTC)) if value else None
