"""Both vendors, the page and the control API as one application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from infra.phones.callbacks import Caller
from infra.phones.config import PhonesConfig
from infra.phones.control import people_router, slack_router
from infra.phones.control_phones import sms_router
from infra.phones.control_state import order_router, record_router, settings_router, socket_router
from infra.phones.doors import Doors
from infra.phones.faults import Blackout, Orders
from infra.phones.page import page_router
from infra.phones.records import Records
from infra.phones.screen import Screens
from infra.phones.slack_api import SlackApi
from infra.phones.slack_callbacks import SlackCallbacks
from infra.phones.slack_delivery import SlackDelivery
from infra.phones.slack_events import SlackEvents
from infra.phones.slack_inputs import CannotDo
from infra.phones.slack_people import SlackPeople
from infra.phones.slack_response_url import SlackResponseUrls
from infra.phones.slack_sockets import SlackSockets
from infra.phones.slack_workspace import Workspace
from infra.phones.state import State
from infra.phones.twilio_account import Account
from infra.phones.twilio_api import TwilioApi
from infra.phones.twilio_callbacks import TwilioCallbacks
from infra.phones.twilio_people import TwilioPeople


def build_app(config: PhonesConfig, data: Path, base_url: str, doors: Doors) -> FastAPI:
    """The whole stand-in; `base_url` is where the product reaches it, `data` the folder of its memory."""
    state = State(config, data)
    orders, records = Orders(state.documents), Records(state.documents)
    caller, workspace, account = Caller(records), Workspace(state), Account(state, orders)
    sockets = SlackSockets(state, records)
    doors.build("socket", "slack", lambda: sockets.prepare(config.ports.socket))
    delivery = SlackDelivery(state, caller, orders, sockets)
    slack_callbacks = SlackCallbacks(workspace, delivery, config.base_url or base_url)
    events = SlackEvents(workspace, delivery, caller)
    twilio_callbacks = TwilioCallbacks(account, caller, orders, records)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        twilio_callbacks.resume()
        for outage in orders.outages:
            await doors.shut(outage.vendor)
        yield
        await events.close()
        await sockets.close()
        await twilio_callbacks.close()
        await caller.close()
        state.documents.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Blackout, orders=orders)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=config.allowed_hosts)
    app.add_exception_handler(CannotDo, _cannot_do)
    slack_hands = SlackPeople(workspace, slack_callbacks, events, records)
    screens = Screens(state, slack_hands)
    twilio = TwilioApi(account, twilio_callbacks, orders, records)
    app.include_router(SlackApi(workspace, sockets, orders, records).router)
    app.include_router(SlackResponseUrls(workspace, records).router)
    app.include_router(twilio.router)
    app.add_api_route("/twilio/{rest:path}", twilio.unknown, methods=["GET", "POST", "DELETE", "PUT"])
    app.include_router(people_router(state, screens))
    app.include_router(slack_router(state, slack_hands))
    app.include_router(sms_router(state, TwilioPeople(account, twilio_callbacks)))
    app.include_router(order_router(orders, doors))
    app.include_router(record_router(state, screens, records))
    app.include_router(settings_router(state, records, orders, doors))
    app.include_router(socket_router(sockets, events))
    app.include_router(page_router(state))
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    return app


async def _cannot_do(_: Request, problem: Exception) -> Response:
    return JSONResponse({"detail": str(problem)}, 409)
