"""Steering by hand: found at once, on every screen, and never sent without saying why."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import select
from sqlmodel import col

from store.tables import InboxRow
from store.write.exceptions import changed
from tests.api.seeding import BREAKDOWN, PLANNER
from tests.api.test_steering_api import settle, standing, versions
from tests.browser.conftest import Console
from tests.browser.screens import PHONE, every_size, not_too_wide
from tests.browser.signing_in import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
SMALL = """[...document.querySelectorAll("#steer button, #steer select, #outcome button")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44).length"""
DETAIL = {"kept": 6, "going_on": ["repair"], "withdrawn": ["staging"], "passed_over": ["affected"], "new": ["clean_up"]}


async def commands(console: Console) -> list[tuple[str, str, str]]:
    async with console.database.transaction() as session:
        found = select(col(InboxRow.body)).where(col(InboxRow.category) == "command").order_by(col(InboxRow.seq))
        return [(body["kind"], body["step"], body["reason"]) for body in (await session.scalars(found)).all()]


async def answered(console: Console, code: str, **detail: object) -> None:
    await settle(console.database, {"accepted": code == "done", "code": code, "detail": detail})
    async with console.database.transaction() as session:
        await changed(session, BREAKDOWN)


async def fits(page: Page, name: str, pictures: Path | None, *reached: Locator) -> None:
    async for size in every_size(page):
        await not_too_wide(page, f"{name}-{size}")
        small = await page.evaluate(SMALL)
        assert small == 0, f"{name}-{size}: {small} are too small for a thumb"
        for one in reached:
            await one.click(trial=True)
        if pictures:
            await page.screenshot(path=pictures / f"{name}-{size}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_panel_and_the_preview_fit_every_screen(
    console: Console, chromium: Browser, pictures: Path | None, scheme: str
) -> None:
    context = await chromium.new_context(viewport=PHONE, color_scheme=scheme, has_touch=True)  # type: ignore[arg-type]
    page = await context.new_page()
    console.watch(page)
    await standing(console.database)
    await versions(console.database)
    await sign_in(page, console, PLANNER)
    await page.goto(f"{console.url}/exceptions/{BREAKDOWN}")
    await expect(page.locator(".banner.bad", has_text="New times failed")).to_be_visible()
    steer = page.get_by_text("Steer this exception")
    await fits(page, f"steer-closed-{scheme}", pictures, steer)
    await steer.click()
    await page.get_by_text("Skip it with values").first.click()
    preview = page.get_by_role("button", name="Preview")
    await fits(page, f"steer-open-{scheme}", pictures, preview)
    await preview.click()
    await expect(page.get_by_text("Received. It is being done.")).to_be_visible()
    await answered(console, "done", **DETAIL)
    await expect(page.get_by_role("button", name="Move it to v2")).to_be_visible(timeout=20_000)
    await page.get_by_text("What this version says differently").click()
    await fits(page, f"steer-preview-{scheme}", pictures)
    await standing(console.database, by_hand="Petr Dvořák")
    await page.goto(console.url)
    await fits(page, f"steer-board-{scheme}", pictures)
    assert console.complaints == []


async def test_a_reason_is_asked_for_where_one_is_needed(console: Console, chromium: Browser) -> None:
    page = await chromium.new_page()
    console.watch(page)
    await standing(console.database)
    await sign_in(page, console, PLANNER)
    await page.goto(f"{console.url}/exceptions/{BREAKDOWN}")
    await page.get_by_text("Steer this exception").click()
    await page.get_by_role("button", name="Pause").click()
    assert await commands(console) == []  # the browser itself asks for the reason
    await page.get_by_label("Why").fill("The line is being moved")
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("Received. It is being done.")).to_be_visible()
    await standing(console.database, paused=True)
    await answered(console, "done")
    await expect(page.get_by_text("Paused. Nobody new is asked")).to_be_visible(timeout=20_000)
    await page.get_by_text("Steer this exception").click()
    await page.get_by_role("button", name="Retry New times").click()  # no reason: it is what was decided already
    await expect(page.get_by_text("Received. It is being done.")).to_be_visible()
    assert await commands(console) == [("pause", "", "The line is being moved"), ("retry", "1", "")]
    assert console.complaints == []
