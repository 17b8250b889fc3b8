"""What our user may do in a Tryton: asked for, without changing anything."""

from connectors.probing import Finding, tried
from connectors.tryton.client import TrytonClient
from domain.errors import NotFoundError, RejectedError

_POSTING = "mfgos.posting"
_GROUP = "Put our user into the group Manufacturing OS / Postings"
_READS = {
    "production": ("reference", "priority", "hold"),
    "production.work": ("sequence", "planned_start", "planned_end"),
    "production.work.center": ("code", "status"),
    "production.work.center.downtime": ("reference",),
    "maintenance.order": ("title",),
    "quality.alert": ("title",),
    "product.product": ("code",),
    "sale.sale": ("reference", "promised_at"),
    "sale.line": ("sale",),
    "stock.location": ("quarantine",),
    "stock.lot": ("number", "hold"),
    "stock.move": ("lot",),
    "stock.shipment.internal": ("number",),
}
"""What questions, previews and postings look up; some of the fields are our module's."""


async def probe(client: TrytonClient) -> list[Finding]:
    """The module first: without it nothing else can be. Raises TransientError, AuthError when we can't sign in."""
    advice = "Install the module mfgos in this database (infra/erp/mfgos), and put our user into its group."
    advice += " Or go without it, with what that costs: --set module=false."
    found = [await tried(f"read {_POSTING}", client.search_read(_POSTING, [], ["key"], limit=1), advice=advice)]
    if not found[0].ok:
        return [Finding(found[0].what, False, f"{advice} Tryton said: {found[0].advice}".rstrip())]
    found.append(await tried(f"create {_POSTING}", _may_post(client)))
    for model, fields in _READS.items():
        found.append(await tried(f"read {model}", client.search_read(model, [], fields, limit=1)))
    if all(one.ok for one in found):
        advice = "Mark a location of the warehouse as such: without one no lot is held."
        found.append(await tried("a quarantine location", _quarantine(client), advice=advice, blocks=False))
    return found


async def _quarantine(client: TrytonClient) -> None:
    if not await client.search_read("stock.location", [["quarantine", "=", True]], ["quarantine"], limit=1):
        raise NotFoundError("There is none.")


async def _may_post(client: TrytonClient) -> None:
    if not (await client.access(_POSTING)).get("create"):
        raise RejectedError(f"{_GROUP}: it may not post.")
