"""Databases: an empty one, one with everything published, and people who may sign."""

from datetime import UTC, datetime

import pytest

from admin.actors import PUBLISH, Actor
from admin.definitions.publish import import_roster
from store.db import Database
from tests.support.fixtures import database, database_url, postgres, published, published_template

__all__ = ["database", "database_url", "postgres", "published", "published_template"]

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
EVA, OTTO, SIGRID, TWIN = (Actor(name) for name in ("eva", "otto", "sigrid", "eva2"))
PEOPLE = {
    "people": [
        {"id": "eva", "name": "Eva Engel", "roles": ["process_engineer"], "authorities": [PUBLISH],
         "contacts": [{"channel": "sms", "address": "+447700900201"}]},
        {"id": "otto", "name": "Otto Ohm", "roles": ["process_engineer"]},
        {"id": "sigrid", "name": "Sigrid Sand", "roles": ["plant_manager"], "authorities": [PUBLISH]},
        {"id": "eva2", "name": "E. Engel", "roles": ["plant_manager"], "authorities": [PUBLISH],
         "contacts": [{"channel": "sms", "address": "+447700900201"}]},
        {"id": "gone", "name": "Gone Long", "roles": ["plant_manager"], "authorities": [PUBLISH], "active": False},
    ]
}  # fmt: skip


@pytest.fixture
async def staffed(database: Database) -> Database:
    """Nothing published; Eva and Otto write, Sigrid signs. eva2 is Eva's second log-in."""
    await import_roster(database, PEOPLE, {}, author="admin", now=NOW)
    return database
