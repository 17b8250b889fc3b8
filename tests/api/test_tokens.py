"""Programs' tokens: shown once, kept as a hash, good for their scopes, until they end. A wrong scope is 403."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlmodel import col

from admin.access.tokens import SCOPES, Wanted
from admin.actors import Actor, NotAllowedError
from api.access.bearer import PERMISSIONS, scope_for
from api.deps import ApiDeps
from domain.errors import InvalidPayloadError, NotFoundError
from store.db import Database
from store.tables import ApiTokenRow, AuditRow, InboxRow, PersonRow
from tests.api.hand_totp import fill
from tests.api.seeding import BREAKDOWN, NOW, PASSWORD, PEOPLE, PLANNER, QUALITY
from tests.api.site import Browser, application, browser, dependencies

OWN = "the-installations-own-token"
EVENT = {"specversion": "1.0", "id": "e-1", "source": "mes", "type": "machine.state", "data": {"state": "aborted"}}


@pytest.fixture
def now() -> list[Any]:
    return [NOW]


@pytest.fixture
def deps(database: Database, now: list[Any]) -> ApiDeps:
    return dependencies(database, now=lambda: now[0], api_token=OWN)


@pytest.fixture
async def somebody(deps: ApiDeps) -> AsyncIterator[Browser]:
    async with browser(application(deps)) as found:
        yield found


async def make(deps: ApiDeps, *scopes: str, person: str = PLANNER, days: int = 30) -> str:
    return await deps.tokens.create(Wanted("MES", scopes, days), Actor(person), deps.now())


async def call(somebody: Browser, method: str, path: str, token: str, **more: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} | more.pop("headers", {})
    return await somebody.client.request(method, path, headers=headers, **more)


async def send(somebody: Browser, token: str) -> httpx.Response:
    headers = {"content-type": "application/cloudevents+json", "webhook-id": "e-1"}
    return await call(somebody, "POST", "/api/signals", token, content=json.dumps(EVENT), headers=headers)


async def test_a_token_does_what_its_scope_says_and_nothing_else(deps: ApiDeps, somebody: Browser) -> None:
    token = await make(deps, "exceptions:read")
    assert (await call(somebody, "GET", f"/api/exceptions/{BREAKDOWN}/steering", token)).status_code == 200
    assert (await call(somebody, "GET", "/api/shelves", token)).status_code == 200
    for method, path in (("POST", "/api/shelves"), ("POST", f"/api/exceptions/{BREAKDOWN}/commands")):
        answer = await call(somebody, method, path, token, json={})
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["title"] == "mos.scope"
    assert (await send(somebody, token)).status_code == 403


async def test_programs_read_open_exceptions_and_people_without_addresses(deps: ApiDeps, somebody: Browser) -> None:
    token = await make(deps, "exceptions:read", "roster:read")
    told = (await call(somebody, "GET", "/api/exceptions", token)).json()["exceptions"]
    assert [one["id"] for one in told if one["definition"] == "breakdown"] == [BREAKDOWN]
    people = await call(somebody, "GET", "/api/roster", token)
    assert {one["id"] for one in people.json()["people"]} == {one.id for one in PEOPLE}
    assert PEOPLE[0].contacts[0].address not in people.text


async def test_signals_come_in_by_token(deps: ApiDeps, somebody: Browser, database: Database) -> None:
    token = await make(deps, "signals:write")
    assert [(await send(somebody, token)).status_code for _ in range(2)] == [202, 200]
    async with database.transaction() as session:
        (row,) = (await session.scalars(select(InboxRow).where(col(InboxRow.event_id) == "e-1"))).all()
    assert token not in str(row.body)
    assert (await somebody.client.post("/api/signals", json=EVENT)).status_code == 401


async def test_no_token_opens_a_page_or_what_is_in_no_line_of_the_table(deps: ApiDeps, somebody: Browser) -> None:
    for path in ("/", "/account", "/ledger", "/enrolments"):
        assert (await call(somebody, "GET", path, OWN)).status_code == 401
    assert scope_for("GET", "/api/other") == ""
    assert scope_for("GET", "/api/shelvesandmore") == ""
    assert {one.reading for one in PERMISSIONS} | {one.changing for one in PERMISSIONS} <= {*SCOPES, ""}


async def test_a_program_acts_as_the_person_who_answers_for_it(deps: ApiDeps, somebody: Browser) -> None:
    """The planner may not shelve: neither may the planner's program."""
    token = await make(deps, "shelves:write")
    asked = {"definition": "breakdown", "equipment": "lathe-1", "until": "4h", "reason": "planned"}
    answer = await call(somebody, "POST", "/api/shelves", token, json=asked)
    assert (answer.status_code, answer.json()["title"]) == (403, "mos.not_allowed")


async def test_the_audit_tells_a_program_from_a_log_in(deps: ApiDeps, somebody: Browser, database: Database) -> None:
    async with database.transaction() as session:
        row = await session.get_one(PersonRow, PLANNER)
        row.data = row.data | {"authorities": ["steer_exceptions", "manage_roster"]}
    token = await make(deps, "exceptions:write", "roster:write")
    paths = {"exceptions/exc_breakdown/commands": {"kind": "pause", "reason": "planned", "id": "p1"}}
    paths |= {f"roster/people/{QUALITY}/absences": {"begins": "2026-12-01T06:00:00Z"}}
    for path, body in [*paths.items(), *paths.items()][:3]:  # sent again, a command is the same one
        assert (await call(somebody, "POST", f"/api/{path}", token, json=body)).is_success
    async with database.transaction() as session:
        kinds = ("absence.added", "control_by_program")
        facts = list(await session.scalars(select(AuditRow).where(col(AuditRow.kind).in_(kinds))))
        number = (await session.scalars(select(col(ApiTokenRow.id)))).one()
    assert sorted((fact.kind, fact.actor) for fact in facts) == [(kind, PLANNER) for kind in kinds]
    assert {fact.data["evidence"] for fact in facts} == {f"by token {number}"}


async def active(database: Database, yes: bool) -> None:
    changed = col(PersonRow.data).op("||")({"active": yes})
    async with database.transaction() as session:
        await session.execute(update(PersonRow).where(col(PersonRow.id) == PLANNER).values(data=changed))


async def test_a_token_ends_with_its_time_its_person_and_its_revocation(
    deps: ApiDeps, somebody: Browser, database: Database, now: list[Any]
) -> None:
    token = await make(deps, "exceptions:read", days=1)
    path = "/api/shelves"
    assert (await call(somebody, "GET", path, token)).status_code == 200
    gone = col(PersonRow.data).op("||")
    async with database.transaction() as session:
        await session.execute(
            update(PersonRow).where(col(PersonRow.id) == PLANNER).values(data=gone({"active": False}))
        )
    assert (await call(somebody, "GET", path, token)).status_code == 401
    async with database.transaction() as session:
        await session.execute(update(PersonRow).where(col(PersonRow.id) == PLANNER).values(data=gone({"active": True})))
    now[0] += timedelta(hours=25)
    assert (await call(somebody, "GET", path, token)).status_code == 401
    fresh = await make(deps, "exceptions:read")
    (row, *_) = await deps.tokens.of(PLANNER)
    with pytest.raises(NotFoundError):
        await deps.tokens.revoke(row.id, Actor(QUALITY), now[0])
    await deps.tokens.revoke(row.id, Actor(PLANNER), now[0])
    assert (await call(somebody, "GET", path, fresh)).status_code == 401


async def test_the_installations_own_token_is_there_from_the_start(somebody: Browser) -> None:
    assert (await call(somebody, "GET", "/api/shelves", OWN)).status_code == 200
    assert (await call(somebody, "GET", "/api/shelves", OWN + "x")).status_code == 401
    assert (await call(somebody, "GET", "/api/shelves", "")).status_code == 401


async def test_scopes_of_administrators_are_theirs_only(deps: ApiDeps, database: Database) -> None:
    with pytest.raises(NotAllowedError):
        await make(deps, "roster:write")
    for wanted in (
        Wanted("", ["signals:write"], 3),
        Wanted("x", [], 3),
        Wanted("x", ["all"], 3),
        Wanted("x", ["*"], 999),
    ):
        with pytest.raises(InvalidPayloadError):
            await deps.tokens.create(wanted, Actor(PLANNER), NOW)
    manager = next(one for one in PEOPLE if one.id == QUALITY).model_dump(mode="json") | {
        "authorities": ["manage_roster"]
    }
    person = update(PersonRow).where(col(PersonRow.id) == QUALITY)
    async with database.transaction() as session:
        await session.execute(person.values(data=manager))
    token = await make(deps, "roster:write", "roster:read", person=QUALITY)
    found = await deps.tokens.who(token, NOW)
    assert found is not None
    assert found.scopes == {"roster:write", "roster:read"}
    async with database.transaction() as session:
        await session.execute(person.values(data=manager | {"authorities": []}))
    found = await deps.tokens.who(token, NOW)
    assert found is not None
    assert found.scopes == {"roster:read"}


async def test_c7_the_console_shows_a_token_once_and_keeps_a_hash(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    more = {"title": "MES", "days": "30", "scope.signals:write": "1"}
    page = await fill(somebody, "/account", "/account/make-token", password=PASSWORD, **more)
    token = page[page.index("mos_") :][: len("mos_") + 64]
    assert (await send(somebody, token)).status_code == 202
    assert token not in (await somebody.get("/account")).text
    async with database.transaction() as session:
        (row,) = (await session.scalars(select(ApiTokenRow))).all()
    assert token not in str(row.model_dump())
    assert row.last_used_at == NOW
    wrong = await fill(somebody, "/account", "/account/make-token", password="wrong", **more)
    assert "mos_" not in wrong.replace("mos_login", "")
