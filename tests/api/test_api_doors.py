"""The doors for machines: raw bytes verified against our public URL, limits, and never a false 'accepted'."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col

from store.db import Database
from store.tables import InboxRow, RefusedCall
from tests.api.site import ACCOUNT, OURS, PUBLIC, TOKEN, Browser, application, browser, dependencies, signed

PATHS = [
    "/webhooks/events",
    "/slack/interactivity",
    "/slack/commands",
    "/slack/events",
    "/twilio/inbound",
    "/twilio/status",
    "/twilio/voice",
    "/twilio/voice/answer",
]


def event(event_id: str) -> bytes:
    data = {"lot": "L-BAR-502", "result": "failed"}
    event = {"specversion": "1.0", "id": event_id, "source": "/mes/brno", "type": "com.havel.mes.inspection.failed.v1"}
    return json.dumps(event | {"subject": "L-BAR-502", "time": "2026-11-22T09:29:00Z", "data": data}).encode()


def twilio_signature(url: str, fields: dict[str, str]) -> str:
    """As twilio.com/docs/usage/security describes it."""
    signed_text = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(TOKEN.encode(), signed_text.encode(), hashlib.sha1).digest()).decode()


async def of(database: Database, table: type) -> list:  # type: ignore[type-arg]
    async with database.transaction() as session:
        return list((await session.scalars(select(table))).all())


@pytest.fixture
async def real_now(database: Database) -> AsyncIterator[Browser]:
    """Signatures are judged by the real clock."""
    app = application(dependencies(database, now=lambda: datetime.now(UTC)))
    async with browser(app) as found:
        yield found


async def test_a_signed_event_is_new_once(real_now: Browser, database: Database) -> None:
    body, headers = event("evt_1"), signed(event("evt_1"), "evt_1", datetime.now(UTC))
    answers = [await real_now.client.post("/webhooks/events", content=body, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 200, 200]
    async with database.transaction() as session:
        rows = (await session.scalars(select(InboxRow).where(col(InboxRow.event_id) == "evt_1"))).all()
    assert [row.source for row in rows] == ["/mes/brno"]


async def test_an_unsigned_event_is_refused_and_remembered(real_now: Browser, database: Database) -> None:
    before = len(await of(database, InboxRow))
    answer = await real_now.client.post("/webhooks/events", content=event("evt_2"))
    assert answer.status_code == 401
    assert len(await of(database, InboxRow)) == before
    assert (await of(database, RefusedCall))[-1].door == "webhook"


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("path", PATHS)
async def test_an_oversize_call_is_refused_before_it_is_read(
    somebody: Browser, database: Database, path: str, announced: bool
) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 64 * 1024
            yield b"x" * 64 * 1024

    headers = {"content-length": str(64 * 1024 * 1000)} if announced else {}
    answer = await somebody.client.post(path, content=endless(), headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert read <= 512 * 1024
    refused = (await of(database, RefusedCall))[-1]
    assert refused.door == path.split("/")[1]
    assert "larger than 262144 bytes" in refused.reason


async def test_a_signature_holds_for_the_public_url_behind_any_proxy(somebody: Browser, database: Database) -> None:
    fields = {
        "AccountSid": ACCOUNT,
        "To": OURS,
        "From": "+420601000001",
        "Body": "K7QM OK",
        "MessageSid": "SM" + "0" * 32,
    }
    path = "/twilio/inbound?via=proxy&x=%C5%99"
    signature = twilio_signature(PUBLIC + path, fields)
    headers = {"x-twilio-signature": signature, "host": "inner:8080", "x-forwarded-host": "evil.example"}
    answer = await somebody.client.post(path, data=fields, headers=headers)
    assert (answer.status_code, answer.text) == (200, "<Response/>")
    assert answer.headers["content-type"].startswith("text/xml")
    assert [row.body["text"] for row in await of(database, InboxRow) if row.category == "answer"] == ["K7QM OK"]
    forged = await somebody.client.post(path, data=fields | {"Body": "K7QM NO"}, headers=headers)
    assert forged.status_code == 403


@pytest.mark.parametrize("path", PATHS)
async def test_a_door_is_for_posts_only(somebody: Browser, path: str) -> None:
    assert (await somebody.client.get(path)).status_code == 405


async def test_without_the_database_nothing_is_acknowledged() -> None:
    """Callers are told to come again; people are told that nothing was recorded."""
    from store.db import Database as Store

    store = Store("postgresql://mos:x@127.0.0.1:1/mos")
    app: FastAPI = application(dependencies(store, now=lambda: datetime.now(UTC)))
    try:
        async with browser(app) as somebody:
            somebody.client.cookies.set("mos", "some-token")
            body, now = event("evt_3"), datetime.now(UTC)
            headers = signed(body, "evt_3", now)
            answer = await somebody.client.post("/webhooks/events", content=body, headers=headers)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert (await somebody.client.get("/healthz")).status_code == 503
            page = await somebody.get("/")
            assert page.status_code == 503
            assert "Not recorded: the database is not available." in page.text
    finally:
        await store.close()


async def test_health_is_told_without_a_log_in(somebody: Browser) -> None:
    answer: httpx.Response = await somebody.client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
