"""What a test suite may count: each API call, each refusal, each callback and how it was answered."""

import time
from typing import Literal

from pydantic import BaseModel

from infra.phones.documents import Collection, Documents

Vendor = Literal["slack", "twilio", "email"]
Kind = Literal["request", "state", "rate", "answer"]


class Violation(BaseModel):
    """A refusal. `request`: the call breaks the vendor's rules; `state`: well formed but too late or not allowed now
    (expired trigger, opted out, hash conflict); `rate`: too fast; `answer`: the product answered a callback badly."""

    at: float
    vendor: Vendor
    method: str
    kind: Kind
    error: str
    detail: list[str] = []


class Call(BaseModel):
    """One API call and its result; `fault` names the fault that was ordered for it."""

    at: float
    vendor: Vendor
    method: str
    status: int
    error: str | None = None
    fault: str | None = None


class Callback(BaseModel):
    """One signed call to the product; `status` None = no answer within the vendor's patience."""

    at: float
    vendor: Vendor
    kind: str
    url: str
    status: int | None = None
    milliseconds: float = 0.0
    error: str | None = None
    sabotage: str | None = None
    body: str = ""
    answer: str = ""


class Records:
    """The three logs, kept over a restart."""

    def __init__(self, documents: Documents) -> None:
        self.violations = Collection(documents, "violations", Violation)
        self.calls = Collection(documents, "calls", Call)
        self.callbacks = Collection(documents, "callbacks", Callback)

    def violation(self, vendor: Vendor, method: str, kind: Kind, error: str, *detail: str) -> None:
        """Keep one refusal."""
        found = Violation(at=time.time(), vendor=vendor, method=method, kind=kind, error=error, detail=list(detail))
        self.violations.append(found)

    def call(
        self, vendor: Vendor, method: str, status: int, error: str | None = None, fault: str | None = None
    ) -> None:
        """Keep one API call."""
        self.calls.append(Call(at=time.time(), vendor=vendor, method=method, status=status, error=error, fault=fault))

    def clear(self) -> None:
        """Empty the logs."""
        for log in (self.violations, self.calls, self.callbacks):
            log.clear()
