"""The console as people have it in hand: on a phone, a tablet, a desk; nothing breaks, nothing hides, nothing runs."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, ViewportSize, expect
from sqlalchemy import select, update
from sqlmodel import col

from store.tables import ExceptionRow, InboxRow
from store.write.exceptions import changed
from tests.api.seeding import BREAKDOWN, HOLD, PASSWORD, PLANNER, QUALITY, RUSH, TECHNICIAN
from tests.browser.conftest import Console

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
SIZES = {"phone": (390, 844), "tablet": (820, 1180), "desk": (1440, 900)}
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


async def sign_in(page: Page, console: Console, person: str) -> None:
    await page.goto(f"{console.url}/login")
    await page.get_by_label("Name").fill(person)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{console.url}/")


def told(page: Page) -> Locator:
    """What the page says to the last answer; above it, the header has a status for channels that are down."""
    return page.get_by_role("main").get_by_role("status").first


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
async def test_every_page_fits_and_is_quiet(
    console: Console, chromium: Browser, pictures: Path | None, size: str, scheme: str
) -> None:
    width, height = SIZES[size]
    view = ViewportSize(width=width, height=height)
    context = await chromium.new_context(viewport=view, color_scheme=scheme, has_touch=size == "phone")  # type: ignore[arg-type]
    page = await context.new_page()
    console.watch(page)
    await sign_in(page, console, QUALITY if scheme == "light" else PLANNER)
    for name, path in PATHS.items():
        await page.goto(console.url + path)
        await expect(page.locator("main h1").first).to_be_visible()
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} scrolls sideways by {wide} px at {width}"
        small = await page.evaluate(
            "[...document.querySelectorAll('main button')].filter(b => b.getBoundingClientRect().height < 44).length"
        )
        assert small == 0, f"{name}: {small} buttons are too small for a thumb"
        if pictures:
            await page.screenshot(path=pictures / f"{name}-{size}-{scheme}.png", full_page=True)
    assert console.complaints == []
    assert "owned" not in await page.title()
    await context.close()


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
    page = await chromium.new_page(viewport=ViewportSize(width=390, height=844))
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
    await expect(told(page)).to_contain_text("Your approval counts", timeout=20_000)
    assert console.complaints == []


async def test_an_open_page_follows_without_losing_what_is_being_written(console: Console, chromium: Browser) -> None:
    page = await chromium.new_page()
    console.watch(page)
    await sign_in(page, console, PLANNER)
    await page.goto(f"{console.url}/exceptions/{BREAKDOWN}")
    async with page.expect_response(f"**/exceptions/{BREAKDOWN}"):
        pass  # the page has looked again after its first hint: from now on it follows changes only
    comment = page.get_by_label("Comment")
    await comment.fill("half a sentence")
    async with console.database.transaction() as session:
        mine = col(ExceptionRow.id) == BREAKDOWN
        await session.execute(
            update(ExceptionRow).where(mine).values(handling="decided", title="Lathe 1 is being repaired")
        )
        await changed(session, BREAKDOWN)
    await expect(page.locator("h1")).to_have_text("Lathe 1 is being repaired", timeout=20_000)
    await expect(comment).to_have_value("half a sentence")
    assert console.complaints == []
