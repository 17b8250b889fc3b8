"""The service by which sales orders are spoken, as the settings choose: its sets, and what it calls a product.

The promise is the header's RequestedDeliveryDate in both: it is the only date of the whole order that the metadata lets
us change. Schedule lines can be read only, and SAP computes every ConfirmedDeliveryDate.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from connectors.sap.metadata import SALES, SALES4, EntitySet, entity_set
from domain.values import Json

Version = Literal["v2", "v4"]
Record = Mapping[str, Any]


@dataclass(frozen=True)
class SalesSets:
    """`product`: the item's property that names what is sold."""

    header: EntitySet
    item: EntitySet
    line: EntitySet
    product: str


_SETS: Mapping[Version, SalesSets] = {
    "v2": SalesSets(
        entity_set(SALES, "A_SalesOrder"),
        entity_set(SALES, "A_SalesOrderItem"),
        entity_set(SALES, "A_SalesOrderScheduleLine"),
        "Material",
    ),
    "v4": SalesSets(
        entity_set(SALES4, "SalesOrder"),
        entity_set(SALES4, "SalesOrderItem"),
        entity_set(SALES4, "SalesOrderScheduleLine"),
        "Product",
    ),
}


def sales_of(version: Version) -> SalesSets:
    return _SETS[version]


def deliveries(sets: SalesSets, header: Record, items: Iterable[Record], lines: Sequence[Record]) -> list[Json]:
    """What is delivered when, by item: each quantity that SAP has confirmed with its day, the rest with the day that is
    wanted."""
    found: list[Json] = []
    for item in items:
        own = [line for line in lines if line["SalesOrderItem"] == item["SalesOrderItem"]]
        parts = [(line["ConfdOrderQtyByMatlAvailCheck"], line["ConfirmedDeliveryDate"]) for line in own if _kept(line)]
        rest = (item.get("RequestedQuantity") or Decimal(0)) - sum(much for much, _ in parts)
        if rest > 0 or not parts:
            days = [record.get("RequestedDeliveryDate") for record in (*own, header)]
            parts.append((rest, next((day for day in days if day), None)))
        found += [
            {"material": item.get(sets.product), "quantity": float(much), "shipping_date": _day(day)}
            for much, day in parts
        ]
    return found


def _kept(line: Record) -> bool:
    return bool(line.get("ConfdOrderQtyByMatlAvailCheck") and line.get("ConfirmedDeliveryDate"))


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
