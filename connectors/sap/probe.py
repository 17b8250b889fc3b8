"""What `mos connect` asks of an SAP system: credentials, services, permissions. Reads, and fetches CSRF tokens."""

from connectors.probing import Finding, tried
from connectors.sap.clients import SapClients
from connectors.sap.config import SapConfig
from connectors.sap.facts import HEADER, NOTICE, ORDER
from connectors.sap.mapping import MAINTENANCE_ORDER
from connectors.sap.metadata import EntitySet
from connectors.sap.sales import sales_of
from connectors.sap.stamps import INSPECTION_LOT

_SALE, _SALE4 = sales_of("v2").header, sales_of("v4").header
_FIRST = {
    target.service: target for target in (ORDER, HEADER, NOTICE, MAINTENANCE_ORDER, INSPECTION_LOT, _SALE, _SALE4)
}
_OUTCOMES = {
    ORDER.service: "reschedule_orders, set_priority, create_order",
    HEADER.service: "hold_lot, dispose_lot, record_deviation",
    NOTICE.service: "record_downtime, maintenance_order",
    MAINTENANCE_ORDER.service: "maintenance_order",
    INSPECTION_LOT.service: "record_deviation",
    _SALE.service: "change_promise, erp.sale",
    _SALE4.service: "change_promise, erp.sale",
}
_ACTIVATE = "Activate it (/IWFND/MAINT_SERVICE, or the communication arrangement) and give our user S_SERVICE for it"
_PUBLISH = (
    "It is OData v4 ({}): publish its service group (/IWFND/V4_ADMIN, or the communication arrangement) and give our "
    "user S_START for it"
)


async def probe(client: SapClients, config: SapConfig) -> list[Finding]:
    """One finding for each service in use, and one for each CSRF token. A missing service blocks only its outcomes.
    Rights to change are seen when something is posted, not before. Raises TransientError when nobody answers."""
    targets = [_FIRST[service] for service in config.services]
    findings = [await _service(client, target) for target in targets]
    there = [target for target, finding in zip(targets, findings, strict=True) if finding.ok]
    if findings and not there:
        advice = "SAP refuses every service: check user, password, client and path first."
        findings.insert(0, Finding("sign-in", False, advice))
    if v2 := [target for target in targets if not target.path]:
        findings.append(await tried("CSRF token", client.ready_to_write(v2[0])))
    return [*findings, *[await _token4(client, target) for target in there if target.path]]


async def _token4(client: SapClients, target: EntitySet) -> Finding:
    """OData v4 has a path, and so a session, of its own."""
    return await tried(f"CSRF token of {target.service}", client.ready_to_write(target), blocks=False)


async def _service(client: SapClients, target: EntitySet) -> Finding:
    """Display rights are tried by a question that nothing answers."""
    how = _PUBLISH.format(target.path) if target.path else _ACTIVATE
    advice = f"Needed for {_OUTCOMES[target.service]}. {how} with display rights; or leave it out of services."
    asked = client.find(target, target.compare(target.keys[0], "eq", ""), top=1)
    return await tried(target.service, asked, advice=advice, blocks=False)
