"""The control API's other half: orders, records and settings. See README.md."""

from collections import Counter
from typing import Annotated, Literal, get_args

from fastapi import APIRouter, HTTPException, Query
from pydantic import Field, ValidationError

from infra.phones.control import Last, Strict
from infra.phones.doors import Doors
from infra.phones.faults import Fault, Orders, Outage, Outcome, Sabotage
from infra.phones.records import Kind, Records, Vendor
from infra.phones.screen import Screens
from infra.phones.slack.events import SlackEvents
from infra.phones.slack.sockets import SlackSockets
from infra.phones.state import Json, State
from infra.plant.misfits import refusal


class Settings(Strict):
    """Settings to change, e.g. {"slack": {"interactivity_url": ...}, "twilio": {"inbound_url": ...}}."""

    slack: Json = Field(default_factory=dict)
    twilio: Json = Field(default_factory=dict)
    email: Json = Field(default_factory=dict)


class Ending(Strict):
    """How every WebSocket ends: announced for a reason, or cut without a word. A warning alone ends nothing."""

    reason: Literal["warning", "refresh_requested", "link_disabled", "cut"] = "refresh_requested"


def order_router(orders: Orders, doors: Doors) -> APIRouter:
    """Faults, spoiled callbacks and SMS outcomes on order."""
    router = APIRouter(prefix="/control")

    @router.post("/faults")
    async def fault(given: Fault) -> Fault:
        return orders.faults.append(given)

    @router.post("/sabotage")
    async def sabotage(given: Sabotage) -> Sabotage:
        return orders.sabotage.append(given)

    @router.post("/outcomes")
    async def outcome(given: Outcome) -> Outcome:
        return orders.outcomes.append(given)

    @router.post("/outages")
    async def outage(given: Outage) -> Outage:
        orders.outages.put(given.vendor, given)
        await doors.shut(given.vendor)
        return given

    @router.delete("/outages/{vendor}")
    async def up_again(vendor: Vendor) -> Json:
        orders.outages.remove(vendor)
        await doors.open(vendor)
        return {"ok": True}

    @router.get("/orders")
    async def open_orders() -> Json:
        return {
            "faults": [order.model_dump() for order in orders.faults],
            "sabotage": [order.model_dump() for order in orders.sabotage],
            "outcomes": [order.model_dump() for order in orders.outcomes],
            "outages": [order.model_dump() for order in orders.outages],
        }

    @router.delete("/orders")
    async def take_back() -> Json:
        orders.clear()
        await doors.open()
        return {"ok": True}

    return router


def record_router(state: State, screens: Screens, records: Records) -> APIRouter:
    """What was refused, called, sent and counted."""
    router = APIRouter(prefix="/control")

    @router.get("/health")
    async def health() -> Json:
        return {"ok": True, "revision": state.revision}

    @router.get("/wait")
    async def wait(after: int = 0, seconds: Annotated[float, Query(ge=0, le=60)] = 20.0) -> Json:
        return {"revision": await state.changed_after(after, seconds)}

    @router.get("/violations")
    async def violations(kind: Kind | None = None, vendor: Vendor | None = None, last: Last = None) -> list[Json]:
        found = [v for v in records.violations if kind in (None, v.kind) and vendor in (None, v.vendor)]
        return [v.model_dump() for v in found[-last if last else 0 :]]

    @router.get("/violations/count")
    async def violation_count() -> Json:
        kinds = Counter(violation.kind for violation in records.violations)
        return {"total": kinds.total(), **{kind: kinds[kind] for kind in get_args(Kind)}}

    @router.get("/calls")
    async def calls(vendor: Vendor | None = None, method: str | None = None, last: Last = None) -> list[Json]:
        found = [c for c in records.calls if vendor in (None, c.vendor) and method in (None, c.method)]
        return [c.model_dump() for c in found[-last if last else 0 :]]

    @router.get("/callbacks")
    async def callbacks(vendor: Vendor | None = None, last: Last = None) -> list[Json]:
        found = [c for c in records.callbacks if vendor in (None, c.vendor)]
        return [c.model_dump() for c in found[-last if last else 0 :]]

    @router.get("/counters")
    async def counters() -> Json:
        return screens.counters()

    @router.delete("/records")
    async def forget_records() -> Json:
        records.clear()
        return {"ok": True}

    return router


def settings_router(state: State, records: Records, orders: Orders, doors: Doors) -> APIRouter:
    """Settings that are known only when the product runs, and a fresh start."""
    router = APIRouter(prefix="/control")

    @router.get("/settings")
    async def settings() -> Json:
        secret = {
            "slack": {"bot_token", "app_token", "signing_secret"},
            "twilio": {"auth_token"},
            "email": {"password"},
        }
        return state.config.model_dump(exclude=secret)

    @router.patch("/settings")
    async def change(given: Settings) -> Json:
        try:
            state.configure(given.model_dump())
        except ValidationError as problem:
            raise HTTPException(422, refusal(problem.errors())) from None
        return {"ok": True}

    @router.post("/reset")
    async def reset() -> Json:
        state.reset()
        records.clear()
        orders.clear()
        await doors.open()
        return {"ok": True}

    @router.get("/addresses")
    async def addresses() -> Json:
        return dict(doors.addresses())

    return router


def socket_router(sockets: SlackSockets, events: SlackEvents) -> APIRouter:
    """What Slack does by itself: end WebSockets, and check the events URL."""
    router = APIRouter(prefix="/control/slack")

    @router.get("/sockets")
    async def links() -> list[Json]:
        return sockets.open_links()

    @router.post("/sockets")
    async def end(given: Ending) -> Json:
        return {"ended": await sockets.end(None if given.reason == "cut" else given.reason)}

    @router.post("/verify")
    async def verify() -> Json:
        return {"ok": await events.verify_url()}

    return router
