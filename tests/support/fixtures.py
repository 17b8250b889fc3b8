"""Fixtures that the folders' conftest files take from here."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from store.db import Database
from tests.support.plant import publish_all
from tests.support.servers import POSTGRES, TEMPORAL, Postgres, Temporal, opened


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server; it is started once a test process."""
    with POSTGRES.use() as server:
        yield server


@pytest.fixture(scope="session")
def temporal() -> Iterator[Temporal]:
    """A running dev server; it is started once a test process."""
    with TEMPORAL.use() as server:
        yield server


@pytest.fixture(scope="session")
def published_template(postgres: Postgres) -> str:
    """A migrated database with the shipped definitions and the demo's site and people, to be cloned."""
    name = "template_published"
    if postgres.is_new(name):
        postgres.clone(name)

        async def publish() -> None:
            new = Database(postgres.url(name), pool_size=1)
            await publish_all(new)
            await new.close()

        asyncio.run(publish())
    return name


@pytest.fixture
async def published(postgres: Postgres, published_template: str) -> AsyncIterator[Database]:
    """A fresh database with everything published."""
    with postgres.database(published_template) as url:
        async with opened(url, 5) as found:
            yield found


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """A fresh, migrated database."""
    with postgres.database() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url, 5) as found:
        yield found
