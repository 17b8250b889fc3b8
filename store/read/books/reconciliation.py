"""Runs and differences as people look for them, and what a run compares."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.books.ledger import MAYBE_SENT
from domain.books.reconciliation import STANDS, Kind, Known, by_stamp
from store.db import Database
from store.read import board
from store.read.books.searching import PAGE, in_order, page_of, with_words
from store.tables import DifferenceRow, ExceptionRow, LedgerPartRow, LedgerRow, ReconciliationRow

__all__ = ["PAGE", "Entry", "Found", "ReconciliationRow", "Search", "find"]
_BATCH = 100
_STANDS = [state.value for state in STANDS]


async def to_compare(
    database: Database, system: str, since: datetime, batch: int = _BATCH
) -> AsyncIterator[Sequence[LedgerRow]]:
    """What was posted since then and stands, and whatever an open difference is about, oldest first, in batches."""
    about = (
        select(col(DifferenceRow.transaction_id))
        .where(col(DifferenceRow.system) == system, col(DifferenceRow.state) == "open")
        .where(col(DifferenceRow.transaction_id) != "")
    )
    wanted = or_(col(LedgerRow.posted_at) >= since, col(LedgerRow.id).in_(about))
    statement = select(LedgerRow).where(col(LedgerRow.system) == system, col(LedgerRow.status).in_(_STANDS), wanted)
    async for rows in in_order(database, statement, batch):
        yield [row for (row,) in rows]


async def moving(session: AsyncSession, row: LedgerRow) -> bool:
    """May something of ours that takes it back, or that sets one of its business objects anew, stand in the system
    before the ledger knows?"""
    same = col(LedgerRow.reverses) == row.id
    if row.objects:
        same |= col(LedgerRow.objects).has_any(array(row.objects))  # type: ignore[attr-defined]
    later = (
        select(col(LedgerRow.id))
        .where(col(LedgerRow.system) == row.system, col(LedgerRow.seq) > row.seq, same)
        .where(col(LedgerRow.status).in_([state.value for state in MAYBE_SENT]))
        .limit(1)
    )
    return (await session.scalars(later)).first() is not None


async def known(session: AsyncSession, keys: Sequence[str]) -> dict[str, Known]:
    """The transactions with these keys."""
    found: dict[str, Known] = {}
    for begin in range(0, len(keys), 1000):
        rows = await session.execute(_KNOWN.where(col(LedgerRow.key).in_(keys[begin : begin + 1000])))
        found |= {row.key: _known(row) for row in rows}
    return found


async def by_token(session: AsyncSession, wanted: dict[int, set[str]]) -> dict[str, Known]:
    """The transactions whose keys these tokens stand for: every key has to be tried."""
    if not wanted:
        return {}
    rows = await session.stream(_KNOWN.execution_options(yield_per=2000))
    found = {token: one async for row in rows for token, one in by_stamp([_known(row)], wanted)}
    own = _KNOWN.add_columns(col(LedgerPartRow.key).label("part"))
    own = own.join(LedgerPartRow, col(LedgerPartRow.transaction) == col(LedgerRow.id))
    parts = await session.stream(own.execution_options(yield_per=2000))
    async for row in parts:
        whole = _known(row)
        found |= {token: whole for token, _ in by_stamp([whole.model_copy(update={"key": row.part})], wanted)}
    return found


_KNOWN = select(
    col(LedgerRow.id),
    col(LedgerRow.key),
    col(LedgerRow.system),
    col(LedgerRow.status),
    col(LedgerRow.exception_id),
    col(LedgerRow.documents),
)


def _known(row: Any) -> Known:
    return Known(
        id=row.id,
        key=row.key,
        system=row.system,
        status=row.status,
        exception=row.exception_id,
        documents=row.documents or [],
    )


async def last_ended(session: AsyncSession, system: str, reach: timedelta) -> datetime | None:
    """When the last run began that came to its end and looked back at least so far."""
    run = ReconciliationRow
    statement = (
        select(func.max(col(run.started_at)))
        .where(col(run.system) == system, col(run.status).in_(["done", "impossible"]))
        .where(col(run.since) <= col(run.asked_at) - reach)
    )
    found: datetime | None = await session.scalar(statement)
    return found


async def last_tried(session: AsyncSession, system: str) -> datetime | None:
    """When the last run was asked for, however it went."""
    statement = select(func.max(col(ReconciliationRow.asked_at))).where(col(ReconciliationRow.system) == system)
    found: datetime | None = await session.scalar(statement)
    return found


async def earliest_open(session: AsyncSession, system: str) -> datetime | None:
    """When the oldest posting was written there that an open difference is about."""
    row = DifferenceRow
    about = select(func.min(col(row.booked_at))).where(col(row.system) == system, col(row.state) == "open")
    found: datetime | None = await session.scalar(about)
    return found


@dataclass(frozen=True)
class Search:
    """Empty = all. `state`: open, settled (gone or explained); `run`: what this run found, for the first time or
    again; `words`: in keys, documents and fields, or the exception's title."""

    system: str = ""
    kind: str = ""
    state: str = ""
    run: str = ""
    words: str = ""
    page: int = 1


@dataclass(frozen=True)
class Entry:
    """A difference, its transaction, and what its exception is called."""

    difference: DifferenceRow
    transaction: LedgerRow | None
    title: str


@dataclass(frozen=True)
class Found:
    """`open`: kind -> how many of the system (or all) are open."""

    entries: Sequence[Entry]
    total: int
    open: dict[str, int]
    runs: Sequence[ReconciliationRow]
    names: dict[str, str]


async def find(database: Database, search: Search, *, runs: int = 12) -> Found:
    """One page of differences, newest first, and the last runs."""
    async with database.transaction() as session:
        rows = (await session.execute(page_of(_entries(search), search.page))).all()
        total = select(func.count()).select_from(DifferenceRow).outerjoin(ExceptionRow, _EXCEPTION)
        return Found(
            [Entry(*row) for row in rows],
            int((await session.execute(total.where(*_fits(search)))).scalar_one()),
            await still_open(session, search.system),
            await last_runs(session, search.system, runs),
            await board.names(session),
        )


async def find_all(database: Database, search: Search, batch: int = 500) -> AsyncIterator[Sequence[Entry]]:
    """Every difference that fits, oldest first, in batches."""
    after: tuple[datetime, str] | None = None
    while True:
        statement = _entries(search, newest=False).limit(batch)
        if after is not None:
            first, number = col(DifferenceRow.first_at), col(DifferenceRow.id)
            statement = statement.where((first > after[0]) | ((first == after[0]) & (number > after[1])))
        async with database.transaction() as session:
            entries = [Entry(*row) for row in (await session.execute(statement)).all()]
        if not entries:
            return
        yield entries
        last = entries[-1].difference
        after = (last.first_at, last.id)


_EXCEPTION = col(ExceptionRow.id) == col(DifferenceRow.exception_id)


def _entries(search: Search, *, newest: bool = True) -> Any:
    first, number = col(DifferenceRow.first_at), col(DifferenceRow.id)
    return (
        select(DifferenceRow, LedgerRow, func.coalesce(col(ExceptionRow.title), ""))
        .outerjoin(LedgerRow, col(LedgerRow.id) == col(DifferenceRow.transaction_id))
        .outerjoin(ExceptionRow, _EXCEPTION)
        .where(*_fits(search))
        .order_by(*((first.desc(), number.desc()) if newest else (first, number)))
    )


def _fits(search: Search) -> list[Any]:
    row = DifferenceRow
    fits: list[Any] = []
    for column, value in ((row.system, search.system), (row.kind, search.kind)):
        fits += [col(column) == value] if value else []
    if search.state in ("open", "settled"):
        fits.append((col(row.state) == "open") == (search.state == "open"))
    if search.run:
        fits.append(or_(col(row.first_run) == search.run, col(row.last_run) == search.run))
    return fits + with_words(search.words, (row.key, row.documents, row.fields, row.transaction_id, ExceptionRow.title))


async def still_open(session: AsyncSession, system: str = "") -> dict[str, int]:
    """How many differences nobody has settled, by kind."""
    statement = select(col(DifferenceRow.kind), func.count()).where(col(DifferenceRow.state) == "open")
    if system:
        statement = statement.where(col(DifferenceRow.system) == system)
    rows = (await session.execute(statement.group_by(col(DifferenceRow.kind)))).all()
    counted: dict[str, int] = {row[0]: row[1] for row in rows}
    return {kind.value: counted.get(kind.value, 0) for kind in Kind}


async def last_runs(session: AsyncSession, system: str, limit: int) -> Sequence[ReconciliationRow]:
    """The newest first."""
    statement = select(ReconciliationRow).order_by(col(ReconciliationRow.asked_at).desc()).limit(limit)
    if system:
        statement = statement.where(col(ReconciliationRow.system) == system)
    return (await session.scalars(statement)).all()


async def of_transaction(session: AsyncSession, transaction_id: str) -> Sequence[DifferenceRow]:
    """The newest first."""
    statement = select(DifferenceRow).where(col(DifferenceRow.transaction_id) == transaction_id)
    return (await session.scalars(statement.order_by(col(DifferenceRow.first_at).desc()).limit(20))).all()
