"""Refusals in the form of OData v4: `{"error": {"code", "message", "target", "details"}}`. Codes are the stand-in's."""

import json

from infra.standins.sap.errors import Refusal
from infra.standins.sap.operations import Answer


def malformed(message: str, target: str = "") -> Refusal:
    """A call that the metadata or the protocol does not allow."""
    return Refusal(400, "STANDIN/400", message, target=target)


def not_found(what: str) -> Refusal:
    """No such resource."""
    return Refusal(404, "STANDIN/404", f"Resource not found for {what}", kind="state")


def not_played(what: str) -> Refusal:
    """The service may well do it; the stand-in does not."""
    return Refusal(501, "STANDIN/501", f"The stand-in does not play {what}")


def refused(refusal: Refusal) -> Answer:
    """The answer that tells of a refusal."""
    error = {"code": refusal.code, "message": refusal.message, "target": refusal.target}
    body = {"error": error | {"details": [{"code": refusal.code, "message": refusal.message}]}}
    headers = {"content-type": "application/json", "odata-version": "4.0"}
    return Answer(refusal.status, json.dumps(body).encode(), headers, refusal.kind, f"{refusal.code} {refusal.message}")
