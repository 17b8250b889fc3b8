"""People and schedules in the console: what is shown, what forms change, who may, and the calendar feed."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy import select
from sqlmodel import col

from domain.rosters.people import Person
from store.db import Database
from store.read import site as site_read
from store.tables import AuditRow, PersonRow, ScheduleFeedRow
from tests.api.seeding import NOW, PLANNER, QUALITY, TECHNICIAN
from tests.api.site import Browser, hidden

LEAD = QUALITY
TEXT = f"""\
id: hall
title: Hall 1
timezone: Europe/Prague
layers:
- turns: [[{TECHNICIAN}], [{PLANNER}]]
  starts: 2026-11-02T06:00
  turn: 1d
"""


async def promote(database: Database, name: str) -> None:
    async with database.transaction() as session:
        row = await session.get(PersonRow, name)
        assert row is not None
        row.data = row.data | {"authorities": [*row.data["authorities"], "manage_roster"]}


async def send(browser: Browser, page: str, after: str, path: str, **fields: str) -> Any:
    """Open the page, take the form after this text as it is, send it."""
    shown = (await browser.get(page)).text
    form = hidden(shown, after)
    return await browser.post(path, form | fields)


@pytest.fixture
async def lead(somebody: Browser, database: Database) -> Browser:
    await promote(database, LEAD)
    await somebody.sign_in(LEAD)
    made = await send(somebody, "/schedules/new", "New schedule</h1>", "/schedules", text=TEXT)
    assert (made.status_code, made.headers["location"]) == (303, "/schedules/hall")
    return somebody


async def test_the_list_says_who_is_on_call_at_a_time(lead: Browser) -> None:
    page = (await lead.get("/people?at=2026-11-03T06:00")).text
    assert "Hall 1" in page
    assert re.search(r'class="card"><h3><a href="/schedules/hall">.*?Petr Dvořák', page, re.S)
    found = (await lead.get("/people?q=quality")).text
    assert 'href="/people/quentin"' in found
    assert 'href="/people/petr"' not in found.split('id="people"')[1]


async def test_a_week_with_the_day_of_25_hours(lead: Browser) -> None:
    page = (await lead.get("/schedules/hall?week=2026-11-04")).text
    assert "Week of 2026-11-02" in page
    assert page.count('<svg class="bars"') == 7
    assert 'style="' not in page
    autumn = (await lead.get("/schedules/hall?week=2026-10-25")).text
    assert "25 hours" in autumn
    assert (await lead.get("/schedules/hall?week=soon")).status_code == 400


async def test_an_override_by_who_keeps_the_roster_only(lead: Browser, database: Database) -> None:
    fields = {"person": LEAD, "begins": "2026-12-24T06:00", "ends": "2026-12-24T18:00", "reason": "holiday"}
    done = await send(lead, "/schedules/hall", "Enter an override", "/schedules/hall/overrides", **fields)
    assert done.status_code == 303
    async with database.transaction() as session:
        roster = await site_read.roster(session)
    assert roster.on_call("hall", datetime(2026, 12, 24, 12, tzinfo=UTC)) == (LEAD,)
    assert "“holiday”" in (await lead.get("/schedules/hall")).text
    await lead.sign_in(PLANNER)
    page = (await lead.get("/schedules/hall")).text
    assert "Enter an override" not in page
    refused = await lead.post("/schedules/hall/overrides", hidden(page) | fields)
    assert refused.status_code == 403


async def test_a_swap_holds_when_the_other_one_agrees(lead: Browser, database: Database) -> None:
    await lead.sign_in(TECHNICIAN)
    fields = {"taker": PLANNER, "begins": "2026-11-24T06:00", "ends": "2026-11-25T06:00"}
    asked = await send(lead, "/schedules/hall", "Ask for a swap", "/schedules/hall/swaps", **fields)
    assert asked.status_code == 303, asked.text
    page = (await lead.get("/schedules/hall")).text
    swap = re.findall(r"/swaps/(swp_\w+)/withdraw", page)[0]
    assert f"/swaps/{swap}/agree" not in page
    own = await lead.post(f"/swaps/{swap}/agree", hidden(page))
    assert own.status_code == 403
    await lead.sign_in(PLANNER)
    assert (await lead.post(f"/swaps/{swap}/agree", hidden((await lead.get("/people")).text))).status_code == 303
    async with database.transaction() as session:
        roster = await site_read.roster(session)
    assert roster.on_call("hall", datetime(2026, 11, 24, 12, tzinfo=UTC)) == (PLANNER,)
    again = await lead.post(f"/swaps/{swap}/refuse", hidden((await lead.get("/people")).text))
    assert again.status_code == 409


async def test_everybody_enters_their_own_absence_only(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(TECHNICIAN)
    fields = {"kind": "sick", "begins": "2026-11-22T00:00", "ends": "2026-12-22T00:00"}
    path = f"/people/{TECHNICIAN}"
    assert (await send(somebody, path, "Enter an absence", f"{path}/absences", **fields)).status_code == 303
    assert "away" in (await somebody.get("/people")).text
    refused = await send(somebody, path, "Enter an absence", f"/people/{PLANNER}/absences", **fields)
    assert refused.status_code == 403
    await somebody.sign_in(PLANNER)
    assert "Sick" not in (await somebody.get(path)).text  # when, but not why
    async with database.transaction() as session:
        told = (await session.scalars(select(AuditRow).where(col(AuditRow.kind) == "absence.added"))).all()
    assert [(row.subject, "kind" in row.data) for row in told] == [(TECHNICIAN, False)]


async def test_two_administrators_do_not_overwrite_each_other(lead: Browser, database: Database) -> None:
    page = (await lead.get(f"/people/{PLANNER}")).text
    form = hidden(page, "Change this person") | {"name": "Petr Dvořák", "contacts": "sms +447700900123"}
    assert (await lead.post(f"/people/{PLANNER}", form | {"skills": "milling, turning"})).status_code == 303
    stale = await lead.post(f"/people/{PLANNER}", form | {"skills": "sawing"})
    assert (stale.status_code, "changed this meanwhile" in stale.text) == (409, True)
    async with database.transaction() as session:
        person = await site_read.person(session, PLANNER)
        assert isinstance(person, Person)
        assert await site_read.person_at(session, "sms", "+447700900123") is None
    assert person.skills == ["milling", "turning"]
    assert [one.verified for one in person.contacts] == [False]  # C9: until its owner has proved it


async def test_nobody_gives_powers_to_themselves(lead: Browser) -> None:
    page = (await lead.get(f"/people/{LEAD}")).text
    form = hidden(page, "Change this person") | {"authorities": "manage_roster, reschedule"}
    refused = await lead.post(f"/people/{LEAD}", form)
    assert (refused.status_code, "your own authorities" in refused.text) == (403, True)


async def test_a_secret_feed_is_read_without_a_log_in_until_it_is_ended(lead: Browser) -> None:
    page = await send(lead, "/schedules/hall", "Calendar address", "/feeds/schedules/hall")
    path = re.findall(r"http://mos.example.com(/calendar/[0-9a-f]{64}\.ics)", page.text)[0]
    lead.client.cookies.clear()
    feed = await lead.get(path)
    assert feed.headers["content-type"].startswith("text/calendar")
    events = list(Calendar.from_ical(feed.content).walk("VEVENT"))
    assert str(events[-1]["SUMMARY"]) in ("Anna Nováková", "Petr Dvořák")
    assert len({str(one["UID"]) for one in events}) == len(events)
    await lead.sign_in(TECHNICIAN)
    ended = await send(lead, "/schedules/hall", "Calendar address", "/feeds/schedules/hall", end="1")
    assert ended.status_code == 303
    assert (await lead.get(path)).status_code == 404
    other = await send(lead, "/schedules/hall", "Calendar address", f"/feeds/people/{PLANNER}")
    assert other.status_code == 403


async def test_the_page_says_how_a_feed_is_and_who_keeps_the_roster_has_it_looked_at(
    lead: Browser, database: Database
) -> None:
    told: dict[str, Any] = {
        "kind": "roster_ical",
        "host": "calendar.example.com",
        "version": "",
        "minutes": 15,
    }
    old = NOW - timedelta(days=2)
    row = ScheduleFeedRow(
        name="theirs", added_at=old, next_at=NOW, notes=[], schedules=["hall"], stale_after=24, **told
    )
    row.good_at, row.tried_at, row.error, row.advice = old, NOW, "The feed is gone. <HTTP 404>", "Look the address up."
    async with database.transaction() as session:
        session.add(row)
    page = (await lead.get("/people")).text
    for words in ("stale", "The feed is gone. &lt;HTTP 404&gt;", "Look the address up.", "last good schedule stays"):
        assert words in page
    assert '<a href="/people#feed-theirs">' in (await lead.get("/schedules/hall")).text
    done = await send(lead, "/people", 'id="feed-theirs"', "/schedule-feeds/theirs")
    assert (done.status_code, done.headers["location"]) == (303, "/people#feed-theirs")
    async with database.transaction() as session:
        asked = await session.get(ScheduleFeedRow, "theirs")
        assert asked is not None
        assert asked.asked_at == NOW
    assert "Being looked at" in (await lead.get("/people")).text
    await lead.sign_in(PLANNER)
    page = (await lead.get("/people")).text
    assert "/schedule-feeds/theirs" not in page
    assert (await lead.post("/schedule-feeds/theirs", hidden(page))).status_code == 403
