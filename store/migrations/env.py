"""Alembic's entry: the URL comes from the caller, never from a file or the environment."""

from alembic import context
from sqlalchemy import NullPool, create_engine
from sqlmodel import SQLModel

from store import tables
from store.db import async_url

assert tables.InboxRow.metadata is SQLModel.metadata


def run() -> None:
    """Apply the migrations in one transaction, one process at a time."""
    url = async_url(context.config.get_main_option("sqlalchemy.url") or "")
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_type=True)
        with context.begin_transaction():
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7411)")
            context.run_migrations()


run()
