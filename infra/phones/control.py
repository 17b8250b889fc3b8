"""The control API: a test or a demo acts as the people, orders faults and reads what happened. See README.md."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, ValidationError

from infra.phones.config import Person
from infra.phones.faults import Fault, Orders, Outcome, Sabotage
from infra.phones.records import Kind, Records, Vendor
from infra.phones.screen import Screens
from infra.phones.slack_people import SlackPeople
from infra.phones.state import Json, State
from infra.phones.twilio_people import TwilioPeople

Last = Annotated[int | None, Query(ge=1)]


class Strict(BaseModel):
    """A request body: an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Press(Strict):
    """A press: in the message `ts`, else in the view `view_id` (None = the topmost modal)."""

    action_id: str
    ts: str | None = None
    channel: str | None = None
    view_id: str | None = None
    block_id: str | None = None
    option: Any = None
    inputs: Json = {}
    stale: bool = False  # press what the screen no longer shows, with this value
    value: str = ""


class Submit(Strict):
    """A modal's submission; `inputs` is {block_id: {action_id: value}} or {action_id: value}."""

    view_id: str | None = None
    inputs: Json = {}


class Close(Strict):
    """Close a modal."""

    view_id: str | None = None


class Command(Strict):
    """A slash command."""

    command: str
    text: str = ""
    channel: str | None = None


class Write(Strict):
    """A direct message to the app."""

    text: str
    thread_ts: str | None = None


class Text(Strict):
    """An SMS to the product."""

    body: str
    to: str | None = None


class Settings(Strict):
    """Settings to change, e.g. {"slack": {"interactivity_url": ...}, "twilio": {"inbound_url": ...}}."""

    slack: Json = {}
    twilio: Json = {}


def people_router(state: State, screens: Screens, slack: SlackPeople, twilio: TwilioPeople) -> APIRouter:
    """What people see and do."""
    router = APIRouter(prefix="/control/people")

    def who(name: str) -> Person:
        person = state.person(name)
        if person is None:
            raise HTTPException(404, f"nobody is called {name}")
        return person

    @router.get("")
    async def people(last: Last = None) -> list[Json]:
        return screens.all(last)

    @router.get("/{name}")
    async def screen(name: str, last: Last = None) -> Json:
        return screens.of(who(name), last)

    @router.post("/{name}/press")
    async def press(name: str, given: Press) -> Json:
        if given.ts is None:
            return await slack.press_in_view(who(name), given.view_id, given.action_id, given.model_dump())
        return await slack.press(who(name), given.ts, given.action_id, given.model_dump())

    @router.post("/{name}/submit")
    async def submit(name: str, given: Submit) -> Json:
        return await slack.submit(who(name), given.view_id, given.inputs)

    @router.post("/{name}/close")
    async def close(name: str, given: Close) -> Json:
        return await slack.close(who(name), given.view_id)

    @router.post("/{name}/command")
    async def command(name: str, given: Command) -> Json:
        return await slack.command(who(name), given.command, given.text, given.channel)

    @router.post("/{name}/dm")
    async def dm(name: str, given: Write) -> Json:
        return await slack.write(who(name), given.text, given.thread_ts)

    @router.post("/{name}/sms")
    async def sms(name: str, given: Text) -> Json:
        return await twilio.text(who(name), given.body, given.to)

    return router


def order_router(orders: Orders) -> APIRouter:
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

    @router.get("/orders")
    async def open_orders() -> Json:
        return {
            "faults": [order.model_dump() for order in orders.faults],
            "sabotage": [order.model_dump() for order in orders.sabotage],
            "outcomes": [order.model_dump() for order in orders.outcomes],
        }

    @router.delete("/orders")
    async def take_back() -> Json:
        orders.clear()
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


def settings_router(state: State, records: Records, orders: Orders) -> APIRouter:
    """Settings that are known only when the product runs, and a fresh start."""
    router = APIRouter(prefix="/control")

    @router.get("/settings")
    async def settings() -> Json:
        secret = {"slack": {"bot_token", "signing_secret"}, "twilio": {"auth_token"}}
        return state.config.model_dump(exclude=secret)

    @router.patch("/settings")
    async def change(given: Settings) -> Json:
        try:
            state.configure(given.model_dump())
        except ValidationError as problem:
            raise HTTPException(422, problem.errors(include_url=False, include_context=False)) from None
        return {"ok": True}

    @router.post("/reset")
    async def reset() -> Json:
        state.reset()
        records.clear()
        orders.clear()
        return {"ok": True}

    return router
