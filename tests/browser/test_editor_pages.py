"""The pages of definitions on a phone, a tablet and a desk, in light and dark: they fit, nothing complains."""

from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from admin.actors import Actor
from admin.definitions import drafts, rollout
from admin.definitions.drafts import Deed
from admin.definitions.rollout import Move
from store.db import Database
from tests.api.authored import AUTHOR, BREAKDOWN, DEFINITIONS, OTHER, SIGNER, open_breakdown, publish
from tests.api.seeding import BREAKDOWN as OPEN
from tests.api.seeding import HOSTILE, NOW
from tests.browser.conftest import Console
from tests.browser.desk import desk
from tests.browser.screens import PHONE, every_size, not_too_wide
from tests.browser.signing_in import sign_in

__all__ = ["desk"]

pytestmark = [pytest.mark.browser, pytest.mark.needs("chromium")]
SMALL = """[...document.querySelectorAll("main button")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44).length"""
NAMELESS = """[...document.querySelectorAll("main :is(input, textarea, select):not([type=hidden], [hidden])")]
  .filter((one) => !one.labels.length && !one.ariaLabel).length"""
PATHS = {
    "list": "/definitions",
    "definition": "/definitions/breakdown?before=v1&after=v2",
    "version": "/definitions/breakdown/v2",
    "writing": "/drafts/1",
    "wrong": "/drafts/2",
    "submitted": "/drafts/3",
    "halfway": f"/exceptions/{OPEN}",
}


@pytest_asyncio.fixture(loop_scope="session")
async def busy(desk: Console) -> Console:
    """Two versions, one of them on trial; a draft that is right, one that is wrong, one that waits for a signature."""
    newer = BREAKDOWN.replace("lead_after: 5m", "lead_after: 8m").replace("buttons: [arrived, done]", "buttons: [done]")
    await publish(desk.database, newer, "The lead was called too early at night", author=OTHER)
    await open_breakdown(desk.database)
    await _drafts(desk.database)
    move = Move(Actor(SIGNER), NOW, "Only turning, for a week")
    await rollout.roll_back(desk.database, "breakdown", move)
    await rollout.try_out(desk.database, "breakdown", "v2", move, areas=["turning"], share=50)
    return desk


async def _drafts(database: Database) -> None:
    writer = Actor(AUTHOR)
    every = (DEFINITIONS / "material_shortage.yaml").read_text(encoding="utf-8")
    await drafts.begin(database, "material_shortage", writer, NOW, text=every)
    wrong = BREAKDOWN.replace("equipment.skill", "equipment.skil").replace("- task: repair", f"- task: '{HOSTILE}'", 1)
    await drafts.begin(database, "breakdown", writer, NOW, text=wrong.replace("to: {role: planner}", "too: planner"))
    sent = await drafts.begin(database, "line_stop", writer, NOW, like="breakdown@v2")
    await drafts.submit(database, sent, "Lines stop too", Deed(writer, NOW, 1))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_of_definitions_fits_and_is_quiet(
    busy: Console, chromium: Browser, pictures: Path | None, scheme: str
) -> None:
    context = await chromium.new_context(viewport=PHONE, color_scheme=scheme, has_touch=True)  # type: ignore[arg-type]
    page = await context.new_page()
    busy.watch(page)
    await sign_in(page, busy, SIGNER)
    for name, path in PATHS.items():
        await page.goto(busy.url + path)
        await expect(page.locator("main h1").first).to_be_visible()
        if name == "definition":
            await page.get_by_text("Roll out", exact=True).click()
        async for size in every_size(page):
            await not_too_wide(page, f"{name}-{size}")
            assert await page.evaluate(SMALL) == 0, f"{name}-{size}: buttons too small for a thumb"
            assert await page.evaluate(NAMELESS) == 0, f"{name}-{size}: fields without a name"
            if pictures:
                file = pictures / f"{name}-{size}-{scheme}.png"
                await page.screenshot(path=file, full_page=True, caret="initial")
    assert busy.complaints == []
    assert "owned" not in await page.title()
