"""A refusal, in the form of OData v2: `{"error": {"code", "message": {"lang", "value"}, "innererror"}}`."""

from collections.abc import Callable
from typing import Any


class Refusal(Exception):
    """One refused call. `kind`: `request` breaks what the metadata or the protocol says, `state` is too late or not
    allowed now, `login` is about credentials and tokens."""

    def __init__(self, status: int, code: str, message: str, *, target: str = "", kind: str = "request") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.target, self.kind = status, code, message, target, kind

    def body(self) -> dict[str, Any]:
        """The error document."""
        detail = {"code": self.code, "message": self.message, "propertyref": self.target, "severity": "error"}
        return {
            "error": {
                "code": self.code,
                "message": {"lang": "en", "value": self.message},
                "innererror": {"errordetails": [detail]},
            }
        }


Refusing = Callable[[str], Refusal]
"""How a version of OData refuses what it can't read."""


def not_found(what: str) -> Refusal:
    """No such resource."""
    return Refusal(404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for {what}", kind="state")


def malformed(message: str, target: str = "") -> Refusal:
    """A call that the metadata or the protocol does not allow."""
    return Refusal(400, "/IWBEP/CM_MGW_RT/016", message, target=target)


def business(code: str, message: str) -> Refusal:
    """A well-formed call that the books do not allow now."""
    return Refusal(400, code, message, kind="state")
