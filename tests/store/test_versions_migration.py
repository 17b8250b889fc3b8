"""What was published before there were numbers and rollouts gets both, and loses nothing on the way back."""

import psycopg
import pytest
from alembic import command

from store.migrate import configuration, upgrade
from tests.support.servers import Postgres

_OLD = """
INSERT INTO definition_version (version, definition, source_text, content, live, author, signed_off_by, published_at)
VALUES ('h1', 'breakdown', 'one', '{}', false, 'eng', 'sofia', '2026-11-01T00:00Z'),
       ('h2', 'breakdown', 'two', '{}', true, 'eva', 'sofia', '2026-11-02T00:00Z'),
       ('h3', 'rush_order', 'three', '{}', true, 'eng', 'sofia', '2026-11-01T00:00Z')
"""


@pytest.fixture
def connection(postgres: Postgres, database_url: str) -> psycopg.Connection:
    """A database as it was before, with three versions in it."""
    command.downgrade(configuration(database_url), "0001")
    with psycopg.connect(database_url, autocommit=True) as old:
        old.execute(_OLD)
    upgrade(database_url)
    return psycopg.connect(database_url, autocommit=True)


def test_versions_are_numbered_and_the_live_ones_rolled_out(connection: psycopg.Connection, database_url: str) -> None:
    with connection:
        rows = connection.execute("SELECT version, number, authors FROM definition_version ORDER BY version").fetchall()
        assert rows == [("h1", 1, ["eng"]), ("h2", 2, ["eva"]), ("h3", 1, ["eng"])]
        slots = connection.execute("SELECT version, slot, areas, share FROM rollout ORDER BY version").fetchall()
        assert slots == [("h2", "live", [], 100), ("h3", "live", [], 100)]
        with pytest.raises(psycopg.errors.RaiseException, match="never changed or removed"):
            connection.execute("TRUNCATE definition_version")
    command.downgrade(configuration(database_url), "0001")
    with psycopg.connect(database_url) as old:
        live = old.execute("SELECT version FROM definition_version WHERE live ORDER BY version").fetchall()
    assert live == [("h2",), ("h3",)]
