"""What `mos connect` asks of an SAP system: credentials, services, permissions. Reads, and fetches a CSRF token."""

from connectors.probing import Finding, tried
from connectors.sap.client import SapClient
from connectors.sap.config import SapConfig
from connectors.sap.facts import HEADER, NOTICE, ORDER, SALE
from connectors.sap.mapping import MAINTENANCE_ORDER
from connectors.sap.metadata import EntitySet
from connectors.sap.stamps import INSPECTION_LOT

_FIRST = {target.service: target for target in (ORDER, HEADER, NOTICE, MAINTENANCE_ORDER, INSPECTION_LOT, SALE)}
_OUTCOMES = {
    ORDER.service: "reschedule_orders, set_priority, create_order",
    HEADER.service: "hold_lot, dispose_lot, record_deviation",
    NOTICE.service: "record_downtime, maintenance_order",
    MAINTENANCE_ORDER.service: "maintenance_order",
    INSPECTION_LOT.service: "record_deviation",
    SALE.service: "change_promise, erp.sale",
}


async def probe(client: SapClient, config: SapConfig) -> list[Finding]:
    """One finding for each service in use, and one for the CSRF token. A missing service blocks only its outcomes.
    Rights to change are seen when something is posted, not before. Raises TransientError when nobody answers."""
    findings = [await _service(client, _FIRST[service]) for service in config.services]
    if findings and not any(finding.ok for finding in findings):
        advice = "SAP refuses every service: check user, password, client and path first."
        findings.insert(0, Finding("sign-in", False, advice))
    token = await tried("CSRF token", client.ready_to_write(config.services[0]))
    return [*findings, token]


async def _service(client: SapClient, target: EntitySet) -> Finding:
    """Display rights are tried by a question that nothing answers."""
    advice = (
        f"Needed for {_OUTCOMES[target.service]}. Activate it (/IWFND/MAINT_SERVICE, or the communication arrangement) "
        "and give our user S_SERVICE for it with display rights; or leave it out of services."
    )
    asked = client.find(target, target.compare(target.keys[0], "eq", ""), top=1)
    return await tried(target.service, asked, advice=advice, blocks=False)
