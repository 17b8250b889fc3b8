"""A fresh database for each test."""

from tests.support.fixtures import database, database_url, postgres

__all__ = ["database", "database_url", "postgres"]
