"""What every search of the books does alike: a page of it, all of it in batches, and words anywhere."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, String, cast, or_
from sqlmodel import col

from store.db import Database
from store.tables import LedgerRow

PAGE = 50
_WORDS = 8  # that are looked for
Statement = TypeVar("Statement", bound=Select[Any])


def page_of(statement: Statement, number: int) -> Statement:
    """Its rows on this page; the first one is 1."""
    return statement.offset((max(number, 1) - 1) * PAGE).limit(PAGE)


async def in_order(database: Database, statement: Select[Any], batch: int) -> AsyncIterator[Sequence[Any]]:
    """All rows, whose first is a ledger row, in the order of the ledger: each batch is read by itself."""
    after, seq = 0, col(LedgerRow.seq)
    ordered = statement.order_by(seq).limit(batch)
    while True:
        async with database.transaction() as session:
            rows = (await session.execute(ordered.where(seq > after))).all()
        if not rows:
            return
        yield rows
        after = rows[-1][0].seq or 0


def with_words(words: str, places: Iterable[Any]) -> list[ColumnElement[bool]]:
    """Each word somewhere in these columns, as it is written but for upper and lower case."""
    return [
        or_(*(cast(col(place), String).ilike(like) for place in places)) for like in map(_like, words.split()[:_WORDS])
    ]


def _like(word: str) -> str:
    return "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
