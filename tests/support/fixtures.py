"""Fixtures that the folders' conftest files take from here."""

from collections.abc import AsyncIterator, Iterator

import pytest

from store.db import Database
from tests.support.servers import POSTGRES, TEMPORAL, Postgres, Temporal


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


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """A fresh, migrated database."""
    with postgres.database() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, pool_size=5)
    yield opened
    await opened.close()
