"""Maintenance notifications and orders. Nothing keeps two alike apart: the external reference is not unique."""

from collections.abc import Callable, Mapping

from infra.standins.sap.books import Row, set_named
from infra.standins.sap.context import Context
from infra.standins.sap.errors import business
from infra.standins.sap.payloads import Children

NOTIFICATION, ORDER = "MaintenanceNotification", "MaintenanceOrder"
_OPEN, _IN_PROCESS, _COMPLETED = "1", "3", "4"


def create_notification(context: Context, row: Row, below: Children) -> Row:
    """A new notification, outstanding."""
    context.need(row, ("NotificationType", "NotificationText"))
    context.in_plant(row, "MaintenancePlanningPlant", "MaintenancePlant", "MainWorkCenterPlant")
    _technical_object(context, row)
    if row.get("MaintNotifExtReferenceNumber"):
        row["MaintNotifExtReferenceNumber"] = str(row["MaintNotifExtReferenceNumber"]).upper()
    entity_set = set_named(NOTIFICATION)
    made: Row = row | {
        "MaintenanceNotification": str(context.books.next_number(NOTIFICATION)),
        "NotifProcessingPhase": _OPEN,
        "NotifProcessingPhaseDesc": "Outstanding",
        "CreationDate": context.today,
        "CreationTime": context.time_of_day,
        "MaintenanceObjectIsDown": bool(row.get("MaintenanceObjectIsDown")),
    }
    context.books.save(entity_set, context.touch(entity_set, made))
    return made


def _technical_object(context: Context, row: Row) -> None:
    name = row.get("TechnicalObject")
    if name and row.get("TechObjIsEquipOrFuncnlLoc") not in ("EAMS_EQUI", "EAMS_FL"):
        raise business("STANDIN/015", "TechObjIsEquipOrFuncnlLoc must be EAMS_EQUI or EAMS_FL")
    if name and row["TechObjIsEquipOrFuncnlLoc"] == "EAMS_EQUI" and name not in context.plant.equipment:
        raise business("STANDIN/016", f"Equipment {name} does not exist")


def check_notification(context: Context, before: Row, changes: Mapping[str, object]) -> None:
    """A completed notification takes no more changes."""
    if before["NotifProcessingPhase"] == _COMPLETED:
        raise business("STANDIN/017", f"Notification {before['MaintenanceNotification']} is completed")


def _phase(phase: str, text: str, allowed: tuple[str, ...]) -> Callable[[Context, Row], tuple[str, Row]]:
    def act(context: Context, arguments: Row) -> tuple[str, Row]:
        row = context.row(NOTIFICATION, arguments["MaintenanceNotification"])
        if row["NotifProcessingPhase"] not in allowed:
            message = f"Notification {row['MaintenanceNotification']} is {row['NotifProcessingPhaseDesc']}"
            raise business("STANDIN/018", message)
        dates = {name: value for name, value in arguments.items() if name.startswith("NotificationReference")}
        return NOTIFICATION, context.set(
            NOTIFICATION, row, NotifProcessingPhase=phase, NotifProcessingPhaseDesc=text, **dates
        )

    return act


def create_order(context: Context, row: Row, below: Children) -> Row:
    """A new maintenance order; a notification that it names is assigned to it."""
    context.need(row, ("MaintenanceOrderType", "MaintenanceOrderDesc"))
    context.in_plant(row, "MaintenancePlanningPlant", "MaintenancePlant", "MainWorkCenterPlant")
    if row.get("Equipment") and row["Equipment"] not in context.plant.equipment:
        raise business("STANDIN/016", f"Equipment {row['Equipment']} does not exist")
    if row.get("MaintenanceOrder"):
        raise business("STANDIN/019", "Maintenance orders are numbered by the system")
    entity_set = set_named(ORDER)
    made: Row = row | {
        "MaintenanceOrder": str(context.books.next_number(ORDER)),
        "MaintOrdProcessPhaseCode": "01",
        "SystemStatusText": "CRTD",
    }
    context.books.save(entity_set, context.touch(entity_set, made))
    if row.get("MaintenanceNotification"):
        _assign(context, made, row["MaintenanceNotification"])
    return made


def _assign(context: Context, order: Row, number: object) -> None:
    notification = context.row(NOTIFICATION, number)  # type: ignore[arg-type]
    if notification.get("MaintenanceOrder"):
        taken = notification["MaintenanceOrder"]
        raise business("STANDIN/020", f"Notification {number} is assigned to order {taken} already")
    context.set(NOTIFICATION, notification, MaintenanceOrder=order["MaintenanceOrder"])


def assign(context: Context, arguments: Row) -> tuple[str, Row]:
    """AssignMaintNotificationToOrder."""
    order = context.row(ORDER, arguments["MaintenanceOrder"])
    _assign(context, order, arguments["MaintenanceNotification"])
    return ORDER, context.set(ORDER, order, MaintenanceNotification=arguments["MaintenanceNotification"])


def _status(word: str, phase: str, needs: str = "") -> Callable[[Context, Row], tuple[str, Row]]:
    def act(context: Context, arguments: Row) -> tuple[str, Row]:
        order = context.row(ORDER, arguments["MaintenanceOrder"])
        status = str(order["SystemStatusText"]).split()
        if word in status or (needs and needs not in status):
            raise business("STANDIN/021", f"Order {order['MaintenanceOrder']} has status {' '.join(status)}")
        text = " ".join([*status, word])
        return ORDER, context.set(ORDER, order, SystemStatusText=text, MaintOrdProcessPhaseCode=phase)

    return act


FUNCTIONS = {
    "SetMaintNotifToInProcess": _phase(_IN_PROCESS, "In process", (_OPEN,)),
    "CompleteMaintNotification": _phase(_COMPLETED, "Completed", (_OPEN, _IN_PROCESS)),
    "AssignMaintNotificationToOrder": assign,
    "ScheduleMaintenanceOrder": _status("SCHD", "02"),
    "ReleaseMaintenanceOrder": _status("REL", "03"),
    "SetMaintOrdToTechCompleted": _status("TECO", "05", needs="REL"),
    "SetMaintOrderStatusToClosed": _status("CLSD", "06", needs="TECO"),
}
