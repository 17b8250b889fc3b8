"""Inspection lots with usage decisions, and sales orders with items and schedule lines."""

from collections.abc import Mapping
from typing import Any

from infra.standins.sap.books import Row, set_named
from infra.standins.sap.context import Context
from infra.standins.sap.errors import business
from infra.standins.sap.payloads import Children

LOT, DECISION = "A_InspectionLot", "A_InspLotUsageDecision"
SALE, ITEM, LINE = "A_SalesOrder", "A_SalesOrderItem", "A_SalesOrderScheduleLine"


def create_lot(context: Context, row: Row, below: Children) -> Row:
    """A new inspection lot, without usage decision."""
    context.need(row, ("Material", "Plant", "InspectionLotType"))
    context.in_plant(row, "Plant")
    context.material(row)
    if row.get("InspectionLot"):
        raise business("STANDIN/022", "Inspection lots are numbered by the system")
    entity_set = set_named(LOT)
    made: Row = row | {
        "InspectionLot": str(context.books.next_number(LOT)),
        "InspectionLotHasUsageDecision": False,
        "InspectionLotCreatedBy": context.user,
        "InspectionLotCreatedOn": context.today,
    }
    made = context.touch(entity_set, made)
    context.books.save(entity_set, made)
    return made


def create_decision(context: Context, row: Row, below: Children) -> Row:
    """The usage decision of a lot: one, and only one."""
    context.need(row, ("InspectionLot", "InspLotUsageDecisionCodeGroup", "InspectionLotUsageDecisionCode"))
    lot = context.row(LOT, row["InspectionLot"])
    if lot.get("InspectionLotHasUsageDecision"):
        raise business("QA/102", f"Usage decision for lot {row['InspectionLot']} has been made already")
    entity_set = set_named(DECISION)
    made: Row = row | {
        "InspectionLotUsageDecidedBy": context.user,
        "InspectionLotUsageDecidedOn": context.today,
        "InspLotUsageDecisionTime": context.time_of_day,
    }
    made = context.touch(entity_set, made)
    context.books.save(entity_set, made)
    context.set(LOT, lot, InspectionLotHasUsageDecision=True)
    return made


def create_sale(context: Context, row: Row, below: Children) -> Row:
    """A new sales order with items; the number given (external) or the next."""
    context.need(
        row, ("SalesOrderType", "SalesOrganization", "DistributionChannel", "OrganizationDivision", "SoldToParty")
    )
    if row["SoldToParty"] not in context.plant.customers:
        raise business("STANDIN/023", f"Sold-to party {row['SoldToParty']} is not defined")
    number = str(row.get("SalesOrder") or context.books.next_number(SALE))
    if context.books.get(SALE, (number,)):
        raise business("V1/384", f"Sales order {number} exists already")
    entity_set = set_named(SALE)
    stamps: Row = {"CreationDate": context.today, "CreatedByUser": context.user, "OverallSDProcessStatus": "A"}
    made = context.touch(entity_set, row | stamps | {"SalesOrder": number})
    context.books.save(entity_set, made)
    for position, (item, _) in enumerate(below.get("to_Item", []), start=1):
        add_item(context, made, item, position * 10)
    return made


def create_item(context: Context, row: Row, below: Children) -> Row:
    """An item posted by itself cannot say whose it is: its order is no creatable property."""
    raise business("STANDIN/024", "Items are created with their order, or through its to_Item")


def add_item(context: Context, sale: Row, item: Row, number: int) -> Row:
    """An item with its schedule line, confirmed for the requested day."""
    context.need(item, ("Material", "RequestedQuantity"))
    made = context.material(item)
    row: Row = item | {"SalesOrder": sale["SalesOrder"], "SalesOrderItem": str(item.get("SalesOrderItem") or number)}
    row.setdefault("RequestedQuantityUnit", made.unit)
    if context.books.get(ITEM, (row["SalesOrder"], row["SalesOrderItem"])):
        raise business("STANDIN/025", f"Item {row['SalesOrderItem']} exists already")
    context.books.save(set_named(ITEM), row)
    line: Row = {
        "SalesOrder": row["SalesOrder"],
        "SalesOrderItem": row["SalesOrderItem"],
        "ScheduleLine": "1",
        "RequestedDeliveryDate": sale.get("RequestedDeliveryDate"),
        "ConfirmedDeliveryDate": sale.get("RequestedDeliveryDate"),
        "OrderQuantityUnit": row["RequestedQuantityUnit"],
        "ScheduleLineOrderQuantity": item["RequestedQuantity"],
        "ConfdOrderQtyByMatlAvailCheck": item["RequestedQuantity"],
    }
    context.books.save(set_named(LINE), line)
    return row


def sale_updated(context: Context, row: Row) -> None:
    """The schedule lines follow the header's date, as if everything were available."""
    for line in context.books.where(LINE, "SalesOrder", row["SalesOrder"]):
        day = row.get("RequestedDeliveryDate")
        context.set(LINE, line, RequestedDeliveryDate=day, ConfirmedDeliveryDate=day)


def check_sale(context: Context, before: Row, changes: Mapping[str, Any]) -> None:
    """A customer that exists."""
    if "SoldToParty" in changes and changes["SoldToParty"] not in context.plant.customers:
        raise business("STANDIN/023", f"Sold-to party {changes['SoldToParty']} is not defined")


def sale_deleted(context: Context, row: Row) -> None:
    """Items and schedule lines go with their order."""
    for part in (ITEM, LINE):
        entity_set = set_named(part)
        for item in context.books.where(part, "SalesOrder", row["SalesOrder"]):
            context.books.put(part, tuple(item[name] for name in entity_set.key), None)
