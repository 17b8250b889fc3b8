"""What `mos connect erp` asks of an SAP system: credentials, services, permissions. Reads, and fetches a CSRF token."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import httpx

from connectors.sap.client import SapClient
from connectors.sap.config import SapConfig
from connectors.sap.facts import HEADER, NOTICE, ORDER, SALE
from connectors.sap.mapping import MAINTENANCE_ORDER
from connectors.sap.metadata import EntitySet
from connectors.sap.stamps import INSPECTION_LOT
from domain.errors import AuthError, MosError, NotFoundError, RateLimitedError, TransientError

_FIRST = {target.service: target for target in (ORDER, HEADER, NOTICE, MAINTENANCE_ORDER, INSPECTION_LOT, SALE)}
_OUTCOMES = {
    ORDER.service: "reschedule_orders, set_priority, create_order",
    HEADER.service: "hold_lot, dispose_lot",
    NOTICE.service: "record_downtime, maintenance_order",
    MAINTENANCE_ORDER.service: "maintenance_order",
    INSPECTION_LOT.service: "record_deviation",
    SALE.service: "change_promise, erp.sale",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was tried. `subject`: connection, sign-in or a service; `message` says what to do."""

    level: Literal["ok", "warning", "error"]
    subject: str
    message: str
    detail: str = ""


async def probe(
    config: SapConfig, secrets: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None
) -> list[Finding]:
    """Stops at the first finding that makes the rest pointless. Never raises for what SAP says."""
    secret = secrets.get("client_secret" if config.oauth else "password", "")
    client = SapClient(config, secret, transport)
    try:
        return await _probe(client, config)
    finally:
        await client.close()


async def _probe(client: SapClient, config: SapConfig) -> list[Finding]:
    findings: list[Finding] = []
    refused = 0
    for service in config.services:
        finding, denied = await _service(client, _FIRST[service])
        findings.append(finding)
        refused += denied
        if finding.subject == "connection":
            return findings
    if config.services and refused == len(config.services):
        return [Finding("error", "sign-in", "SAP refuses our user everywhere: check user, password and client.")]
    return [*findings, await _token(client, config)]


async def _service(client: SapClient, target: EntitySet) -> tuple[Finding, bool]:
    what = _OUTCOMES[target.service]
    try:
        await client.reachable(target.service)
        await client.find(target, target.compare(target.keys[0], "eq", ""), top=1)
    except AuthError as error:
        message = f"Our user may not use it: give it S_SERVICE for it, and display rights. Needed for {what}."
        return Finding("error", target.service, message, error.detail), True
    except NotFoundError as error:
        message = (
            f"Not active: activate it (/IWFND/MAINT_SERVICE, or the communication arrangement). Needed for {what}."
        )
        return Finding("error", target.service, message, error.detail), False
    except RateLimitedError as error:
        return Finding("warning", "connection", error.message, error.detail), False
    except TransientError as error:
        return Finding("error", "connection", error.message, error.detail), False
    except MosError as error:
        return Finding("error", target.service, error.message, error.detail), False
    return Finding("ok", target.service, f"Can be read. For {what}."), False


async def _token(client: SapClient, config: SapConfig) -> Finding:
    """Postings need a CSRF token and its cookies."""
    try:
        await client.ready_to_write(config.services[0])
    except MosError as error:
        return Finding("error", "postings", error.message, error.detail)
    message = "A CSRF token was given. Rights to change are only seen when something is posted: try a dry run first."
    return Finding("ok", "postings", message)
