"""The console can be installed on a phone, opens at my tasks, and says so when the connection is gone."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, expect

from api.rendering import STATIC
from tests.api.seeding import PLANNER
from tests.browser.conftest import Console
from tests.browser.screens import opened

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]


async def test_chromium_takes_the_manifest(console: Console, chromium: Browser) -> None:
    page = await opened(console, chromium, PLANNER)
    told = await page.context.new_cdp_session(page)
    found = await told.send("Page.getAppManifest")
    assert found["errors"] == []
    assert found["url"] == f"{console.url}/manifest.webmanifest"
    errors = await told.send("Page.getInstallabilityErrors")
    reasons = {error["errorId"] for error in errors["installabilityErrors"]}
    assert reasons <= {"in-incognito"}, "a test's browser keeps nothing, hence can install nothing"
    start = found["manifest"]["startUrl"]
    await page.goto(start)
    await expect(page.locator("#mine")).to_contain_text("Yours to answer")
    assert console.complaints == []


async def test_a_page_that_says_the_connection_is_gone(
    console: Console, chromium: Browser, pictures: Path | None
) -> None:
    page = await opened(console, chromium, PLANNER)
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await page.wait_for_function("navigator.serviceWorker.controller !== null")
    await page.context.set_offline(True)
    await page.goto(f"{console.url}/inbox")
    await expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    if pictures:
        await page.screenshot(path=pictures / "offline-phone.png")
    kept = "caches.keys().then(async names => (await Promise.all(names.map(async name =>"
    kept += " (await (await caches.open(name)).keys()).map(one => new URL(one.url).pathname)))).flat().sort())"
    assert await page.evaluate(kept) == ["/static/console.css", "/static/icon.svg", "/static/offline.html"]
    await page.context.set_offline(False)
    await page.get_by_role("link", name="Try again").click()
    await expect(page.get_by_role("heading", name="Quarantine")).to_be_visible()


@pytest.mark.parametrize("name, edge", [("192", 192), ("512", 512), ("maskable-512", 512), ("apple-180", 180)])
def test_icons_are_as_large_as_they_say(name: str, edge: int) -> None:
    with Image.open(STATIC / f"icon-{name}.png") as icon:
        assert icon.size == (edge, edge)
