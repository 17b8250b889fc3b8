"""Signing on a phone, a tablet and a desk: what is signed, what it means, the password; and the authority page."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import select

from admin.authority import publish_matrix
from store.tables import SignatureRow
from tests.api.seeding import DISPOSITION, HOLD, NOW, PASSWORD, PLANNER, QUALITY
from tests.browser.conftest import Console
from tests.browser.screens import opened, picture

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
MATRIX = {
    "currency": "EUR",
    "actions": {
        "disposition": {"risk": "high", "not_requester": True, "meanings": ["approve", "responsible"]},
        "reschedule": {"risk": "normal", "four_eyes": True, "high_above": {"money": 20000}},
    },
    "grants": [
        {"id": "quality-disposition", "action": "disposition", "to": {"person": QUALITY}},
        {"id": "planner-reschedule", "action": "reschedule", "to": {"person": PLANNER}, "limits": {"money": 5000}},
    ],
}


async def test_sign_a_disposition(console: Console, chromium: Browser, pictures: Path | None) -> None:
    await publish_matrix(console.database, MATRIX, author="eng", now=NOW)
    page = await opened(console, chromium, QUALITY)
    await page.goto(f"{console.url}/tasks/{DISPOSITION}/sign")
    await expect(page.get_by_role("heading", name="Decide and sign")).to_be_visible()
    await page.get_by_role("radio", name="scrap").check()
    await page.get_by_label("My signature means").select_option("responsible")
    await page.get_by_label("Your password, again").fill(PASSWORD)
    send = page.get_by_role("button", name="Sign and send")
    await picture(page, pictures, "sign", page.get_by_role("radio", name="scrap"), send)
    await send.click()
    await page.wait_for_url(f"{console.url}/exceptions/{HOLD}?answer=*")
    signature = page.locator(".signature")
    await expect(signature).to_contain_text("Quentin Marsh signed")
    await expect(signature).to_contain_text("meaning responsible")
    await picture(page, pictures, "signed")
    async with console.database.transaction() as session:
        [row] = (await session.scalars(select(SignatureRow))).all()
    assert (row.verb, row.meaning) == ("approve:scrap", "responsible")
    assert console.complaints == []


async def test_the_authority_page(console: Console, chromium: Browser, pictures: Path | None) -> None:
    await publish_matrix(console.database, MATRIX, author="eng", now=NOW)
    page = await opened(console, chromium, PLANNER)
    await page.goto(f"{console.url}/authority")
    await page.get_by_label("Action").select_option("reschedule")
    await page.get_by_label("Money").fill("4000")
    await page.get_by_role("button", name="Look").click()
    await expect(page.locator("#answer")).to_contain_text("by grant planner-reschedule")
    await page.get_by_text("Lend my authority").click()
    await page.get_by_label("reschedule").last.check()
    await page.get_by_label("Until").fill(NOW.replace(hour=23).strftime("%Y-%m-%dT%H:%M"))
    await page.get_by_label("Why").fill("I am at the dentist until the evening.")
    lend = page.get_by_role("button", name="Lend", exact=True)
    await picture(page, pictures, "lending", page.get_by_role("button", name="Look"), lend)
    await lend.click()
    await expect(page.locator(".delegation")).to_contain_text("at the dentist")
    end = page.get_by_role("button", name="End what")
    await picture(page, pictures, "authority", end)
    await end.click()
    await expect(page.locator("#delegations")).to_contain_text("Nobody lends anything.")
    assert console.complaints == []
