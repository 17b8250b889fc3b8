"""Signing in as people do."""

from playwright.async_api import Page

from tests.api.seeding import PASSWORD
from tests.browser.conftest import Console


async def sign_in(page: Page, console: Console, person: str) -> None:
    await page.goto(f"{console.url}/login")
    await page.get_by_label("Name").fill(person)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{console.url}/")
