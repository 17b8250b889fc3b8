"""Saying how I am reached, on a phone, a tablet and a desk."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.api.seeding import TECHNICIAN
from tests.api.test_notifying import person, with_phones
from tests.browser.conftest import Console
from tests.browser.screens import opened, picture

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]


async def test_say_how_i_am_reached(console: Console, chromium: Browser, pictures: Path | None) -> None:
    await with_phones(console.database, TECHNICIAN)
    page = await opened(console, chromium, TECHNICIAN)
    await page.goto(f"{console.url}/account#notify")
    await page.locator("#notify").get_by_text("Change how I am reached").click()
    form = page.locator('form[action$="/notify"]')
    await form.get_by_text("Priority high").click()
    high = form.locator("details", has_text="Priority high")
    await high.get_by_label("First").select_option("slack")
    await high.get_by_label("Then").first.select_option("sms +420777000222")
    await high.get_by_label("When").nth(1).select_option("after 5 min")
    await form.get_by_text("Quiet hours, in").click()
    await form.get_by_label("From").first.fill("22:00")
    await form.get_by_label("To", exact=True).first.fill("06:00")
    save = form.get_by_role("button", name="Save")
    await picture(page, pictures, "notify", save)
    await save.click()
    await expect(page.get_by_text("From now on you are reached so.")).to_be_visible()
    await expect(page.locator("#notify")).to_contain_text("SMS after 5 min")
    kept = (await person(console.database, TECHNICIAN)).notify
    assert [step.channel.value for step in kept.steps["high"]] == ["slack", "sms"]
    assert [quiet.weekdays for quiet in kept.quiet] == [[0, 1, 2, 3, 4, 5, 6]]
    assert console.complaints == []
