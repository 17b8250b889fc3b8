"""The migrations make exactly the tables that the models describe, and may be applied by several processes at once."""

import subprocess
import sys

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from store import tables
from store.db import async_url
from store.migrate import upgrade
from tests.support.plant import ROOT
from tests.support.servers import Postgres


def test_models_and_migrations_agree(database_url: str) -> None:
    assert tables.InboxRow.metadata is SQLModel.metadata
    engine = create_engine(async_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_again_and_at_once(postgres: Postgres) -> None:
    name = sql.Identifier("empty")
    postgres.execute(sql.SQL("CREATE DATABASE {}").format(name))
    url = postgres.url("empty")
    command = [sys.executable, "-c", "import sys; from store.migrate import upgrade; upgrade(sys.argv[1])", url]
    both = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    upgrade(url)
    postgres.execute(sql.SQL("DROP DATABASE {}").format(name))  # refused while a migration left a connection open
