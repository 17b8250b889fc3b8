"""The ledger on a phone, a tablet and a desk: found, looked at again, stopped; nothing too wide."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from store.tables import LedgerRow
from tests.api.seeding import PASSWORD, PLANNER
from tests.api.test_ledger_console import seed_ledger
from tests.api.test_ledger_parts_page import seed_parts
from tests.api.test_ledger_signing import rule
from tests.browser.conftest import Console
from tests.browser.screens import opened, picture

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]


async def test_the_ledger(console: Console, chromium: Browser, pictures: Path | None) -> None:
    await seed_ledger(console.database)
    page = await opened(console, chromium, PLANNER)
    await page.goto(f"{console.url}/ledger")
    await page.locator("input[name=words]").fill("SO-2107")
    await page.locator("select[name=status]").select_option("sent_back")
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(page.get_by_role("heading", name="Ledger 1")).to_be_visible()
    for _ in range(2):  # a file leaves the page as it is
        async with page.expect_download():
            await page.get_by_role("button", name="Export as CSV").click()
    link = page.locator("#txn_back").get_by_role("link", name="ERP").first
    await picture(page, pictures, "ledger", link)
    await link.click()
    await expect(page.get_by_role("heading", name="It has changed meanwhile")).to_be_visible()
    anyway = page.get_by_role("button", name="Post it all the same")
    await picture(page, pictures, "ledger-sent-back", anyway)
    await anyway.click()
    await expect(page.get_by_role("heading", name="It has changed meanwhile")).to_be_hidden()
    async with console.database.transaction() as session:
        assert (await session.get_one(LedgerRow, "txn_back")).status == "authorised"
    await page.goto(f"{console.url}/ledger?queue=dead")
    several = page.get_by_role("link", name="Try these again")
    await picture(page, pictures, "ledger-dead-letters", several)
    await several.click()
    await picture(page, pictures, "ledger-bulk", page.get_by_role("button", name="Try these again"))
    await page.goto(f"{console.url}/ledger/txn_dead")
    await page.get_by_text("Mend it, or send it to another system").click()
    await picture(page, pictures, "ledger-dead")
    await page.goto(f"{console.url}/ledger/txn_done")
    await picture(page, pictures, "ledger-done")
    await seed_parts(console.database)
    await page.goto(f"{console.url}/ledger/txn_group")
    await expect(page.get_by_role("heading", name="Posted one after the other")).to_be_visible()
    await picture(page, pictures, "ledger-parts")
    await page.goto(f"{console.url}/ledger/systems")
    await page.locator('[id="system:erp"]').get_by_text("Change").click()
    await picture(page, pictures, "ledger-systems")
    await page.goto(f"{console.url}/reconciliation")
    await expect(page.get_by_text("Everything agrees.")).to_be_visible()
    await picture(page, pictures, "reconciliation")


async def test_a_decision_is_signed_on_its_page(console: Console, chromium: Browser, pictures: Path | None) -> None:
    await seed_ledger(console.database)
    await rule(console.database, risk="high")
    page = await opened(console, chromium, PLANNER)
    await page.goto(f"{console.url}/ledger/txn_back")
    await picture(page, pictures, "ledger-sign")
    card = page.locator("section.ask form").first
    await card.get_by_label("My signature means").select_option("responsible")
    await card.get_by_label("Your password, again").fill(PASSWORD)
    await card.get_by_role("button", name="Sign and post it all the same").click()
    await expect(page.get_by_text("Signed by Petr Dvořák: responsible")).to_be_visible()
