"""Programs change people and schedules: with the scope, as the person who answers for them, and with a record."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from admin.access.tokens import Wanted
from admin.actors import Actor
from api.deps import ApiDeps
from domain.rosters.people import Person
from domain.values import iso
from store.db import Database
from store.tables import AbsenceRow, AuditRow, OverrideRow, PersonRow, ScheduleRow
from tests.api.seeding import NOW, PLANNER, QUALITY, TECHNICIAN
from tests.api.site import Browser, application, browser, dependencies

ADA: dict[str, Any] = {
    "id": "ada",
    "name": "Ada Novak",
    "roles": ["maintenance_technician"],
    "certificates": [{"name": "crane", "until": "2027-01-31"}],
    "contacts": [{"channel": "sms", "address": "+420777000999"}],
}
LATER = {"begins": iso(NOW + timedelta(days=1)), "ends": iso(NOW + timedelta(days=2))}


class Program:
    """Calls with a token."""

    def __init__(self, browser: Browser, token: str) -> None:
        self._browser, self._headers = browser, {"authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, revision: str = "", **body: Any) -> httpx.Response:
        given = {"if-none-match": "*"} if revision == "*" else {"if-match": f'"{revision}"'}
        headers = self._headers | (given if revision else {})
        return await self._browser.client.request(method, f"/api/roster/{path}", headers=headers, json=body)

    async def ok(self, method: str, path: str, revision: str = "", **body: Any) -> Any:
        answer = await self.call(method, path, revision, **body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
async def lead(database: Database) -> str:
    """The quality manager keeps the roster."""
    async with database.transaction() as session:
        row = await session.get_one(PersonRow, QUALITY)
        row.data = row.data | {"authorities": ["manage_roster"]}
        schedule = {"id": "hall_1", "title": "Hall 1", "layers": [], "timezone": "Europe/Prague"}
        turns = {"turns": [[TECHNICIAN]], "starts": "2026-11-02T06:00:00", "turn": "7d"}
        session.add(ScheduleRow(id="hall_1", data=schedule | {"layers": [turns]}))
    return QUALITY


@pytest.fixture
def deps(database: Database) -> ApiDeps:
    return dependencies(database)


@pytest.fixture
async def somebody(deps: ApiDeps) -> AsyncIterator[Browser]:
    async with browser(application(deps)) as found:
        yield found


@pytest.fixture
async def program(deps: ApiDeps, somebody: Browser, lead: str) -> Program:
    wanted = Wanted("HR", ("roster:read", "roster:write"), 30)
    return Program(somebody, await deps.tokens.create(wanted, Actor(lead), NOW))


async def records(database: Database) -> list[tuple[str, str]]:
    async with database.transaction() as session:
        wanted = select(AuditRow).where(col(AuditRow.kind).regexp_match("^(person|absence|override|schedule|swap)\\."))
        return [(row.kind, row.actor) for row in await session.scalars(wanted.order_by(col(AuditRow.id)))]


async def test_no_address_is_told_wherever_it_stands(program: Program) -> None:
    """A policy names one of several addresses of a channel."""
    steps = {"high": [{"channel": "sms", "after": "1m", "address": "+420777000999"}]}
    added = await program.ok("POST", "people", **ADA, notify={"steps": steps})
    assert added["person"]["notify"]["steps"] == {"high": [{"channel": "sms", "after": "60s"}]}
    assert "777000999" not in str([await program.ok("GET", "people/ada"), (await program.call("GET", "")).text])


async def test_a_person_is_added_and_changed_by_revision(program: Program, database: Database) -> None:
    added = await program.ok("POST", "people", **ADA)
    assert "contacts" not in added["person"]
    changed = await program.ok("PATCH", "people/ada", added["revision"], skills=["turning"], certificates=[])
    assert (changed["person"]["skills"], changed["person"]["roles"]) == (["turning"], ADA["roles"])
    stale = await program.call("PATCH", "people/ada", added["revision"], skills=[])
    assert (stale.status_code, stale.json()["title"]) == (409, "mos.conflict")
    assert (await program.call("PATCH", "people/ada", skills=[])).status_code == 400
    off = await program.ok("PUT", "people/ada/active", changed["revision"], active=False)
    assert off["person"]["active"] is False
    async with database.transaction() as session:
        ada = Person.model_validate((await session.get_one(PersonRow, "ada")).data)
    assert [(one.address, one.verified) for one in ada.contacts] == [("+420777000999", False)], "only its owner can"
    kinds = ["person.added", "person.changed", "person.deactivated"]
    assert await records(database) == [(kind, QUALITY) for kind in kinds]


async def test_nobody_gives_powers_to_themselves_by_a_program(program: Program) -> None:
    mine = await program.ok("GET", f"people/{QUALITY}")
    refused = await program.call("PATCH", f"people/{QUALITY}", mine["revision"], authorities=["manage_roster", "scrap"])
    assert (refused.status_code, refused.json()["title"]) == (403, "mos.not_allowed")


async def test_absences_overrides_and_swaps(program: Program, database: Database) -> None:
    swap = await program.ok("POST", "schedules/hall_1/swaps", **LATER, asker=TECHNICIAN, taker=PLANNER)
    absence = await program.ok("POST", f"people/{TECHNICIAN}/absences", **LATER, kind="training")
    override = await program.ok("POST", "schedules/hall_1/overrides", **LATER, people=[PLANNER], reason="training")
    agreed = await program.ok("POST", f"swaps/{swap['id']}/agree")
    assert agreed["standing"] == "agreed"
    await program.ok("DELETE", f"absences/{absence['id']}")
    await program.ok("DELETE", f"overrides/{override['id']}")
    async with database.transaction() as session:
        assert [list(await session.scalars(select(table))) for table in (AbsenceRow, OverrideRow)] == [[], []]
    kinds = ["swap.asked", "absence.added", "override.added", "swap.agreed", "absence.removed", "override.removed"]
    assert await records(database) == [(kind, QUALITY) for kind in kinds]


async def test_a_schedule_is_written_read_and_removed_by_revision(program: Program, database: Database) -> None:
    turns = {"turns": [[TECHNICIAN], [PLANNER]], "starts": "2026-11-02T06:00:00", "turn": "12h"}
    hall: dict[str, Any] = {"title": "Hall 2", "timezone": "Europe/Prague", "layers": [turns]}
    assert (await program.call("PUT", "schedules/hall_2", **hall)).status_code == 400, "neither new nor a revision"
    made = await program.call("PUT", "schedules/hall_2", "*", **hall)
    told = made.json()
    assert (made.status_code, told["schedule"]["layers"][0]["turns"]) == (201, [[TECHNICIAN], [PLANNER]])
    assert (await program.call("PUT", "schedules/hall_2", "*", **hall)).status_code == 409, "it is there"
    override = await program.ok("POST", "schedules/hall_2/overrides", **LATER, people=[PLANNER])
    changed = await program.ok("PUT", "schedules/hall_2", told["revision"], **hall | {"holidays": ["2026-12-24"]})
    assert changed["overrides"] == [override], "they stay"
    read = await program.call("GET", "schedules/hall_2")
    assert (read.json(), read.headers["etag"]) == (changed, f'"{changed["revision"]}"')
    stale = [await program.call(method, "schedules/hall_2", told["revision"], **hall) for method in ("PUT", "DELETE")]
    assert [one.status_code for one in stale] == [409, 409]
    await program.ok("DELETE", "schedules/hall_2", changed["revision"])
    assert (await program.call("GET", "schedules/hall_2")).status_code == 404
    kinds = ["schedule.changed", "override.added", "schedule.changed", "schedule.removed"]
    assert await records(database) == [(kind, QUALITY) for kind in kinds]


@pytest.mark.parametrize(
    "method, path, body, told",
    [
        ("POST", "people", {**ADA, "contacts": [{"channel": "pigeon", "address": "x"}]}, "contacts.0.channel"),
        ("POST", "people", {**ADA, "verified": True}, "verified"),
        ("POST", "people", {**ADA, "timezone": "Mars/Base"}, "timezone"),
        ("POST", f"people/{TECHNICIAN}/absences", {"begins": "tomorrow"}, "begins"),
        ("POST", "schedules/hall_1/overrides", {**LATER, "people": ["nobody"]}, "not on the roster: nobody"),
        (
            "PUT",
            "schedules/x",
            {"title": "X", "layers": [{"turns": [["nobody"]], "starts": "2026-11-02T06:00:00"}]},
            "not on the roster: nobody",
        ),
        ("PUT", "schedules/x", {"title": "X", "layers": [{"turns": [], "starts": "2026-11-02T06:00:00"}]}, "layers.0"),
        ("PUT", "schedules/x", {"title": "X", "overrides": []}, "overrides"),
        ("POST", "swaps/swp_1/eat", {}, "agree, refuse or withdraw"),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(
    program: Program, database: Database, method: str, path: str, body: dict[str, Any], told: str
) -> None:
    answer = await program.call(method, path, "*" if method == "PUT" else "", **body)
    assert answer.status_code in (400, 422), answer.text
    assert told in answer.text
    assert await records(database) == []


async def test_reading_is_not_writing_and_a_scope_is_no_authority(
    deps: ApiDeps, somebody: Browser, database: Database, lead: str
) -> None:
    reader = Program(somebody, await deps.tokens.create(Wanted("BI", ("roster:read",), 30), Actor(lead), NOW))
    assert (await reader.ok("GET", f"people/{TECHNICIAN}"))["person"]["id"] == TECHNICIAN
    refused = await reader.call("POST", "people", **ADA)
    assert (refused.status_code, refused.json()["title"]) == (403, "mos.scope")
    writer = Program(somebody, await deps.tokens.create(Wanted("HR", ("roster:write",), 30), Actor(lead), NOW))
    assert (await writer.call("GET", f"people/{TECHNICIAN}")).status_code == 403
    async with database.transaction() as session:
        row = await session.get_one(PersonRow, QUALITY)
        row.data = row.data | {"authorities": []}
    lost = await writer.call("POST", "people", **ADA)
    assert (lost.status_code, lost.json()["title"]) == (403, "mos.scope"), "looked up when it is done"
    assert await records(database) == []


async def test_the_document_names_each_address_with_its_scope_and_its_body(somebody: Browser) -> None:
    told = (await somebody.client.get("/api/openapi.json")).json()
    assert told["openapi"].startswith("3.1")
    change = told["paths"]["/api/roster/people/{name}"]["patch"]
    assert change["x-scope"] == "roster:write"
    schema = change["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert "certificates" in told["components"]["schemas"][schema.rpartition("/")[2]]["properties"]
    refs = set(_refs(told))
    assert {ref.removeprefix("#/components/schemas/") for ref in refs} <= told["components"]["schemas"].keys()
    assert all("x-scope" in one for methods in told["paths"].values() for one in methods.values())
    assert "/api/signals" in told["paths"]


def _refs(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in _refs(value)]
    return [ref for value in node for ref in _refs(value)] if isinstance(node, list) else []
