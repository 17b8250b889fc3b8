"""The console as people have it in hand: on a phone, a tablet, a desk; nothing breaks, nothing hides, nothing runs."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import select, update
from sqlmodel import col

from store.tables import ExceptionRow, InboxRow
from store.write.exceptions import changed
from tests.api.seeding import BREAKDOWN, HOLD, PASSWORD, PLANNER, QUALITY, RUSH, TECHNICIAN
from tests.browser.conftest import Console
from tests.browser.screens import PHONE, picture
from tests.browser.signing_in import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
PATHS = {
    "board": "/",
    "breakdown": f"/exceptions/{BREAKDOWN}",
    "hold": f"/exceptions/{HOLD}",
    "rush": f"/exceptions/{RUSH}",
    "inbox": "/inbox",
    "ledger": "/ledger",
    "people": "/people",
    "erp": "/erp",
    "plant": "/plant",
}


def told(page: Page) -> Locator:
    """What the page says to the last answer; above it, the header has a status for channels that are down."""
    return page.get_by_role("main").get_by_role("status").first


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_fits_and_is_quiet(
    console: Console, chromium: Browser, pictures: Path | None, scheme: str
) -> None:
    context = await chromium.new_context(viewport=PHONE, color_scheme=scheme, has_touch=True)  # type: ignore[arg-type]
    page = await context.new_page()
    console.watch(page)
    await sign_in(page, console, QUALITY if scheme == "light" else PLANNER)
    for name, path in PATHS.items():
        await page.goto(console.url + path)
        await expect(page.locator("main h1").first).to_be_visible()
        await picture(page, pictures, f"{name}-{scheme}")
    assert console.complaints == []
    assert "owned" not in await page.title()


async def test_the_keyboard_reaches_the_answer(console: Console, chromium: Browser) -> None:
    page = await chromium.new_page()
    console.watch(page)
    await sign_in(page, console, TECHNICIAN)
    await page.goto(f"{console.url}/exceptions/{BREAKDOWN}")
    await page.get_by_role("button", name="2h").focus()
    await page.keyboard.press("Enter")
    await expect(told(page)).to_contain_text("Received")
    async with console.database.transaction() as session:
        query = select(col(InboxRow.body)).where(col(InboxRow.category) == "answer")
        body = (await session.scalars(query)).one()
    assert (body["person"], body["verb"]) == (TECHNICIAN, "answer:estimate:2h")
    assert console.complaints == []


async def test_a_signature_is_asked_on_the_phone(console: Console, chromium: Browser) -> None:
    page = await chromium.new_page(viewport=PHONE)
    console.watch(page)
    await sign_in(page, console, QUALITY)
    await page.get_by_role("link", name="Disposition of lot L-BAR-502").click()
    await page.get_by_role("radio", name="Scrap").check()
    await page.get_by_label("Your password, again").fill(PASSWORD)
    await page.get_by_role("button", name="Sign and send").click()
    await expect(told(page)).to_contain_text("Received")
    async with console.database.transaction() as session:
        mine = col(InboxRow.category) == "answer"
        outcome = {"accepted": True, "code": "approved", "by": "", "at": None}
        await session.execute(update(InboxRow).where(mine).values(status="answered", outcome=outcome))
    await expect(told(page)).to_contain_text("Your approval counts")
    assert console.complaints == []


async def test_an_open_page_follows_without_losing_what_is_being_written(console: Console, chromium: Browser) -> None:
    page = await chromium.new_page()
    console.watch(page)
    await sign_in(page, console, PLANNER)
    path = f"/exceptions/{BREAKDOWN}"
    again = lambda got: got.url.endswith(path) and got.request.resource_type != "document"  # noqa: E731
    async with page.expect_response(again):  # its first hint may come before it is loaded
        await page.goto(console.url + path)
    # The page has looked again: from now on it follows changes only.
    comment = page.get_by_label("Comment")
    await comment.fill("half a sentence")
    async with console.database.transaction() as session:
        mine = col(ExceptionRow.id) == BREAKDOWN
        await session.execute(
            update(ExceptionRow).where(mine).values(handling="decided", title="Lathe 1 is being repaired")
        )
        await changed(session, BREAKDOWN)
    await expect(page.locator("h1")).to_have_text("Lathe 1 is being repaired")
    await expect(comment).to_have_value("half a sentence")
    assert console.complaints == []
