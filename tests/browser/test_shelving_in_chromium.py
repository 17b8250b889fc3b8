"""A person shelves something and takes it back, on a phone, a tablet and a desk."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from admin.definitions.publish import publish_definition
from tests.api.seeding import NOW, PLANNER
from tests.api.test_shelving_console import may_shelve
from tests.browser.conftest import Console
from tests.browser.screens import every_size, not_too_wide, opened
from tests.support.plant import DEFINITIONS

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]


async def looks(page: Page, pictures: Path | None, name: str, button: Locator) -> None:
    async for size in every_size(page):
        await not_too_wide(page, f"{name}-{size}")
        await button.click(trial=True)
        if pictures:
            await page.screenshot(path=pictures / f"{name}-{size}.png", full_page=True)


async def test_shelve_and_unshelve(console: Console, chromium: Browser, pictures: Path | None) -> None:
    text = (DEFINITIONS / "breakdown.yaml").read_text()
    await publish_definition(console.database, text, "x.yaml", author="eng", signed_off_by="sofia", now=NOW)
    await may_shelve(console.database, PLANNER)
    page = await opened(console, chromium, PLANNER)
    await page.goto(f"{console.url}/inbox")
    await page.get_by_text("Shelve something").click()
    await page.get_by_label("Where").select_option("lathe-1")
    await page.get_by_label("Why").fill("The door switch of the lathe is loose; the part comes at noon.")
    put_away = page.get_by_role("button", name="Shelve", exact=True)
    await looks(page, pictures, "shelve", put_away)
    await put_away.click()
    shelf = page.locator(".shelf")
    await expect(shelf).to_contain_text("everything at lathe-1")
    back = page.get_by_role("button", name="Unshelve")
    await looks(page, pictures, "shelved", back)
    await back.click()
    await expect(page.locator("#shelved")).to_contain_text("Nothing is shelved")
    assert console.complaints == []
