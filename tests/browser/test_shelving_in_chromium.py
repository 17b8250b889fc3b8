"""A person shelves something and takes it back, on a phone, a tablet and a desk."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, ViewportSize, expect

from admin.publish import publish_definition
from tests.api.seeding import NOW, PLANNER
from tests.api.test_shelving_console import may_shelve
from tests.browser.conftest import Console
from tests.browser.test_console_in_chromium import SIZES, sign_in
from tests.support.plant import DEFINITIONS

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]


@pytest.mark.parametrize("size", SIZES)
async def test_shelve_and_unshelve(console: Console, chromium: Browser, pictures: Path | None, size: str) -> None:
    text = (DEFINITIONS / "breakdown.yaml").read_text()
    await publish_definition(console.database, text, "x.yaml", author="eng", signed_off_by="sofia", now=NOW)
    await may_shelve(console.database, PLANNER)
    width, height = SIZES[size]
    page = await (await chromium.new_context(viewport=ViewportSize(width=width, height=height))).new_page()
    console.watch(page)
    await sign_in(page, console, PLANNER)
    await page.goto(f"{console.url}/inbox")
    await page.get_by_text("Shelve something").click()
    await page.get_by_label("Where").select_option("lathe-1")
    await page.get_by_label("Why").fill("The door switch of the lathe is loose; the part comes at noon.")
    if pictures:
        await page.locator(".shelve").screenshot(path=pictures / f"shelve-{size}.png")
    await page.get_by_role("button", name="Shelve", exact=True).click()
    shelf = page.locator(".shelf")
    await expect(shelf).to_contain_text("everything at lathe-1")
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    if pictures:
        await page.screenshot(path=pictures / f"shelved-{size}.png", full_page=True)
        await page.goto(f"{console.url}/")
        await page.screenshot(path=pictures / f"shelved-board-{size}.png")
        await page.goto(f"{console.url}/inbox")
    await page.get_by_role("button", name="Unshelve").click()
    await expect(page.locator("#shelved")).to_contain_text("Nothing is shelved")
    assert console.complaints == []
