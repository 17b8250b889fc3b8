"""Faults on order: what the vendors do wrong next, towards the product's calls and in their own callbacks."""

from typing import Literal, TypeVar

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.phones.documents import Collection, Documents
from infra.phones.records import Vendor

FaultKind = Literal["rate_limit", "server_error", "drop_before", "drop_after", "delay", "reject"]
SabotageKind = Literal[
    "wrong_secret",
    "unsigned",
    "stale",
    "tampered",
    "wrong_team",
    "wrong_app",
    "wrong_account",
    "repeat",
    "lost",
    "late",
]


class Fault(BaseModel):
    """The next `times` calls of `method` (None = any) fail so. `drop_after`: done, but the answer is lost; `reject`:
    refused for good (e-mail only)."""

    model_config = ConfigDict(extra="forbid")
    vendor: Vendor
    kind: FaultKind
    method: str | None = None
    times: int = Field(default=1, ge=1)
    retry_after: int = Field(default=1, ge=0)
    seconds: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _only_mail_is_rejected(self) -> "Fault":
        if self.kind == "reject" and self.vendor != "email":
            raise ValueError("Slack and Twilio refuse by rules; only e-mail can be rejected on order")
        return self


class Sabotage(BaseModel):
    """The next `times` callbacks are spoiled so; `callback` limits it to e.g. block_actions or inbound."""

    model_config = ConfigDict(extra="forbid")
    vendor: Vendor
    kind: SabotageKind
    callback: str | None = None
    times: int = Field(default=1, ge=1)


class Outcome(BaseModel):
    """What becomes of the next `times` messages (or calls, when `status` is one of a call) to `phone`: refused at once
    (`refuse`), or accepted and then failed."""

    model_config = ConfigDict(extra="forbid")
    phone: str
    channel: Literal["sms", "whatsapp", "voice"] | None = None  # None: whatever comes first
    refuse: int | None = None
    status: Literal["undelivered", "failed", "sent", "queued", "busy", "no-answer"] | None = None
    error_code: int | None = None
    answered_by: Literal["human", "machine_start", "unknown"] | None = None  # a call is answered so
    times: int = Field(default=1, ge=1)


class Outage(BaseModel):
    """A vendor is down: connections are refused until it is up again."""

    model_config = ConfigDict(extra="forbid")
    vendor: Vendor


T = TypeVar("T", Fault, Sabotage, Outcome)


class Orders:
    """The open orders, kept over a restart and used up oldest first."""

    def __init__(self, documents: Documents) -> None:
        self.faults = Collection(documents, "faults", Fault)
        self.sabotage = Collection(documents, "sabotage", Sabotage)
        self.outcomes = Collection(documents, "outcomes", Outcome)
        self.outages = Collection(documents, "outages", Outage)

    def take_faults(self, vendor: Vendor, method: str, *, exact: bool = False) -> list[Fault]:
        """The delay and the failure ordered for this call (at most one each), used up once; `exact`: by its name."""
        found: dict[bool, Fault] = {}
        for key, fault in self.faults.items():
            is_delay = fault.kind == "delay"
            fits = fault.method == method or (fault.method is None and not exact)
            if fault.vendor == vendor and fits and is_delay not in found:
                found[is_delay] = fault
                _use(self.faults, key, fault)
        return list(found.values())

    def take_sabotage(self, vendor: Vendor, callback: str) -> SabotageKind | None:
        """How this callback is to be spoiled, used up once."""
        for key, order in self.sabotage.items():
            if order.vendor == vendor and order.callback in (None, callback):
                _use(self.sabotage, key, order)
                return order.kind
        return None

    def take_refusal(self, phone: str, channel: str) -> int | None:
        """The code with which a message or call to `phone` is to be refused, used up once."""
        found = self._outcome(phone, channel, refused=True)
        return found.refuse if found else None

    def take_outcome(self, phone: str, channel: str) -> Outcome | None:
        """What is to become of an accepted message or call to `phone`, used up once."""
        return self._outcome(phone, channel, refused=False)

    def _outcome(self, phone: str, channel: str, *, refused: bool) -> Outcome | None:
        for key, order in self.outcomes.items():
            fits = order.phone == phone and order.channel in (None, channel)
            if fits and (order.refuse is not None) == refused:
                _use(self.outcomes, key, order)
                return order
        return None

    def clear(self) -> None:
        """Take every order back."""
        for orders in (self.faults, self.sabotage, self.outcomes, self.outages):
            orders.clear()

    def is_down(self, vendor: Vendor) -> bool:
        """Whether this vendor is down on order."""
        return self.outages.get(vendor) is not None


class Dropped(Response):
    """No answer at all: the connection is closed, whatever was done stays done."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Abort the transport that the server put into the scope, then wait until the server has noticed."""
        scope["phones.transport"].abort()
        while (await receive())["type"] != "http.disconnect":
            continue


def _use(orders: Collection[T], key: str, order: T) -> None:
    if order.times <= 1:
        orders.remove(key)
    else:
        orders.put(key, order.model_copy(update={"times": order.times - 1}))


_PATHS: dict[str, Vendor] = {"/slack/": "slack", "/twilio/": "twilio"}


class Blackout:
    """ASGI: on the shared port, where a connection cannot be refused, a vendor that is down drops every request."""

    def __init__(self, app: ASGIApp, orders: Orders) -> None:
        self.app, self.orders = app, orders

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Drop, or hand on."""
        path = scope.get("path", "")
        down = [v for start, v in _PATHS.items() if path.startswith(start) and self.orders.is_down(v)]
        await (Dropped() if down else self.app)(scope, receive, send)
