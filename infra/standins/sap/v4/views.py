"""The same rows as the v2 service has, under the names of v4."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from infra.standins.sap.books import Books, Row, set_named
from infra.standins.sap.edm import Value
from infra.standins.sap.v4.schema import EntitySet

PARTS = {
    "SalesOrder": "A_SalesOrder",
    "SalesOrderItem": "A_SalesOrderItem",
    "SalesOrderScheduleLine": "A_SalesOrderScheduleLine",
}
_LINES = PARTS["SalesOrderScheduleLine"]
_NAMES: Mapping[str, Mapping[str, str]] = {
    "SalesOrder": {"OverallDeliveryStatus": "OverallTotalDeliveryStatus"},
    "SalesOrderItem": {
        "Product": "Material",
        "ProductGroup": "MaterialGroup",
        "Plant": "ProductionPlant",
        "RequestedQuantitySAPUnit": "RequestedQuantityUnit",
        "OrderQuantitySAPUnit": "RequestedQuantityUnit",
        "WBSElementExternalID": "WBSElement",
    },
    "SalesOrderScheduleLine": {"OrderQuantitySAPUnit": "OrderQuantityUnit"},
}


def kept_as(entity_set: EntitySet, name: str) -> str | None:
    """What the v2 service calls a property; None for one that it does not have."""
    other = _NAMES[entity_set.name].get(name, name)
    return other if other in set_named(PARTS[entity_set.name]).properties else None


def rows(books: Books, entity_set: EntitySet) -> Iterable[Row]:
    """All rows of a set, as the books have them."""
    return books.all(PARTS[entity_set.name])


def seen(books: Books, entity_set: EntitySet, row: Row) -> Row:
    """A row under the names of v4. An item's dates are those of its schedule lines."""
    found: Row = {name: row.get(kept_as(entity_set, name) or "") for name in entity_set.properties}
    if entity_set.name == "SalesOrderItem":
        lines = [line for line in books.where(_LINES, "SalesOrder", row["SalesOrder"]) if _same_item(line, row)]
        for name in ("RequestedDeliveryDate", "ConfirmedDeliveryDate"):
            days = [day for line in lines if isinstance(day := line.get(name), datetime)]
            found[name] = max(days, default=None)
    return found


def _same_item(line: Row, item: Row) -> bool:
    return all(line[name] == item[name] for name in ("SalesOrder", "SalesOrderItem"))


def etag(books: Books, row: Row) -> str:
    """Of the whole order: items and schedule lines have the version of its header."""
    header = books.get(PARTS["SalesOrder"], (row["SalesOrder"],))
    changed: Value = header.get("LastChangeDateTime") if header else None
    assert isinstance(changed, datetime)
    return f'W/"V4-{changed.astimezone(UTC):%Y%m%d%H%M%S%f}"'
