"""SAP's error answers as the domain's errors, by status and code. Pure; no sentence is read.

Body: `{"error": {"code": "..", "message": {"lang", "value"}, "innererror": {"errordetails": [{"code", "message",
"severity"}]}}}` (OData 2.0 JSON, SAP Gateway), or `{"error": {"code", "message", "details": [{"code", "message"}]}}`
(OData 4.0).
"""

import json
from collections.abc import Sequence

from domain.errors import (
    AuthError,
    ConflictError,
    InvariantError,
    MosError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
)
from domain.values import Json

_KINDS: dict[int, tuple[type[MosError], str]] = {
    401: (AuthError, "SAP refused our credentials: renew them in its connector's settings."),
    403: (AuthError, "SAP refused our user: its authorisations lack something."),
    404: (NotFoundError, "SAP does not know it."),
    405: (InvariantError, "SAP does not allow what we asked for: report this."),
    409: (ConflictError, "It changed in SAP meanwhile: look again."),
    412: (ConflictError, "It changed in SAP meanwhile: look again."),
    415: (InvariantError, "SAP does not understand our request: report this."),
    428: (InvariantError, "SAP wants a version that we did not send: report this."),
    501: (InvariantError, "SAP's service does not offer what we asked for: report this."),
}


def error_of(status: int, body: str, *, writes: bool) -> MosError:
    """For a status of 400 and more. A posting that failed inside SAP (5xx) is unknown until it was looked up."""
    detail = f"HTTP {status}: {said(body)}"
    if status >= 500 and status != 501 and writes:
        return OutcomeUnknownError("SAP failed over a posting; it is looked up by its key.", detail=detail)
    kind, message = _KINDS.get(status, (RejectedError, "SAP refused."))
    return kind(message, detail=detail, code=f"sap.{status}")


def said(body: str) -> str:
    """What SAP's people need to find it: code and messages, bounded."""
    try:
        error = json.loads(body)["error"]
        message = error["message"]
    except (ValueError, KeyError, TypeError):
        return body[:200]
    first = message.get("value", "") if isinstance(message, dict) else str(message)
    return " ".join([str(error.get("code", "")), str(first), *_details(error)])[:500].strip()


def said_in(body: Json) -> str:
    """The text of an error that is part of a JSON answer, for `error_of`."""
    return json.dumps(body) if isinstance(body, dict) else str(body or "")


def _details(error: Json) -> Sequence[str]:
    inner = error.get("innererror") if isinstance(error, dict) else None
    details = inner.get("errordetails") if isinstance(inner, dict) else None
    details = details or (error.get("details") if isinstance(error, dict) else None)
    if not isinstance(details, list):
        return []
    return [f"[{item.get('code', '')}] {item.get('message', '')}" for item in details[:3] if isinstance(item, dict)]
