"""What people see: facts of the rows as text, in the site's time, and links that never do anything."""

import re
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from sqlalchemy import update
from sqlmodel import col

from store.db import Database
from store.tables import ExceptionRow
from tests.api.seeding import BREAKDOWN, HOLD, HOSTILE, PLANNER, QUALITY, RUSH, TECHNICIAN
from tests.api.site import Browser, application, browser, dependencies, fingerprint

PAGES = ["/", "/inbox", "/ledger", "/people", f"/exceptions/{BREAKDOWN}", f"/exceptions/{HOLD}", f"/exceptions/{RUSH}"]


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_sends_strangers_to_the_log_in_and_back(somebody: Browser, path: str) -> None:
    answer = await somebody.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path.replace('/', '%2F')}")


async def test_the_board_says_who_has_what_and_what_waits_for_whom(somebody: Browser) -> None:
    await somebody.sign_in(PLANNER)
    board = plain((await somebody.get("/")).text)
    assert board.index("Lot L-BAR-502 is on hold") < board.index("Lathe 1 is down"), "critical comes first"
    assert "Repair Lathe 1: Anna Nováková has it" in board
    assert "New plan for Lathe 1: waits for Petr Dvořák" in board
    assert "Yours to answer New plan for Lathe 1" in board
    assert "opcua-1 has not reported since 10:27:00 CET (connection refused)" in board
    assert "Petr Dvořák could not be reached by any contact" in board
    assert "1 unreadable signal, 1 refused call" in board
    assert "Rush order SO-2107 for Vesta Rail" in board


async def test_an_exception_tells_its_story_in_sentences(somebody: Browser) -> None:
    await somebody.sign_in(PLANNER)
    story = plain((await somebody.get(f"/exceptions/{BREAKDOWN}")).text).replace(" .", ".").replace(" :", ":")
    for sentence in (
        "The exception was opened for lathe-1.",
        "demand is not known: the ERP did not answer within 5 s",
        "Anna Nováková was asked: “Repair Lathe 1”.",
        "Anna Nováková accepted “Repair Lathe 1” on Slack.",
        "Petr Dvořák tried “Repair Lathe 1” on Slack, and was refused: was not asked.",
        "2 plans proposed: Push everything right; Put JO-1003 first.",
        "Nobody is on shift for “staging”.",
        "Shelved (Petr Dvořák): until: later",
        "Slack refused: channel_not_found",
        "+36 s",
    ):
        assert sentence in story, sentence


async def test_a_person_gets_the_form_that_is_theirs(somebody: Browser) -> None:
    await somebody.sign_in(PLANNER)
    page = (await somebody.get(f"/exceptions/{BREAKDOWN}")).text
    assert 'value="approve:swap"' in page
    assert 'value="done"' not in page
    await somebody.sign_in(TECHNICIAN)
    page = (await somebody.get(f"/exceptions/{BREAKDOWN}")).text
    assert 'value="answer:estimate:2h"' in page
    assert 'value="approve:swap"' not in page


async def test_transactions_name_decision_or_standing_authority_and_lead_to_the_erp(database: Database) -> None:
    start = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
    links = {"sale.sale": "https://erp.example.com/#/model/sale.sale/{id}"}

    async def holds() -> dict[str, object]:
        return {"orders": [{"job_order": "RUSH-SO-2107", "planned_start": start}], "lots": []}

    app = application(dependencies(database, erp_links=links, erp_page=holds))
    async with browser(app) as somebody:
        await somebody.sign_in(QUALITY)
        page = (await somebody.get("/ledger")).text
        assert 'href="https://erp.example.com/#/model/sale.sale/7"' in page
        assert 'href="/erp#r-rush-so-2107"' in page
        assert "decided by Petr Dvořák 08:00:00 CET (promise, grant planner-promise)" in plain(page)
        assert "standing authority, granted by Quentin Marsh" in plain(page)
        erp = (await somebody.get("/erp")).text
        assert 'id="r-rush-so-2107"' in erp
        assert "11:30 CET" in plain(erp)


async def test_milestones_are_told_as_they_came(somebody: Browser, database: Database) -> None:
    stones = {"signal": "09:00:00Z", "opened": "09:00:01Z", "decided": "09:00:04Z", "fixed": "09:00:07.5Z"}
    values = {name: f"2026-11-22T{at}" for name, at in stones.items()}
    async with database.transaction() as session:
        mine = col(ExceptionRow.id) == BREAKDOWN
        await session.execute(update(ExceptionRow).where(mine).values(milestones=values))
    await somebody.sign_in(PLANNER)
    page = (await somebody.get(f"/exceptions/{BREAKDOWN}")).text
    strip = plain(page[page.index('class="milestones"') : page.index("</ol>")])
    assert re.findall(r"[a-z]+(?= \d| not yet)", strip)[:4] == ["signal", "opened", "decided", "fixed"]
    assert "fixed 10:00:07 CET +7.5 s" in strip
    assert "closed not yet" in strip


@pytest.mark.parametrize("path", [*PAGES, "/erp"])
async def test_what_people_wrote_stays_text(database: Database, path: str) -> None:
    async def holds() -> dict[str, object]:
        return {HOSTILE: [{HOSTILE: HOSTILE}]}

    async with browser(application(dependencies(database, erp_page=holds, login_note=HOSTILE))) as somebody:
        await somebody.sign_in(QUALITY)
        page = (await somebody.get(path)).text
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    if path in ("/inbox", "/erp", f"/exceptions/{RUSH}", f"/exceptions/{BREAKDOWN}"):
        assert "&lt;img src=x" in page or r"\u003cimg" in page


async def test_following_every_link_changes_nothing(app: FastAPI, database: Database, somebody: Browser) -> None:
    await somebody.sign_in(QUALITY)
    before = await fingerprint(database)
    seen, waiting = set[str](), list(PAGES)
    while waiting:
        path = waiting.pop()
        page = await somebody.get(path)
        seen.add(path)
        found = {link.split("#")[0] for link in re.findall(r'(?:href|action)="(/[^"]*)"', page.text)}
        waiting += [link for link in found if link and link not in seen and link not in waiting]
    assert {"/logout", "/tasks/tsk_disposition/answer", "/people"} <= seen
    assert await fingerprint(database) == before


async def test_every_page_carries_a_strict_policy_and_nothing_inline(somebody: Browser) -> None:
    await somebody.sign_in(QUALITY)
    for path in PAGES:
        page = await somebody.get(path)
        policy = page.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]*src=)|<[^>]+ (?:style|on[a-z]+)=", page.text)


async def test_a_page_that_is_not_there_says_so(somebody: Browser) -> None:
    await somebody.sign_in(QUALITY)
    answer = await somebody.get("/exceptions/exc_none")
    assert answer.status_code == 404
    assert "There is no such exception" in answer.text
    assert (await somebody.get("/plant")).status_code == 404
    assert (await somebody.get("/erp")).status_code == 404
