"""What the console's pages ask of the database. Each function is one transaction; none writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.rosters.people import Roster
from domain.site import Site
from domain.values import Json
from store.db import Database
from store.read import board
from store.read import site as site_read
from store.read.access import authority
from store.read.evidence import media
from store.read.messages import delivery
from store.tables import (
    DecisionRow,
    ExceptionRow,
    InboxRow,
    LedgerRow,
    MediaRow,
    OutboxRow,
    RefusedCall,
    SignatureRow,
    TaskRow,
    TimelineRow,
)

__all__ = [
    "Arrivals",
    "Database",
    "ExceptionRow",
    "Page",
    "TaskRow",
    "arrivals",
    "exception_page",
    "outcome",
    "roster",
    "site",
    "task",
]

_Row = TypeVar("_Row", TimelineRow, TaskRow, OutboxRow, DecisionRow, LedgerRow)


@dataclass(frozen=True)
class Page:
    """One exception as the console shows it. `milestones`: name -> ISO time; `names`: person id -> name."""

    exception: ExceptionRow
    timeline: Sequence[TimelineRow]
    tasks: Sequence[TaskRow]
    messages: Sequence[OutboxRow]
    decisions: Sequence[DecisionRow]
    ledger: Sequence[LedgerRow]
    names: dict[str, str]
    milestones: dict[str, Json]
    signatures: Sequence[SignatureRow] = ()
    pictures: Sequence[MediaRow] = ()


async def exception_page(database: Database, exception_id: str) -> Page | None:
    """Everything of one exception, oldest first."""
    async with database.transaction() as session:
        row = await session.get(ExceptionRow, exception_id)
        if row is None:
            return None
        told = await _of(session, TimelineRow, exception_id, col(TimelineRow.at), col(TimelineRow.entry))
        messages = await _of(session, OutboxRow, exception_id, col(OutboxRow.created_at))
        pictures = await media.of_exception(session, exception_id)
        lines = [*told, *delivery.told(row.milestones, messages), *media.told(pictures)]
        return Page(
            row,
            sorted(lines, key=lambda line: line.at),
            await _of(session, TaskRow, exception_id, col(TaskRow.opened_at)),
            messages,
            await _of(session, DecisionRow, exception_id, col(DecisionRow.at)),
            await _of(session, LedgerRow, exception_id, col(LedgerRow.drafted_at)),
            await board.names(session),
            delivery.milestones(row.milestones, messages),
            await authority.signatures(session, exception_id),
            pictures,
        )


async def _of(session: AsyncSession, table: type[_Row], exception_id: str, *order: Any) -> Sequence[_Row]:
    statement = select(table).where(col(table.exception_id) == exception_id).order_by(*order)
    return (await session.scalars(statement)).all()


@dataclass(frozen=True)
class Arrivals:
    """What came in, newest first: everything, and what could not be used; of that the newest of `unusable`."""

    newest: Sequence[InboxRow]
    quarantined: Sequence[InboxRow]
    refused: Sequence[RefusedCall]
    names: dict[str, str]
    unusable: int


async def arrivals(database: Database, *, limit: int = 100) -> Arrivals:
    """The newest `limit` of each."""
    newest = select(InboxRow).order_by(col(InboxRow.seq).desc()).limit(limit)
    quarantined = select(func.count()).where(col(InboxRow.status) == "quarantined")
    refused = select(func.count()).select_from(RefusedCall)
    async with database.transaction() as session:
        return Arrivals(
            (await session.scalars(newest)).all(),
            (await session.scalars(newest.where(col(InboxRow.status) == "quarantined"))).all(),
            (await session.scalars(select(RefusedCall).order_by(col(RefusedCall.id).desc()).limit(limit))).all(),
            await board.names(session),
            int(await session.scalar(quarantined) or 0) + int(await session.scalar(refused) or 0),
        )


async def task(database: Database, task_id: str) -> TaskRow | None:
    """One task as it stands."""
    async with database.transaction() as session:
        return await session.get(TaskRow, task_id)


async def outcome(database: Database, person: str, event_id: str) -> tuple[str, Json] | None:
    """Status and outcome of an answer that this person gave on the console; the outcome is None until it is settled."""
    statement = select(InboxRow).where(col(InboxRow.source) == "console", col(InboxRow.event_id) == event_id)
    async with database.transaction() as session:
        row: InboxRow | None = await session.scalar(statement)
        if row is None or row.body.get("person") != person:
            return None
        return row.status, row.outcome


async def roster(database: Database) -> Roster:
    """Everybody and the shifts. Raises NotFoundError before the first push."""
    async with database.transaction() as session:
        return await site_read.roster(session)


async def site(database: Database) -> Site:
    """The site document in force. Raises NotFoundError before the first push."""
    async with database.transaction() as session:
        return await site_read.site(session)
