"""A database with everything published, and a world of stand-ins."""

import os

import pytest

from activities.world import World
from store.db import Database
from tests.support.fixtures import database, database_url, postgres
from tests.support.plant import publish_all, systems, utcnow

__all__ = ["database", "database_url", "postgres"]


@pytest.fixture
async def world(database: Database) -> World:
    await publish_all(database)
    return World(database, systems(utcnow()), utcnow, os.urandom, "https://mos.example")
