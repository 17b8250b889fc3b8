"""What the MES connector is: its named queries with their arguments (all optional unless README.md says otherwise)."""

from connectors.roles import Manifest

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
)
