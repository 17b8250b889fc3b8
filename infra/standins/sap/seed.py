"""The demo plant (infra/plant/catalogue.yaml) as this system knows it.

Names: plant `BRNO`, storage location `0001`; work centers are at most 8 characters, so `furnace-1` is `FURNACE1`, while
its equipment is `FURNACE-1`; customers are upper case; orders, sales, materials and lots (batches) keep their ids.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from infra.plant.catalogue import Catalogue, JobOrder
from infra.standins.sap import movements, production, quality_sales
from infra.standins.sap.books import Books, Row
from infra.standins.sap.context import Context, Made, Plant

PLANT = "BRNO"


def work_center_of(unit: str) -> str:
    """`furnace-1` -> `FURNACE1`."""
    return unit.replace("-", "").upper()[:8]


def plant_of(catalogue: Catalogue) -> Plant:
    """The master data."""
    materials = {}
    for item in catalogue.materials:
        steps = [(step, catalogue.units_of(step.work_center)[0].id) for step in item.routing]
        routing = tuple((step.seq, step.name, work_center_of(unit)) for step, unit in steps)
        materials[item.id] = Made(_unit(item.unit), tuple((line.material, line.quantity) for line in item.bom), routing)
    units = [unit.id for unit in catalogue.work_units]
    return Plant(
        code=PLANT,
        materials=materials,
        work_centers={work_center_of(unit) for unit in units},
        equipment={unit.upper() for unit in units},
        customers={customer.id.upper() for customer in catalogue.customers},
        zone=ZoneInfo(catalogue.site.timezone),
    )


def _unit(unit: str) -> str:
    return "PC" if unit == "u" else unit.upper()


def seed(books: Books, plant: Plant, catalogue: Catalogue, now: datetime) -> None:
    """Stock as initial-entry documents, sales orders, production orders with their operations."""
    anchor = now.replace(second=0, microsecond=0)
    context = Context(books, plant, now, "SEED")
    local = ZoneInfo(catalogue.site.timezone)
    with books.transaction():
        _stock(context, catalogue)
        for sale in catalogue.sales:
            day = (anchor + timedelta(minutes=sale.promised)).astimezone(local)
            header: Row = {
                "SalesOrder": sale.id,
                "SalesOrderType": "OR",
                "SalesOrganization": "1000",
                "DistributionChannel": "10",
                "OrganizationDivision": "00",
                "SoldToParty": sale.customer.upper(),
                "RequestedDeliveryDate": _day(day),
            }
            item: Row = {"Material": sale.material, "RequestedQuantity": Decimal(str(sale.quantity))}
            quality_sales.create_sale(context, header, {"to_Item": [(item, {})]})
        for order in catalogue.job_orders:
            _order(context, order, anchor.astimezone(local))


def _stock(context: Context, catalogue: Catalogue) -> None:
    header: Row = {"GoodsMovementCode": "05", "PostingDate": context.today, "DocumentDate": context.today}
    header["MaterialDocumentHeaderText"] = "Initial stock"
    items: list[Row] = [
        {
            "Material": lot.material,
            "Plant": PLANT,
            "StorageLocation": context.plant.storage,
            "Batch": lot.id,
            "GoodsMovementType": "561",
            "QuantityInEntryUnit": Decimal(str(lot.quantity)),
            "EntryUnit": context.plant.materials[lot.material].unit,
        }
        for lot in catalogue.lots
    ]
    movements.create(context, header, {"to_MaterialDocumentItem": [(item, {}) for item in items]})


def _order(context: Context, order: JobOrder, anchor: datetime) -> None:
    times = {op.seq: (anchor + timedelta(minutes=op.start), timedelta(minutes=op.minutes)) for op in order.ops}
    start, end = min(begin for begin, _ in times.values()), max(begin + lasts for begin, lasts in times.values())
    row: Row = {
        "ManufacturingOrder": order.id,
        "ManufacturingOrderType": "PP01",
        "Material": order.material,
        "ProductionPlant": PLANT,
        "TotalQuantity": Decimal(str(order.quantity)),
        "ManufacturingOrderImportance": "5",
        "OrderIsReleased": "X" if order.state in ("released", "running") else "",
        **_moment("MfgOrderPlannedStart", start),
        **_moment("MfgOrderPlannedEnd", end),
    }
    if order.sale:
        row |= {"SalesOrder": order.sale, "SalesOrderItem": "10"}
    made = production.create(context, row, {})
    for op in order.ops:
        begin, lasts = times[op.seq]
        key = (made["OrderInternalBillOfOperations"], f"{op.seq:08}")
        changes: Row = {"WorkCenter": work_center_of(op.work_unit), "OperationIsScheduled": "X"}
        changes |= _pair("OpErlstSchedldExecStrt", begin) | _pair("OpErlstSchedldExecEnd", begin + lasts)
        context.set(production.OPERATION, context.row(production.OPERATION, *key), **changes)
    for component in context.books.all("A_ProductionOrderComponent_4"):
        if component["ManufacturingOrder"] == order.id:
            context.set("A_ProductionOrderComponent_4", component, Batch=order.lot)


def _moment(name: str, moment: datetime) -> Row:
    return {f"{name}Date": _day(moment), f"{name}Time": _time(moment)}


def _pair(name: str, moment: datetime) -> Row:
    return {f"{name}Dte": _day(moment), f"{name}Tme": _time(moment)}


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)


def _time(moment: datetime) -> timedelta:
    return timedelta(hours=moment.hour, minutes=moment.minute)
