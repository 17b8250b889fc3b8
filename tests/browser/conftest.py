"""The console on a real port with seeded rows, and Debian's Chromium."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from infra.plant.control_http import control_http
from infra.plant.plant_control import PlantControl
from infra.plant.process import HOST, listen, port_of, serving
from store.db import Database
from tests.api.hand import TOKEN, Hand
from tests.api.seeding import seed
from tests.api.site import application, dependencies, emptied, postgres

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All on one event loop: a browser cannot be handed from one to the next."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass
class Console:
    """Where it is, its database, and what the browser complained about."""

    url: str
    database: Database
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Collect errors of scripts, of the policy and of loading."""
        page.on(
            "console", lambda line: self.complaints.append(line.text) if line.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "response", lambda got: self.complaints.append(f"{got.status} {got.url}") if got.status >= 400 else None
        )


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    with postgres() as url:
        yield url


async def holds() -> dict[str, Any]:
    """Rows in the shape of the plant's page of the ERP."""
    times = {"planned_start": datetime(2026, 11, 22, 10, 30, tzinfo=UTC), "planned_end": None}
    work = {"id": 3, "sequence": 10, "operation": "Turn", "work_unit": "lathe-1", "state": "request", **times}
    order = {"id": 9, "state": "draft", "reference": "RUSH-SO-2107", "hold": False, "sale": "", "works": [work, work]}
    lot = {"lot": "L-BAR-502", "state": "on hold", "location": "Quarantine", "reason": "Hardness 27.4 HRC"}
    return {
        "orders": [order, order | {"reference": "JO-1003"}],
        "lots": [lot],
        "downtimes": [],
        "postings": [{"key": "k" * 70}],
    }


@pytest_asyncio.fixture(loop_scope="session")
async def console(database_url: str) -> AsyncIterator[Console]:
    async with emptied(database_url) as database:
        await seed(database)
        bound = listen(0)
        url = f"http://{HOST}:{port_of(bound)}"
        floor, hand = listen(0), cast(PlantControl, Hand())
        plant = {"plant_url": f"http://{HOST}:{port_of(floor)}", "plant_token": TOKEN}
        deps = dependencies(database, public_url=url, erp_page=holds, phones_url=f"{url}/healthz", **plant)
        feed = asyncio.create_task(deps.changes.run())  # `serving` runs no lifespan
        try:
            async with serving(control_http(hand, TOKEN), floor), serving(application(deps), bound):
                yield Console(url, database)
        finally:
            feed.cancel()
            await asyncio.gather(feed, return_exceptions=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def started() -> AsyncIterator[Browser]:
    """Chromium: its start and its driver's cost as much as a test."""
    expect.set_options(timeout=30_000)  # 5 s are short on a machine that stands still for a moment
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def chromium(started: Browser) -> AsyncIterator[Browser]:
    """As new: what a test opened is closed with all that it remembers."""
    yield started
    for context in started.contexts:
        await context.close()


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where to keep pictures of the pages: set MOS_TEST_PICTURES to a folder to look at them."""
    folder = os.environ.get("MOS_TEST_PICTURES")
    return Path(folder) if folder else None
