"""Both vendors, the page and the control API as one application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from infra.phones.callbacks import Caller
from infra.phones.config import PhonesConfig
from infra.phones.control import people_router, slack_router
from infra.phones.control_phones import media_router, phone_router
from infra.phones.control_state import order_router, record_router, settings_router, socket_router
from infra.phones.doors import Doors
from infra.phones.faults import Blackout, Orders
from infra.phones.page import page_router
from infra.phones.records import Records
from infra.phones.screen import Screens
from infra.phones.slack.api import SlackApi
from infra.phones.slack.callbacks import SlackCallbacks
from infra.phones.slack.delivery import SlackDelivery
from infra.phones.slack.events import SlackEvents
from infra.phones.slack.inputs import CannotDo
from infra.phones.slack.people import SlackPeople
from infra.phones.slack.response_url import SlackResponseUrls
from infra.phones.slack.sockets import SlackSockets
from infra.phones.slack.workspace import Workspace
from infra.phones.smtp import Mailboxes
from infra.phones.state import State
from infra.phones.twilio.account import Account
from infra.phones.twilio.api import TwilioApi
from infra.phones.twilio.callbacks import TwilioCallbacks
from infra.phones.twilio.calls import TwilioCalls
from infra.phones.twilio.contents import TwilioContents
from infra.phones.twilio.door import TwilioDoor
from infra.phones.twilio.media import TwilioMedia
from infra.phones.twilio.people import TwilioPeople
from infra.phones.twilio.voice import Voice
from infra.plant.misfits import refusal


@dataclass(frozen=True)
class _Parts:
    """Everything that plays a part, wired."""

    state: State
    orders: Orders
    records: Records
    caller: Caller
    sockets: SlackSockets
    events: SlackEvents
    slack_hands: SlackPeople
    slack_api: SlackApi
    response_urls: SlackResponseUrls
    twilio: TwilioDoor
    media: TwilioMedia
    twilio_callbacks: TwilioCallbacks
    twilio_hands: TwilioPeople
    voice: Voice


def build_app(config: PhonesConfig, data: Path, base_url: str, doors: Doors) -> FastAPI:
    """The whole stand-in; `base_url` is where the product reaches it, `data` the folder of its memory."""
    parts = _wire(config, data, config.base_url or base_url, doors)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        parts.twilio_callbacks.resume()
        parts.voice.resume()
        for outage in parts.orders.outages:
            await doors.shut(outage.vendor)
        yield
        for part in (parts.events, parts.sockets, parts.voice, parts.twilio_callbacks, parts.caller):
            await part.close()
        parts.state.documents.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Blackout, orders=parts.orders)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=config.allowed_hosts)
    app.add_exception_handler(CannotDo, _cannot_do)
    app.add_exception_handler(RequestValidationError, _malformed)
    for router in _routers(parts, doors):
        app.include_router(router)
    app.add_api_route("/twilio/{rest:path}", parts.twilio.unknown, methods=["GET", "POST", "DELETE", "PUT"])
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    return app


def _wire(config: PhonesConfig, data: Path, own_url: str, doors: Doors) -> _Parts:
    state = State(config, data)
    orders, records = Orders(state.documents), Records(state.documents)
    caller, workspace, account = Caller(records), Workspace(state), Account(state, orders)
    sockets, mailboxes = SlackSockets(state, records), Mailboxes(state, orders, records, data)
    doors.build("socket", "slack", lambda: sockets.prepare(config.ports.socket))
    doors.build("email", "email", lambda: mailboxes.prepare(config.ports.email))
    delivery = SlackDelivery(state, caller, orders, sockets)
    events = SlackEvents(workspace, delivery, caller)
    slack_callbacks = SlackCallbacks(workspace, delivery, own_url)
    twilio = TwilioDoor(state, orders, records)
    media = TwilioMedia(twilio, state, records, own_url)
    twilio_callbacks = TwilioCallbacks(account, media, caller, orders, records)
    voice = Voice(state, twilio_callbacks, orders, records)
    TwilioApi(twilio, account, twilio_callbacks)
    TwilioContents(twilio, state)
    TwilioCalls(twilio, state, orders, voice)
    return _Parts(
        state=state,
        orders=orders,
        records=records,
        caller=caller,
        sockets=sockets,
        events=events,
        slack_hands=SlackPeople(workspace, slack_callbacks, events, records),
        slack_api=SlackApi(workspace, sockets, orders, records),
        response_urls=SlackResponseUrls(workspace, records),
        twilio=twilio,
        media=media,
        twilio_callbacks=twilio_callbacks,
        twilio_hands=TwilioPeople(account, twilio_callbacks),
        voice=voice,
    )


def _routers(parts: _Parts, doors: Doors) -> list[APIRouter]:
    state, orders, records = parts.state, parts.orders, parts.records
    screens = Screens(state, parts.slack_hands)
    vendors = [parts.slack_api.router, parts.response_urls.router, parts.twilio.router, parts.media.host]
    people = [people_router(state, screens), slack_router(state, parts.slack_hands)]
    people += [phone_router(state, parts.twilio_hands, parts.voice), media_router(state)]
    rest = [order_router(orders, doors), record_router(state, screens, records)]
    rest += [settings_router(state, records, orders, doors), socket_router(parts.sockets, parts.events)]
    return [*vendors, *people, *rest, page_router(state)]


async def _cannot_do(_: Request, problem: Exception) -> Response:
    return JSONResponse({"detail": str(problem)}, 409)


async def _malformed(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, RequestValidationError)
    return JSONResponse({"detail": refusal(problem.errors())}, 422)
