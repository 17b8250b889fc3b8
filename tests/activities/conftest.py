"""A database with everything published, and a world of stand-ins."""

import os

import pytest

from activities.world import World
from store.db import Database
from tests.support.fixtures import postgres, published, published_template
from tests.support.plant import systems, utcnow

__all__ = ["postgres", "published", "published_template"]


@pytest.fixture
async def world(published: Database) -> World:
    return World(published, systems(utcnow()), utcnow, os.urandom, "https://mos.example")
