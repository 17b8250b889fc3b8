"""The demo site's console as a process engineer has it before them."""

from collections.abc import AsyncIterator

import pytest_asyncio

from infra.demo.answers import demo_answers
from infra.plant.process import HOST, listen, port_of, serving
from tests.api.authored import publish_demo, starved
from tests.api.site import application, dependencies, emptied
from tests.browser.conftest import Console


@pytest_asyncio.fixture(loop_scope="session")
async def desk(database_url: str) -> AsyncIterator[Console]:
    """`breakdown` is live; a few machines waited for material in the last days."""
    async with emptied(database_url) as database:
        await publish_demo(database)
        async with database.transaction() as session:
            session.add_all([starved(n, 9.0 * n, "lathe-1" if n % 2 else "mill-1") for n in range(1, 9)])
        bound = listen(0)
        url = f"http://{HOST}:{port_of(bound)}"
        deps = dependencies(
            database, public_url=url, scenario_answers=demo_answers, site_title="Havel Drives, Brno works"
        )
        async with serving(application(deps), bound):
            yield Console(url, database)
