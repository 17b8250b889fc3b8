"""What the Odoo connector is: its named queries with their arguments, and what it books."""

from collections.abc import Mapping
from dataclasses import replace

from connectors.roles import Manifest, System
from domain.values import Json

_COMMUNITY = ("reschedule_orders", "set_priority", "record_downtime", "maintenance_order", "create_order")
MANIFEST = Manifest(
    name="odoo",
    title="Odoo (JSON-2 of 19 and later, JSON-RPC before)",
    roles=("system",),
    extra="",
    secrets=("api_key",),
    queries={"erp.orders": ("job_orders",), "erp.sales_demand": ("job_orders",), "erp.sale": ("sale",)},
    outcomes=dict.fromkeys((*_COMMUNITY, "change_promise", "cancel_documents"), ()),
    capabilities=("preview", "reverse", "reconcile"),
)


def manifest_for(settings: Mapping[str, Json]) -> Manifest:
    """With what the Enterprise edition books beyond the Community one, and lots where held ones have a place."""
    more = {"record_deviation": ()} if settings.get("enterprise") else {}
    more |= {"hold_lot": (), "dispose_lot": ()} if settings.get("quarantine") else {}
    return replace(MANIFEST, outcomes={**MANIFEST.outcomes, **more})


def build(settings: Mapping[str, Json]) -> System:
    """The System for these settings (see config.py), its secrets among them by name. Imports what it needs here."""
    from connectors.odoo.config import OdooConfig
    from connectors.odoo.connector import build as make

    secrets = {name: str(settings[name]) for name in MANIFEST.secrets if name in settings}
    plain = {name: value for name, value in settings.items() if name not in MANIFEST.secrets}
    return make(OdooConfig.model_validate(plain), secrets)
