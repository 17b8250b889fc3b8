"""What the Tryton connector is: its named queries with their arguments, and what it books."""

from collections.abc import Mapping
from dataclasses import replace

from connectors.roles import Manifest, System
from domain.values import Json

MANIFEST = Manifest(
    name="tryton",
    title="Tryton 8.2 with the mfgos module",
    roles=("system",),
    extra="",
    secrets=("password",),
    queries={
        "erp.sales_demand": ("job_orders",),
        "erp.orders": ("job_orders",),
        "erp.lot": ("lot",),
        "erp.material": ("material", "quantity"),
        "erp.sale": ("sale",),
    },
    outcomes={
        "reschedule_orders": (),
        "record_downtime": (),
        "maintenance_order": (),
        "hold_lot": (),
        "dispose_lot": (),
        "record_deviation": (),
        "set_order_status": (),
        "set_priority": (),
        "create_order": (),
        "change_promise": (),
        "cancel_documents": (),
    },
    capabilities=("preview", "reverse", "reconcile"),
    atomic=True,
)


def manifest_for(settings: Mapping[str, Json]) -> Manifest:
    """Without our module (`module: false`) what stock models and buttons allow, outcome by outcome."""
    if settings.get("module", True):
        return MANIFEST
    kinds = ("reschedule_orders", *(("hold_lot", "dispose_lot") if settings.get("quarantine") else ()))
    queries = {name: where for name, where in MANIFEST.queries.items() if name != "erp.material"}
    title = "Tryton 8.2 without our module"
    return replace(MANIFEST, title=title, queries=queries, outcomes=dict.fromkeys(kinds, ()), atomic=False)


def build(settings: Mapping[str, Json]) -> System:
    """The System for these settings (see config.py), its secrets among them by name. Imports what it needs here."""
    from connectors.tryton.building import build as make
    from connectors.tryton.config import TrytonConfig

    secrets = {name: str(settings[name]) for name in MANIFEST.secrets if name in settings}
    plain = {name: value for name, value in settings.items() if name not in MANIFEST.secrets}
    return make(TrytonConfig.model_validate(plain), secrets)
