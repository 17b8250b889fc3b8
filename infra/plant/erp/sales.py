"""The plant's sales clerk: enters a rush sale in the ERP, as a person would."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from infra.plant.erp.rpc import TrytonClient

REFERENCE = re.compile(r"SO-(\d+)")


@dataclass(frozen=True)
class RushSale:
    """A sale as entered; ``line`` is the id of its sale.line."""

    id: int
    reference: str
    line: int


def enter_rush_sale(
    url: str, password: str, *, customer: str, material: str, quantity: float, wanted: datetime, comment: str
) -> RushSale:
    """Create, quote and confirm a sale of ``quantity`` of ``material`` wanted at an aware datetime.

    ``customer`` is the customer's name or code, the reference the next free ``SO-<number>``. Raises ErpCallError.
    """
    with TrytonClient(url, "plant_sales", password) as client:
        reference = _next_reference(client)
        values = _values(client, customer, material, quantity, wanted)
        values |= {"reference": reference, "comment": comment}
        (sale,) = client.call("model.sale.sale.create", [values])
        client.call("model.sale.sale.quote", [sale])
        client.call("model.sale.sale.confirm", [sale])
        ((line,),) = [row["lines"] for row in client.call("model.sale.sale.read", [sale], ["lines"])]
        return RushSale(sale, reference, line)


def _next_reference(client: TrytonClient) -> str:
    rows = client.call("model.sale.sale.search_read", [["reference", "like", "SO-%"]], 0, None, None, ["reference"])
    numbers = [int(found.group(1)) for row in rows if (found := REFERENCE.fullmatch(row["reference"]))]
    return f"SO-{max(numbers, default=2000) + 1}"


def _values(client: TrytonClient, customer: str, material: str, quantity: float, wanted: datetime) -> dict[str, Any]:
    party = _one(client, "party.party", ["OR", ["code", "=", customer], ["name", "=", customer]], ["addresses"])
    product = _one(client, "product.product", [["code", "=", material]], ["default_uom", "list_price"])
    warehouse = _one(client, "stock.location", [["type", "=", "warehouse"]], [])
    address = party["addresses"][0]
    price = product["list_price"] or Decimal(0)
    line = {"product": product["id"], "quantity": quantity, "unit": product["default_uom"], "unit_price": price}
    return {
        "party": party["id"],
        "invoice_address": address,
        "shipment_address": address,
        "warehouse": warehouse["id"],
        "invoice_method": "manual",
        "shipment_method": "order",
        "shipping_date": wanted.date(),
        "promised_at": wanted.astimezone(UTC),
        "lines": [["create", [line]]],
    }


def _one(client: TrytonClient, model: str, domain: list[Any], fields: list[str]) -> dict[str, Any]:
    rows = client.call(f"model.{model}.search_read", domain, 0, 2, None, ["id", *fields])
    if len(rows) != 1:
        raise LookupError(f"The ERP holds {len(rows)} records of {model} for {domain}; expected one.")
    row: dict[str, Any] = rows[0]
    return row
