"""What the SAP connector is: its named queries with their arguments, and what it books."""

from collections.abc import Mapping

from connectors.roles import Manifest, System
from domain.values import Json

MANIFEST = Manifest(
    name="sap",
    title="SAP S/4HANA (OData v2 and v4 services)",
    roles=("system",),
    extra="",
    secrets=("password", "client_secret"),
    queries={
        "erp.sales_demand": ("job_orders",),
        "erp.orders": ("job_orders",),
        "erp.lot": ("lot",),
        "erp.sale": ("sale",),
    },
    outcomes={
        "reschedule_orders": (),
        "record_downtime": (),
        "maintenance_order": (),
        "hold_lot": (),
        "dispose_lot": (),
        "record_deviation": (),
        "set_priority": (),
        "create_order": (),
        "change_promise": (),
    },
    capabilities=("preview", "reverse", "reconcile"),
)


def build(settings: Mapping[str, Json]) -> System:
    """The System for these settings (see config.py), its secrets among them by name. Imports what it needs here."""
    from connectors.sap.config import SapConfig
    from connectors.sap.connector import build as make

    secrets = {name: str(settings[name]) for name in MANIFEST.secrets if name in settings}
    plain = {name: value for name, value in settings.items() if name not in MANIFEST.secrets}
    return make(SapConfig.model_validate(plain), secrets)
