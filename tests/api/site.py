"""A console with real rows: its PostgreSQL, its doors, and a person's browser made of httpx."""

import base64
import copy
import hashlib
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook as Signer
from starlette.datastructures import State

from api.app import create_app
from api.deps import ApiDeps
from connectors.twilio.config import TwilioConfig
from connectors.twilio.connector import TwilioChannel
from connectors.twilio.desk import Desk
from connectors.twilio.voice import VoiceChannel
from connectors.twilio.whatsapp import WhatsAppChannel
from connectors.webhook.config import WebhookConfig
from connectors.webhook.connector import Webhook
from infra.twilio import script
from intake.doors import Doors
from intake.gate import Gate
from intake.twilio_door import TwilioDoor
from store.db import Database
from tests.api.seeding import NOW, PASSWORD
from tests.support.rows import EMPTY
from tests.support.servers import POSTGRES, opened

PUBLIC = "http://mos.example.com"
SIGNING = "whsec_" + base64.b64encode(b"k" * 32).decode()
ACCOUNT, TOKEN, OURS = "AC" + "a1" * 16, "very-secret-auth-token", "+420910000001"
HTML = {"accept": "text/html,application/xhtml+xml"}
_FIRST: dict[bool, FastAPI] = {}
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@contextmanager
def postgres() -> Iterator[str]:
    """A migrated database on the server of this test process."""
    with POSTGRES.use() as server, server.database() as url:
        yield url


@asynccontextmanager
async def emptied(url: str) -> AsyncIterator[Database]:
    """The database without any row."""
    async with opened(url, 3) as database:
        async with database.transaction() as session:
            await session.execute(text(EMPTY))
        yield database


async def fingerprint(database: Database) -> str:
    """The content of every table, so that a test can say 'nothing changed'."""
    content = []
    async with database.transaction() as session:
        query = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        for name in await session.scalars(query):
            rows = await session.scalars(text(f"SELECT t::text FROM {name} t ORDER BY 1"))
            content.append((name, list(rows)))
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def doors(database: Database) -> Doors:
    config = TwilioConfig(
        account_sid=ACCOUNT, auth_token=TOKEN, numbers=[OURS], whatsapp_number=OURS, public_url=PUBLIC
    )
    lines = Desk([TwilioChannel(config), WhatsAppChannel(config), VoiceChannel(config)])
    return Doors(
        database, Webhook(WebhookConfig(), [SIGNING]), None, TwilioDoor(Gate(database), lines, script(database))
    )


def dependencies(database: Database, **more: Any) -> ApiDeps:
    values: dict[str, Any] = {"doors": doors(database), "now": lambda: NOW, "public_url": PUBLIC}
    values |= {"session_secret": b"s" * 32, "randomness": secrets.token_bytes}
    return ApiDeps(database=database, **(values | more))


def application(deps: ApiDeps) -> FastAPI:
    """As `create_app` makes it, with the routes of the first: FastAPI looks at the function of each route anew for each
    application that is asked for one, and that takes longer than most tests here."""
    if deps.extra_routers:
        return create_app(deps)
    if deps.secure not in _FIRST:
        _FIRST[deps.secure] = create_app(deps)
    app = copy.copy(_FIRST[deps.secure])
    app.state, app.middleware_stack = State({"deps": deps}), None  # all that an application has of its own
    return app


def signed(body: bytes, event_id: str, at: datetime) -> dict[str, str]:
    """The headers of a webhook as its sender signs it."""
    signature = Signer(SIGNING).sign(event_id, at, body.decode())
    stamp = {"webhook-id": event_id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
    return stamp | {"content-type": "application/cloudevents+json"}


def hidden(page: str, after: str = "") -> dict[str, str]:
    """The hidden fields of the first form after this text."""
    start = page.index(after)
    form = page[page.index("<form", start) : page.index("</form>", page.index("<form", start))]
    return dict(_HIDDEN.findall(form))


@dataclass
class Browser:
    """One person's browser: keeps cookies, sends what a browser sends."""

    client: httpx.AsyncClient

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path, headers=HTML)

    async def post(self, path: str, fields: dict[str, str]) -> httpx.Response:
        return await self.client.post(path, data=fields, headers=HTML)

    async def sign_in(self, person: str, password: str = PASSWORD) -> httpx.Response:
        page = await self.get("/login")
        return await self.post("/login", hidden(page.text) | {"person": person, "password": password})


@asynccontextmanager
async def browser(app: FastAPI) -> AsyncIterator[Browser]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC) as client:
        yield Browser(client)
