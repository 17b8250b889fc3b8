"""Every address of the application, as somebody who means harm goes through them: not signed in, from another site's
page, with hostile text in whatever people may write."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import select
from sqlmodel import col

from domain.rosters.contacts import ChannelName, ContactMethod
from domain.rosters.model import Absence, Layer, Schedule
from domain.rosters.people import Certificate, Person
from store.db import Database
from store.tables import (
    AbsenceRow,
    ContactRow,
    DelegationRow,
    IdentityRow,
    PersonRow,
    ScheduleRow,
    TaskRow,
    UnknownSenderRow,
)
from tests.api.seeding import BREAKDOWN, HOLD, HOSTILE, NOW, PLANNER, QUALITY, RUSH
from tests.api.site import Browser, application, browser, dependencies, fingerprint

OPEN = {
    "/healthz",
    "/login",
    "/login/second",
    "/login/enrol",
    "/login/oidc",
    "/login/callback",
    "/login/code.svg",
    "/schemas/definition.json",  # what a definition may say: the same everywhere
    "/manifest.webmanifest",
    "/api/openapi.json",
    "/worker.js",
}
BY_TOKEN = {"/calendar/{token}.ics"}
SIGNED = ("/slack/", "/twilio/", "/webhooks/", "/api/signals")  # the vendors' and the machines' doors: own tests
EVERYTHING = ["manage_roster", "publish_definitions", "shelve_exceptions", "steer_exceptions", "promise", "disposition"]
STREAM = "/events"


class Marks(HTMLParser):
    """What a browser would run: handlers, styles and scripts within the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        self.found += [f"{tag} {name}" for name in names if name.startswith("on") or name == "style"]
        self.found += [tag] if tag == "script" and "src" not in names else []

    @classmethod
    def of(cls, html: str) -> list[str]:
        parser = cls()
        parser.feed(html)
        return parser.found


def routes(app: FastAPI, *methods: str) -> Iterator[str]:
    for route in _flat(app.routes):
        if set(methods) & set(route.methods or ()):
            yield route.path


def _flat(found: Any) -> Iterator[APIRoute]:
    for route in found:
        if isinstance(route, APIRoute):
            yield route
        else:
            inner = getattr(route, "original_router", None) or getattr(route, "router", None)
            yield from _flat(getattr(inner, "routes", []))


def filled(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "1", path)


async def test_whoever_is_not_signed_in_sees_nothing(app: FastAPI, database: Database, somebody: Browser) -> None:
    before = await fingerprint(database)
    paths = sorted(set(routes(app, "GET")) - OPEN - BY_TOKEN)
    assert len(paths) > 20
    for path in paths:
        answer = await somebody.get(filled(path))
        assert answer.status_code in (303, 401), f"{path}: {answer.status_code}"
        assert "Nov" not in answer.text, path
    assert await fingerprint(database) == before


async def test_no_form_counts_without_its_pages_token(app: FastAPI, database: Database, somebody: Browser) -> None:
    """Another site can make a browser send a form with its cookie, not with the token of the page (CSRF)."""
    await somebody.sign_in(QUALITY)
    before = await fingerprint(database)
    paths = sorted({path for path in routes(app, "POST", "DELETE", "PUT", "PATCH") if not path.startswith(SIGNED)})
    assert len(paths) > 25
    for path in paths:
        for fields in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
            answer = await somebody.post(filled(path), fields | {"person": PLANNER, "verb": "accept"})
            assert answer.status_code in (403, 404, 405, 401, 422, 400), f"{path} {fields}: {answer.status_code}"
    assert await fingerprint(database) == before


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/login",
        "\t//evil.example",
        "/\n//evil",
        "%2f%2fevil",
    ],
)
async def test_the_log_in_leads_nowhere_else(somebody: Browser, path: str) -> None:
    page = (await somebody.client.get("/login", params={"next": path})).text
    found = re.search(r'name="next" value="([^"]*)"', page)
    assert found is None or found[1] == "/"


async def test_c26_what_people_write_is_text_on_every_page(database: Database) -> None:
    await _poison(database)

    async def holds() -> dict[str, object]:
        return {"orders": [{"job_order": HOSTILE}]}

    app = application(dependencies(database, erp_page=holds))
    async with browser(app) as somebody:
        await somebody.sign_in(QUALITY)
        names = "/ /people /authority /enrolments /account /definitions /inbox /ledger /erp /people/new /schedules/new"
        signing = [f"/tasks/{row}/sign" for row in await _tasks(database)]
        waiting = [*names.split(), *signing, *(f"/exceptions/{one}" for one in (BREAKDOWN, HOLD, RUSH))]
        seen, told = set[str](), 0
        while waiting:
            path = waiting.pop()
            seen.add(path)
            page = await somebody.get(path)
            assert page.status_code < 500, f"{path}: {page.status_code}"
            if "html" not in page.headers.get("content-type", ""):
                continue
            assert "<img src=x" not in page.text, path
            assert "<script>alert" not in page.text, path
            assert Marks.of(page.text) == [], path
            assert "unsafe" not in page.headers["content-security-policy"], path
            told += "&lt;img src=x" in page.text
            links = {link.split("#")[0] for link in re.findall(r'href="(/[^"]*)"', page.text)}
            waiting += [one for one in links if one and one not in seen | {STREAM} and one not in waiting]
        assert {"/people/hostile", "/schedules/rota"} <= seen
        assert told > 5, "the hostile text is shown, as text"


async def _tasks(database: Database) -> list[str]:
    async with database.transaction() as session:
        return list((await session.scalars(select(col(TaskRow.id)))).all())


async def _poison(database: Database) -> None:
    """Hostile text in every field that a person, a phone or another system fills in."""
    later = NOW + timedelta(days=1)
    words: dict[str, Any] = {name: [HOSTILE] for name in ("roles", "skills", "areas")}
    bad = Person(
        id="hostile", name=HOSTILE, **words, contacts=[ContactMethod(channel=ChannelName.SMS, address=HOSTILE)],
        certificates=[Certificate(name=HOSTILE, until=later.date())],
    )  # fmt: skip
    rota = Schedule(
        id="rota", title=HOSTILE, layers=[Layer(name=HOSTILE, turns=[["hostile"]], starts=NOW.replace(tzinfo=None))]
    )
    away = Absence(id="abs_1", person="hostile", begins=NOW, ends=later)
    async with database.transaction() as session:
        mine = await session.get_one(PersonRow, QUALITY)
        mine.data = mine.data | {"authorities": EVERYTHING}
        session.add_all(
            [
                PersonRow(id="hostile", data=bad.model_dump(mode="json")),
                ScheduleRow(id="rota", data=rota.model_dump(mode="json", exclude={"overrides"})),
                AbsenceRow(id="abs_1", person="hostile", ends=later, data=away.model_dump(mode="json"),
                           entered_by=QUALITY, entered_at=NOW),
                UnknownSenderRow(channel="sms", address=HOSTILE, first_at=NOW, last_at=NOW, text=HOSTILE),
                ContactRow(channel="sms", address=HOSTILE, person="hostile", verified_at=NOW, usable_from=later),
                IdentityRow(issuer=HOSTILE, subject=HOSTILE, person="hostile", standing="proposed", email=HOSTILE,
                            proposed_at=NOW),
                DelegationRow(from_person="hostile", to_person=QUALITY, actions=["promise"], starts_at=NOW,
                              ends_at=later, reason=HOSTILE, created_at=NOW),
            ]
        )  # fmt: skip
        for task in await session.scalars(select(TaskRow)):
            said = dict.fromkeys(("title", "otherwise"), HOSTILE) | {name: [HOSTILE] for name in ("body", "gaps")}
            task.shown = task.shown | said | {"facts": [{"label": HOSTILE, "value": HOSTILE}]}
