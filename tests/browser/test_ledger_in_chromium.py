"""The ledger on a phone, a tablet and a desk: found, looked at again, stopped; nothing too wide."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from store.tables import LedgerRow
from tests.api.seeding import PASSWORD, PLANNER
from tests.api.test_ledger_console import seed_ledger
from tests.api.test_ledger_parts_page import seed_parts
from tests.api.test_ledger_signing import rule
from tests.browser.conftest import Console
from tests.browser.test_console_in_chromium import SIZES
from tests.browser.test_signing_in_chromium import fits, opened

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]


async def picture(page: Page, folder: Path | None, name: str) -> None:
    await fits(page)
    if folder:
        await page.screenshot(path=folder / f"{name}.png", full_page=True)


@pytest.mark.parametrize("size", SIZES)
async def test_the_ledger(console: Console, chromium: Browser, pictures: Path | None, size: str) -> None:
    await seed_ledger(console.database)
    page = await opened(console, chromium, size, PLANNER)
    await page.goto(f"{console.url}/ledger")
    await page.locator("input[name=words]").fill("SO-2107")
    await page.locator("select[name=status]").select_option("sent_back")
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(page.get_by_role("heading", name="Ledger 1")).to_be_visible()
    await picture(page, pictures, f"ledger-{size}")
    await page.locator("#txn_back").get_by_role("link", name="ERP").first.click()
    await expect(page.get_by_role("heading", name="It has changed meanwhile")).to_be_visible()
    await picture(page, pictures, f"ledger-sent-back-{size}")
    await page.get_by_role("button", name="Post it all the same").click()
    await expect(page.get_by_role("heading", name="It has changed meanwhile")).to_be_hidden()
    async with console.database.transaction() as session:
        assert (await session.get_one(LedgerRow, "txn_back")).status == "authorised"
    await page.goto(f"{console.url}/ledger/txn_dead")
    await page.get_by_text("Mend it, or send it to another system").click()
    await picture(page, pictures, f"ledger-dead-{size}")
    await page.goto(f"{console.url}/ledger/txn_done")
    await picture(page, pictures, f"ledger-done-{size}")
    await seed_parts(console.database)
    await page.goto(f"{console.url}/ledger/txn_group")
    await expect(page.get_by_role("heading", name="Posted one after the other")).to_be_visible()
    await picture(page, pictures, f"ledger-parts-{size}")
    await page.goto(f"{console.url}/ledger/systems")
    await page.locator('[id="system:erp"]').get_by_text("Change").click()
    await picture(page, pictures, f"ledger-systems-{size}")
    await page.goto(f"{console.url}/reconciliation")
    await expect(page.get_by_text("Everything agrees.")).to_be_visible()
    await picture(page, pictures, f"reconciliation-{size}")


async def test_a_decision_is_signed_on_its_page(console: Console, chromium: Browser, pictures: Path | None) -> None:
    await seed_ledger(console.database)
    await rule(console.database, risk="high")
    page = await opened(console, chromium, "phone", PLANNER)
    await page.goto(f"{console.url}/ledger/txn_back")
    for size, (width, height) in SIZES.items():
        await page.set_viewport_size({"width": width, "height": height})
        await picture(page, pictures, f"ledger-sign-{size}")
    card = page.locator("section.ask form").first
    await card.get_by_label("My signature means").select_option("responsible")
    await card.get_by_label("Your password, again").fill(PASSWORD)
    await card.get_by_role("button", name="Sign and post it all the same").click()
    await expect(page.get_by_text("Signed by Petr Dvořák: responsible")).to_be_visible()
