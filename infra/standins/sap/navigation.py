"""Where navigation properties lead: mostly told by their names, the others listed."""

from collections.abc import Iterable

_LISTED = {
    "to_ProductionOrderComponentExt": "A_ProductionOrderComponent_3",
    "to_ProductionOrderComponentExt4": "A_ProductionOrderComponent_4",
    "to_SerialNumbers": "A_SerialNumberMaterialDocument",
    "to_Notif": "MaintenanceNotification",
    "to_ItemActivity": "MaintNotificationItemActivity",
    "to_ItemCause": "MaintNotificationItemCause",
    "to_MaintenanceOrderComponent": "MaintOrderOpComponent",
    "to_MaintenanceOrderOpComponent": "MaintOrderOpComponent",
    "to_InspResultValue": "A_InspectionResultValue",
    "to_InspSmplResult": "A_InspSampleResult",
    "to_PaymentPlanItemDetails": "A_SlsOrdPaymentPlanItemDetails",
    "to_ScheduleLine": "A_SalesOrderScheduleLine",
    "to_ValueAddedService": "A_SalesOrderValAddedSrvc",
}
_BY_SOURCE = {
    ("MaintenanceNotification", "to_Item"): "MaintenanceNotificationItem",
    ("MaintenanceNotification", "to_Partner"): "MaintenanceNotificationPartner",
    ("MaintNotificationItemActivity", "to_Item"): "MaintenanceNotificationItem",
    ("MaintNotificationItemCause", "to_Item"): "MaintenanceNotificationItem",
    ("A_SalesOrder", "to_Item"): "A_SalesOrderItem",
    ("A_SalesOrder", "to_Partner"): "A_SalesOrderHeaderPartner",
    ("A_SalesOrder", "to_PricingElement"): "A_SalesOrderHeaderPrElement",
    ("A_SalesOrder", "to_Text"): "A_SalesOrderText",
    ("A_SalesOrderItem", "to_Partner"): "A_SalesOrderItemPartner",
    ("A_SalesOrderItem", "to_PricingElement"): "A_SalesOrderItemPrElement",
    ("A_SalesOrderItem", "to_Text"): "A_SalesOrderItemText",
}


def target_of(source: str, name: str, sets: Iterable[str]) -> str | None:
    """The entity set that `name` of `source` leads to; None for parameterised views, which the stand-in leaves out."""
    plain = name.removeprefix("to_")
    listed = _BY_SOURCE.get((source, name)) or _LISTED.get(name)
    candidates = (listed, plain, f"A_{plain}", f"A_{plain}_2")
    return next((item for item in candidates if item in set(sets)), None)
