"""What the Tryton connector is: its named queries with their arguments."""

from connectors.roles import Manifest

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
)
