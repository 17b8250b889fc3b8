"""Put a running test database back to how it was, without ending a connection.

Business tables are copied into a schema of their own and back. (Replacing the database under a running Tryton leaves
its connection pools waiting for half a minute.) Tryton's own tables, ``ir_*`` and ``res_*``, stay: sessions live on.
"""

from typing import LiteralString

import psycopg
from psycopg import sql

BUSINESS_TABLES: LiteralString = """
SELECT tablename FROM pg_tables WHERE schemaname = 'public'
AND (tablename NOT LIKE 'ir\\_%' AND tablename NOT LIKE 'res\\_%' OR tablename IN ('ir_sequence', 'ir_queue'))
"""


def take(connection: psycopg.Connection) -> None:
    """Copy every business table into the schema ``pristine``."""
    connection.execute("CREATE SCHEMA pristine")
    for table in _tables(connection):
        connection.execute(sql.SQL("CREATE TABLE pristine.{0} AS TABLE public.{0}").format(table))


def restore(connection: psycopg.Connection) -> None:
    """Put the copies back, in one transaction and without foreign-key checks."""
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in _tables(connection):
            connection.execute(sql.SQL("DELETE FROM public.{}").format(table))
            connection.execute(sql.SQL("INSERT INTO public.{0} TABLE pristine.{0}").format(table))


def _tables(connection: psycopg.Connection) -> list[sql.Identifier]:
    return [sql.Identifier(name) for (name,) in connection.execute(BUSINESS_TABLES).fetchall()]
