"""A plant for each test, on servers that are started once."""

from collections.abc import AsyncIterator

import pytest

from store.db import Database
from tests.support.fixtures import database, database_url, postgres, published, published_template, temporal
from tests.support.plant import Plant, run_plant
from tests.support.servers import Temporal

__all__ = ["database", "database_url", "postgres", "published", "published_template", "temporal"]


@pytest.fixture
async def plant(published: Database, temporal: Temporal) -> AsyncIterator[Plant]:
    async with run_plant(published, await temporal.client()) as running:
        yield running
