"""People and schedules on a phone, a tablet and a desk: nothing overflows, the policy refuses nothing, forms work."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from domain.rosters.model import Schedule
from store.db import Database
from store.tables import AbsenceRow, OverrideRow, PersonRow, ScheduleFeedRow, ScheduleRow
from tests.api.seeding import NOW, PLANNER, QUALITY, TECHNICIAN
from tests.browser.conftest import Console
from tests.browser.screens import every_size, not_too_wide, opened

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
NIGHT = {"start": "22:00", "end": "06:00"}
HALL = {
    "id": "hall",
    "title": "Hall 1, mechanical",
    "timezone": "Europe/Prague",
    "holidays": ["2026-11-27"],
    "layers": [
        {"turns": [[TECHNICIAN], [PLANNER]], "starts": "2026-11-02T06:00", "turn": "1d", "holidays": "off"},
        {"turns": [[QUALITY]], "starts": "2026-11-02T06:00", "windows": [NIGHT], "level": 1},
    ],
}


async def staff(database: Database) -> None:
    schedule = Schedule.model_validate(HALL).model_dump(mode="json", exclude={"overrides"})
    override: dict[str, Any] = {
        "id": "o1",
        "begins": "2026-11-25T09:00:00Z",
        "ends": "2026-11-25T15:00:00Z",
        "people": [QUALITY],
    }
    absence = {"id": "a1", "person": TECHNICIAN, "begins": "2026-11-26T05:00:00Z", "ends": "2026-11-27T23:00:00Z"}
    async with database.transaction() as session:
        keeper = await session.get(PersonRow, QUALITY)
        assert keeper is not None
        certificates = [{"name": "first_aid", "until": "2026-12-01"}, {"name": "forklift"}]
        contacts = [*keeper.data["contacts"], {"channel": "sms", "address": "+447700900109", "verified": False}]
        keeper.data = keeper.data | {"authorities": ["disposition", "manage_roster"], "skills": ["hardness", "gauges"]}
        keeper.data = keeper.data | {"certificates": certificates, "contacts": contacts}
        entered: dict[str, Any] = {"entered_by": QUALITY, "entered_at": NOW}
        override |= {"people": [QUALITY], "instead_of": [PLANNER], "reason": "training in the other hall"}
        session.add(ScheduleRow(id="hall", data=schedule))
        session.add_all([_feed("theirs", NOW - timedelta(minutes=4)), _feed("night_shifts", NOW - timedelta(days=2))])
        session.add(OverrideRow(id="o1", schedule="hall", ends=NOW.replace(day=25), data=override, **entered))
        session.add(AbsenceRow(id="a1", person=TECHNICIAN, ends=NOW.replace(day=27), data=absence, **entered))


def _feed(name: str, good_at: datetime) -> ScheduleFeedRow:
    """One that is good, or one that is wrong for long."""
    good = NOW - good_at < timedelta(hours=1)
    error = "'night_shifts' is a schedule of this site: if the feed may replace it, name it in its 'schedules'"
    told: dict[str, Any] = {"kind": "roster_ical", "host": "calendar.example.com", "version": "1", "minutes": 15}
    told |= {"added_at": NOW, "next_at": NOW, "tried_at": NOW, "good_at": good_at, "changed_at": good_at}
    told |= {"notes": ["3 events 'Somebody Else' name nobody on the roster"] if good else []}
    told |= {"error": "", "advice": ""} if good else {"error": error, "advice": "Mend the feed and push it."}
    return ScheduleFeedRow(name=name, stale_after=24, schedules=["hall"] if good else [], **told)


async def test_people_and_schedules(console: Console, chromium: Browser, pictures: Path | None) -> None:
    await staff(console.database)
    page = await opened(console, chromium, QUALITY)
    for path in ("/people", f"/people/{QUALITY}", "/schedules/hall?week=2026-11-23", "/schedules/new", "/people/new"):
        await page.goto(f"{console.url}{path}")
        if path.startswith("/people/q"):
            await page.get_by_text("Change this person").click()
        async for size in every_size(page):
            if pictures:
                name = path.strip("/").partition("?")[0].replace("/", "-")
                await page.screenshot(path=pictures / f"roster-{name}-{size}.png", full_page=True)
            await not_too_wide(page, f"{path} on a {size}")
    await page.goto(f"{console.url}/people/{QUALITY}")
    await page.get_by_text("Enter an absence").click()
    await page.locator("[name=begins]").fill("2026-12-24T00:00")
    await page.locator("[name=ends]").fill("2026-12-27T00:00")
    enter = page.get_by_role("button", name="Enter", exact=True)
    async for _ in every_size(page):
        await enter.click(trial=True)
    await enter.click()
    await expect(page.locator("#away + .item")).to_contain_text("Holiday")
    assert console.complaints == []
