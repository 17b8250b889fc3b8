"""Production orders: their making from a routing, their states, their operations."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from infra.standins.sap.books import Row, set_named
from infra.standins.sap.context import Context
from infra.standins.sap.errors import business
from infra.standins.sap.payloads import Children

ORDER, OPERATION, STATUS = "A_ProductionOrder_2", "A_ProductionOrderOperation_2", "A_ProductionOrderStatus_2"
_REQUIRED = ("Material", "ProductionPlant", "ManufacturingOrderType", "TotalQuantity")
_STATUS = {
    "OrderIsCreated": ("I0001", "CRTD", "Created"),
    "OrderIsReleased": ("I0002", "REL", "Released"),
    "OrderIsTechnicallyCompleted": ("I0045", "TECO", "Technically completed"),
    "OrderIsClosed": ("I0046", "CLSD", "Closed"),
    "OrderIsLocked": ("I0043", "LKD", "Locked"),
    "OrderIsMarkedForDeletion": ("I0076", "DLFL", "Deletion flag"),
    "OrderIsDelivered": ("I0012", "DLV", "Delivered"),
}


def create(context: Context, row: Row, below: Children) -> Row:
    """A new order, its number given (external) or the next; operations and components from the material's routing."""
    if any(below.values()):
        raise business("STANDIN/003", "Operations and components of a new order come from its routing")
    context.need(row, _REQUIRED)
    context.in_plant(row, "ProductionPlant", "Plant")
    made = context.material(row)
    quantity = row["TotalQuantity"]
    if not isinstance(quantity, Decimal) or quantity <= 0:
        raise business("STANDIN/004", "TotalQuantity must be positive")
    number = str(row.get("ManufacturingOrder") or context.books.next_number(ORDER))
    if context.books.get(ORDER, (number,)):
        raise business("CO/017", f"Order {number} already exists")
    order: Row = row | {
        "ManufacturingOrder": number,
        "ManufacturingOrderCategory": "10",
        "OrderInternalBillOfOperations": str(context.books.next_number("operations")),
        "OrderIsCreated": "X",
        "ProductionUnit": made.unit,
        "MfgOrderCreationDate": context.today,
        "MfgOrderCreationTime": context.time_of_day,
    }
    context.books.save(set_named(ORDER), context.touch(set_named(ORDER), order))
    _item(context, order)
    for step, text, center in made.routing:
        add_operation(context, order, step, text, center)
    for position, (material, per_piece) in enumerate(made.inputs, start=1):
        _component(context, order, position, material, quantity * Decimal(str(per_piece)))
    _restate(context, number)
    return context.row(ORDER, number)


def _item(context: Context, order: Row) -> None:
    copied = {name: order.get(name) for name in ("ManufacturingOrder", "Material", "ProductionPlant", "ProductionUnit")}
    item = copied | {"ManufacturingOrderItem": "0001", "MfgOrderItemPlannedTotalQty": order["TotalQuantity"]}
    context.books.save(set_named("A_ProductionOrderItem_2"), item)


def add_operation(context: Context, order: Row, step: int, text: str, center: str) -> Row:
    """One operation; its times are the order's until they are scheduled."""
    entity_set = set_named(OPERATION)
    row: Row = {
        "OrderInternalBillOfOperations": order["OrderInternalBillOfOperations"],
        "OrderIntBillOfOperationsItem": f"{step:08}",
        "ManufacturingOrder": order["ManufacturingOrder"],
        "ManufacturingOrderSequence": "0",
        "ManufacturingOrderOperation": f"{step:04}",
        "MfgOrderOperationText": text,
        "ProductionPlant": order["ProductionPlant"],
        "WorkCenter": center,
        "OperationIsCreated": "X",
        "OpErlstSchedldExecStrtDte": order.get("MfgOrderPlannedStartDate"),
        "OpErlstSchedldExecStrtTme": order.get("MfgOrderPlannedStartTime"),
        "OpErlstSchedldExecEndDte": order.get("MfgOrderPlannedEndDate"),
        "OpErlstSchedldExecEndTme": order.get("MfgOrderPlannedEndTime"),
        "OpPlannedTotalQuantity": order["TotalQuantity"],
    }
    row = context.touch(entity_set, row)
    context.books.save(entity_set, row)
    return row


def _component(context: Context, order: Row, position: int, material: str, quantity: Decimal) -> None:
    row: Row = {
        "Reservation": str(order["OrderInternalBillOfOperations"]),
        "ReservationItem": f"{position:04}",
        "Material": material,
        "Plant": order["ProductionPlant"],
        "ManufacturingOrder": order["ManufacturingOrder"],
        "ManufacturingOrderOperation": "0010",
        "StorageLocation": context.plant.storage,
        "RequiredQuantity": quantity,
        "WithdrawnQuantity": Decimal(0),
    }
    for name in ("A_ProductionOrderComponent_2", "A_ProductionOrderComponent_3", "A_ProductionOrderComponent_4"):
        entity_set = set_named(name)
        full = row | {"ReservationRecordType": ""} if "ReservationRecordType" in entity_set.key else row
        context.books.save(entity_set, context.touch(entity_set, full))


def check_update(context: Context, before: Row, changes: Mapping[str, object]) -> None:
    """An order that is closed or marked for deletion takes no more changes; planned times keep their order."""
    _open(before)
    after = before | dict(changes)
    start = _moment(after, "MfgOrderPlannedStart")
    end = _moment(after, "MfgOrderPlannedEnd")
    if start and end and end < start:
        raise business("STANDIN/005", "The planned end lies before the planned start")


def updated(context: Context, row: Row) -> None:
    """The order's status list follows its flags."""
    _restate(context, str(row["ManufacturingOrder"]))


def check_operation(context: Context, before: Row, changes: Mapping[str, object]) -> None:
    """An operation moves only to a work center that exists, while its order is open."""
    _open(context.row(ORDER, before["ManufacturingOrder"]))
    if "WorkCenter" in changes and changes["WorkCenter"] not in context.plant.work_centers:
        raise business("STANDIN/006", f"Work center {changes['WorkCenter']} does not exist")


def _open(order: Row) -> None:
    for flag, word in (("OrderIsClosed", "closed"), ("OrderIsMarkedForDeletion", "marked for deletion")):
        if order.get(flag) == "X":
            raise business("STANDIN/007", f"Order {order['ManufacturingOrder']} is {word}")


def _moment(row: Mapping[str, object], name: str) -> datetime | None:
    day, time = row.get(f"{name}Date"), row.get(f"{name}Time") or timedelta()
    return day + time if isinstance(day, datetime) and isinstance(time, timedelta) else None


def _restate(context: Context, number: str) -> None:
    order, entity_set = context.row(ORDER, number), set_named(STATUS)
    for flag, (code, short, text) in _STATUS.items():
        key = (number, code)
        row: Row = {"ManufacturingOrder": number, "StatusCode": code, "IsUserStatus": False}
        wanted = row | {"StatusShortName": short, "StatusName": text} if order.get(flag) == "X" else None
        if context.books.get(STATUS, key) != wanted:
            context.books.put(entity_set.name, key, wanted)


def flag(name: str, *, needs: str = "", not_yet: str = "") -> "Flag":
    """A function that sets one flag of an order."""
    return Flag(name, needs, not_yet or name)


class Flag:
    """Sets a flag; refused when it is set already, or when what it needs is not set."""

    def __init__(self, name: str, needs: str, not_yet: str) -> None:
        self._name, self._needs, self._not_yet = name, needs, not_yet

    def __call__(self, context: Context, arguments: Row) -> tuple[str, Row]:
        number = arguments["ManufacturingOrder"]
        order = context.row(ORDER, number)
        if self._name != "OrderIsClosed":
            _open(order)
        if order.get(self._not_yet) == "X":
            raise business("STANDIN/008", f"Order {number}: {self._not_yet} is set already")
        if self._needs and order.get(self._needs) != "X":
            raise business("STANDIN/009", f"Order {number}: {self._needs} is not set")
        context.set(ORDER, order, **{self._name: "X"})
        _restate(context, str(number))
        return ORDER, context.row(ORDER, number)


def release_operation(context: Context, arguments: Row) -> tuple[str, Row]:
    """ReleaseOperation."""
    for row in context.books.all(OPERATION):
        if all(row.get(name) == value for name, value in arguments.items()):
            if row.get("OperationIsReleased") == "X":
                raise business("STANDIN/008", "The operation is released already")
            return OPERATION, context.set(OPERATION, row, OperationIsReleased="X")
    raise business("STANDIN/404", "The operation does not exist")


def schedule_operation(context: Context, arguments: Row) -> tuple[str, Row]:
    """ScheduleProductionOrderOperation: the operation's start and end."""
    key = (arguments["OrderInternalBillOfOperations"], arguments["OrderIntBillOfOperationsItem"])
    row = context.row(OPERATION, *key)
    _open(context.row(ORDER, row["ManufacturingOrder"]))
    names = {
        "OpSchedldStartDate": "OpErlstSchedldExecStrtDte",
        "OpSchedldStartTime": "OpErlstSchedldExecStrtTme",
        "OpSchedldEndDate": "OpErlstSchedldExecEndDte",
        "OpSchedldEndTime": "OpErlstSchedldExecEndTme",
    }
    changes = {field: arguments[name] for name, field in names.items() if name in arguments}
    return OPERATION, context.set(OPERATION, row, OperationIsScheduled="X", **changes)


FUNCTIONS: dict[str, Callable[[Context, Row], tuple[str, Row]]] = {
    "ReleaseOrder": flag("OrderIsReleased"),
    "ReleaseOperation": release_operation,
    "TechlyCmpltOrder": flag("OrderIsTechnicallyCompleted", needs="OrderIsReleased"),
    "CloseOrder": flag("OrderIsClosed", needs="OrderIsTechnicallyCompleted"),
    "DeletionFlagOrder": flag("OrderIsMarkedForDeletion"),
    "DeliveryCompletedOrder": flag("OrderIsDelivered", needs="OrderIsReleased"),
    "OrderReleasedByMES": flag("OrderIsReleased"),
    "ScheduleProductionOrderOperation": schedule_operation,
}
