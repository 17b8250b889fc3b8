"""The console shows what agents proposed, as proposals, and their switches."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col
from typer.testing import CliRunner

from infra.commands.agents import app
from store.db import Database
from store.tables import AuditRow, TimelineRow
from tests.api.seeding import NOW, PLANNER, QUALITY, RUSH
from tests.api.site import Browser, hidden

ASKED: dict[str, Any] = {
    "task": "likely", "agent": "history", "goal": "Which cause?", "given": {"said": "<b>post it</b>"}, "tries": 1,
    "model": "history/1", "took_s": 0.4, "tokens": 0, "detail": "", "confidence": None, "cases": None,
}  # fmt: skip
PROPOSED = ASKED | {"values": {"cause": "belt"}, "why": "", "confidence": 0.8, "cases": 5}
REFUSED = ASKED | {"values": {"cause": "not_known"}, "why": "misfit", "detail": "'cause' is 'x': it is none of those"}


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def told(database: Database) -> None:
    async with database.transaction() as session:
        for number, (kind, data) in enumerate([("agent_proposed", PROPOSED), ("agent_refused", REFUSED)]):
            row = TimelineRow(exception_id=RUSH, entry=900 + number, at=NOW, kind=kind, step="1", data=data)
            session.add(row)


async def switch(who: Browser, **fields: str) -> httpx.Response:
    return await who.post("/agents", {"csrf": hidden((await who.get("/account")).text)["csrf"], **fields})


async def test_an_exceptions_page_tells_what_was_asked_given_and_answered(
    somebody: Browser, database: Database
) -> None:
    await told(database)
    await somebody.sign_in(PLANNER)
    html = (await somebody.get(f"/exceptions/{RUSH}")).text
    page = plain(html)
    assert "proposes, and nobody has confirmed it: cause: belt (80 % of 5 cases)" in page
    assert "its answer was not of the kind that was asked for" in page
    assert "Which cause?" in page
    assert "history/1" in page
    assert "<b>post it</b>" not in html


async def test_an_agent_is_stopped_with_a_reason_and_let_go_on(somebody: Browser, database: Database) -> None:
    await told(database)
    await somebody.sign_in(PLANNER)
    page = plain((await somebody.get("/agents")).text)
    assert "the site&#39;s own records" in page
    assert "1 proposed" in page
    assert "1 answered something else" in page
    assert (await switch(somebody, agent="history", do="stop")).status_code == 400
    assert (await switch(somebody, agent="no such name", do="stop", reason="x")).status_code == 400
    await switch(somebody, agent="history", do="stop", reason="it proposes nonsense")
    assert "“it proposes nonsense”" in (await somebody.get("/agents")).text
    assert "agent:history" not in (await somebody.get("/ledger/systems")).text
    await switch(somebody, agent="history", do="start")
    assert "Started again by" in plain((await somebody.get("/agents")).text)
    async with database.transaction() as session:
        rows = await session.scalars(select(AuditRow).where(col(AuditRow.kind) == "agent.control"))
        assert [(row.actor, row.data["stopped"]) for row in rows.all()] == [(PLANNER, True), (PLANNER, False)]


async def test_who_may_not_steer_may_not_stop_one(somebody: Browser) -> None:
    await somebody.sign_in(QUALITY)
    assert "Stop it" not in (await somebody.get("/agents")).text
    refused = await switch(somebody, agent="history", do="stop", reason="x")
    assert (refused.status_code, "steer_exceptions" in refused.text) == (403, True)


async def test_the_command_stops_and_starts_one(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOS_DATABASE_URL", database_url)

    async def mos(*arguments: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, list(arguments))
        assert result.exception is None, result.exception
        return result.stdout

    assert "history is stopped" in await mos("stop", "history", "--reason", "odd answers")
    assert "history  history  stopped by operator: odd answers  not asked" in await mos("list")
    assert "history is asked again" in await mos("start", "history")
    assert "history  history  on  not asked" in await mos("list")
