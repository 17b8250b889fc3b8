"""Postgres: tables, reads, writes and migrations."""
