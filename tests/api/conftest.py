"""One PostgreSQL for all API tests; each test begins with the seeded rows."""

from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import FastAPI

from store.db import Database
from tests.api.seeding import seed
from tests.api.site import Browser, application, browser, dependencies, emptied, postgres


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with emptied(database_url) as database:
        await seed(database)
        yield database


@pytest.fixture
def app(database: Database) -> FastAPI:
    return application(dependencies(database))


@pytest.fixture
async def somebody(app: FastAPI) -> AsyncIterator[Browser]:
    """A browser in which nobody is signed in."""
    async with browser(app) as found:
        yield found
