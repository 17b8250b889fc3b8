"""Shelving from the inbox page and by programs; everybody sees what is shelved: who, why, until when."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from admin.definitions.publish import publish_definition
from store.db import Database
from store.tables import InboxRow, PersonRow, ShelfRow
from tests.api.seeding import HOSTILE, NOW, PLANNER, QUALITY
from tests.api.site import Browser, browser, hidden
from tests.support.plant import DEFINITIONS

FORM = {"definition": "breakdown", "equipment": "", "key": "lathe-1", "until": "2h", "reason": HOSTILE}


@pytest.fixture
async def planner(app: FastAPI, database: Database) -> AsyncIterator[Browser]:
    """The planner, who may shelve; breakdowns are in force."""
    text = (DEFINITIONS / "breakdown.yaml").read_text()
    await publish_definition(database, text, "breakdown.yaml", author="eng", signed_off_by="sofia", now=NOW)
    await may_shelve(database, PLANNER)
    async with browser(app) as found:
        await found.sign_in(PLANNER)
        yield found


async def may_shelve(database: Database, person: str) -> None:
    async with database.transaction() as session:
        row = await session.get_one(PersonRow, person)
        row.data = row.data | {"authorities": [*row.data["authorities"], "shelve_exceptions"]}


async def rows(database: Database) -> list[ShelfRow]:
    async with database.transaction() as session:
        return list((await session.scalars(select(ShelfRow))).all())


async def shelve(planner: Browser, **more: str) -> None:
    page = (await planner.get("/inbox")).text
    answer = await planner.post("/shelves", hidden(page, "Shelve something") | FORM | more)
    assert (answer.status_code, answer.headers.get("location")) == (303, "/inbox#shelved")


async def test_shelved_and_unshelved_by_form(planner: Browser, database: Database, app: FastAPI) -> None:
    await shelve(planner)
    (row,) = await rows(database)
    assert (row.definition, row.key, row.equipment, row.shelved_by) == ("breakdown", "lathe-1", None, PLANNER)
    assert row.until == NOW + timedelta(hours=2)
    async with browser(app) as other:  # everybody sees it; who may not has no button
        await other.sign_in(QUALITY)
        page = (await other.get("/inbox")).text
        assert "Petr Dvořák" in page
        assert HOSTILE not in page
        assert "alert(1)" in page
        assert "Unshelve" not in page
        assert "Shelve something" not in page
        assert '<a href="/inbox#shelved">1 thing is shelved</a>' in (await other.get("/")).text
    page = (await planner.get("/inbox")).text
    answer = await planner.post(f"/shelves/{row.id}/end", hidden(page, "until <b>"))
    assert answer.status_code == 303
    assert "Nothing is shelved" in (await planner.get("/inbox")).text


def waiting(number: int, key: str) -> InboxRow:
    """A signal under a shelf."""
    return InboxRow(
        category="signal", source="s", event_id=f"w{number}", kind="k", body={}, status="settling", received_at=NOW,
        due_at=NOW + timedelta(hours=2), definition="breakdown", key=key,
        signal={"equipment": key, "subject": key, "type": "machine.state"},
    )  # fmt: skip


async def test_how_much_waits_under_it(planner: Browser, database: Database) -> None:
    await shelve(planner)
    async with database.transaction() as session:
        session.add_all(waiting(number, key) for number, key in enumerate(("lathe-1", "lathe-1", "mill-1")))
    assert "2 signals wait" in (await planner.get("/inbox")).text


@pytest.mark.parametrize(
    "more, status",
    [
        ({"csrf": "wrong"}, 403),
        ({"until": "3d"}, 400),
        ({"reason": " "}, 400),
        ({"key": ""}, 400),
        ({"definition": "rush_order"}, 404),
    ],
)
async def test_what_is_refused(planner: Browser, database: Database, more: dict[str, str], status: int) -> None:
    page = (await planner.get("/inbox")).text
    answer = await planner.post("/shelves", hidden(page, "Shelve something") | FORM | more)
    assert answer.status_code == status
    assert await rows(database) == []


async def test_it_takes_the_authority(planner: Browser, database: Database, app: FastAPI) -> None:
    await shelve(planner)
    (row,) = await rows(database)
    async with browser(app) as other:
        assert (await other.client.get("/api/shelves")).status_code == 401
        await other.sign_in(QUALITY)
        token = (await other.client.get("/api/shelves")).json()["csrf"]
        assert (await other.post("/shelves", FORM | {"csrf": token})).status_code == 403
        assert (await other.post(f"/shelves/{row.id}/end", {"csrf": token})).status_code == 403
    assert [one.ended_at for one in await rows(database)] == [None]


async def test_by_a_program(planner: Browser, database: Database) -> None:
    client, asked = (
        planner.client,
        {"definition": "breakdown", "equipment": "lathe-1", "until": "30m", "reason": "test run"},
    )
    headers = {"x-csrf-token": (await client.get("/api/shelves")).json()["csrf"]}
    assert (await client.post("/api/shelves", json=asked)).status_code == 403
    assert (await client.post("/api/shelves", json=asked | {"for": 1}, headers=headers)).status_code == 400
    begun = await client.post("/api/shelves", json=asked, headers=headers)
    assert begun.status_code == 201
    (told,) = (await client.get("/api/shelves")).json()["shelves"]
    assert told == begun.json()
    assert (told["equipment"], told["reason"], told["waiting"]) == ("lathe-1", "test run", 0)
    assert (await client.post("/api/shelves", json=asked, headers=headers)).status_code == 409
    where = f"/api/shelves/{told['id']}"
    assert (await client.delete(where)).status_code == 403
    assert (await client.delete(where, headers=headers)).status_code == 204
    assert (await client.delete(where, headers=headers)).status_code == 409
    assert (await client.delete("/api/shelves/99", headers=headers)).status_code == 404
    assert (await client.get("/api/shelves")).json()["shelves"] == []
