"""What the ERPNext connector is: its named queries with their arguments, and what it books."""

from collections.abc import Mapping

from connectors.roles import Manifest, System
from domain.values import Json

MANIFEST = Manifest(
    name="erpnext",
    title="ERPNext over Frappe's REST interface",
    roles=("system",),
    extra="",
    secrets=("api_secret",),
    queries={"erp.orders": ("job_orders",), "erp.sales_demand": ("job_orders",), "erp.sale": ("sale",)},
    outcomes={
        "reschedule_orders": (),
        "record_downtime": ("end",),
        "maintenance_order": (),
        "hold_lot": (),
        "dispose_lot": (),
        "record_deviation": (),
        "cancel_documents": (),
    },
    capabilities=("preview", "reverse", "reconcile"),
)


def build(settings: Mapping[str, Json]) -> System:
    """The System for these settings (see config.py), its secrets among them by name. Imports what it needs here."""
    from connectors.erpnext.config import ErpNextConfig
    from connectors.erpnext.connector import build as make

    secrets = {name: str(settings[name]) for name in MANIFEST.secrets if name in settings}
    plain = {name: value for name, value in settings.items() if name not in MANIFEST.secrets}
    return make(ErpNextConfig.model_validate(plain), secrets)
