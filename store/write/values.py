"""Rows as INSERT takes them."""

from collections.abc import Sequence

from domain.values import Json


def one_or_many(rows: Sequence[dict[str, Json]]) -> dict[str, Json] | list[dict[str, Json]]:
    """One row by itself: SQLAlchemy compiles a list anew each time, even of one."""
    return rows[0] if len(rows) == 1 else list(rows)
