"""The sizes of screen that people have in hand, and what holds on each of them."""

from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, ViewportSize

from tests.browser.conftest import Console
from tests.browser.signing_in import sign_in

SIZES = {"desk": (1440, 900), "tablet": (820, 1180), "phone": (390, 844)}
PHONE = ViewportSize(width=390, height=844)
_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_SMALL = "[...document.querySelectorAll('main button')].filter(b => b.getBoundingClientRect().height < 44).length"


async def opened(console: Console, chromium: Browser, person: str) -> Page:
    """A phone on which this person is signed in."""
    page = await (await chromium.new_context(viewport=PHONE, has_touch=True)).new_page()
    console.watch(page)
    await sign_in(page, console, person)
    return page


async def every_size(page: Page) -> AsyncIterator[str]:
    """The page that is shown, on each size: it is laid out anew by its width alone. It ends on the phone."""
    for size, (width, height) in SIZES.items():
        await page.set_viewport_size({"width": width, "height": height})
        yield size


async def not_too_wide(page: Page, what: str) -> None:
    wide = await page.evaluate(_WIDE)
    assert wide <= 0, f"{what} scrolls sideways by {wide} px"


async def fits(page: Page, what: str) -> None:
    """Nothing is too wide, no button too small for a thumb."""
    await not_too_wide(page, what)
    small = await page.evaluate(_SMALL)
    assert small == 0, f"{what}: {small} buttons are too small for a thumb"


async def picture(page: Page, folder: Path | None, name: str, *reached: Locator) -> None:
    """On each size the page fits, and `reached` could be pressed."""
    async for size in every_size(page):
        await fits(page, f"{name}-{size}")
        for one in reached:
            await one.click(trial=True)
        if folder:
            await page.screenshot(path=folder / f"{name}-{size}.png", full_page=True)
