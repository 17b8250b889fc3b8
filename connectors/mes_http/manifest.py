"""What the MES connector is: its named queries with their arguments (all optional unless README.md says otherwise), and
what it takes."""

from collections.abc import Mapping

from connectors.roles import Manifest, System
from domain.values import Json

MANIFEST = Manifest(
    name="mes_http",
    title="MES over HTTP (job orders, dispatch list, inspections)",
    roles=("system",),
    extra="",
    secrets=("token",),
    queries={
        "mes.job_orders": ("equipment", "job_orders", "horizon"),
        "mes.plan": (),
        "mes.staging": ("job_orders", "equipment"),
        "mes.lot": ("lot",),
        "mes.inspection": ("inspection",),
        "mes.equipment": ("equipment",),
    },
    outcomes={"update_dispatch_list": (), "create_order": ("works",), "set_order_status": (), "cancel_documents": ()},
    capabilities=("preview", "reverse", "reconcile"),
)


def build(settings: Mapping[str, Json]) -> System:
    """The System for these settings (see config.py), its secrets among them by name. Imports what it needs here."""
    from connectors.mes_http.config import MesConfig
    from connectors.mes_http.connector import build as make

    secrets = {name: str(settings[name]) for name in MANIFEST.secrets if name in settings}
    plain = {name: value for name, value in settings.items() if name not in MANIFEST.secrets}
    return make(MesConfig.model_validate(plain), secrets)
