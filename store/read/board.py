"""The board: what is open, who has what, what waits for whom, and what did not come through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.db import Database
from store.read.messages import delivery, reach
from store.tables import ExceptionRow, InboxRow, PersonRow, RefusedCall, SourceStateRow, TaskRow

LOST = ("lost", "disconnected", "stale")
ACTIVE = ("open", "yours", "taken")
_LATELY = timedelta(hours=24)
_RANK = {"critical": 0, "high": 1, "medium": 2, "low": 3}


@dataclass(frozen=True)
class Card:
    """An open exception with its unfinished tasks. `reached`: a message that asks was delivered to somebody."""

    exception: ExceptionRow
    tasks: Sequence[TaskRow]
    reached: bool = False


@dataclass(frozen=True)
class Trouble:
    """What did not come through: unreadable signals, refused calls, sources that are gone. `unreachable`: (exception
    id, person) whom every message of an ask missed; what reached the person by another channel is no trouble."""

    quarantined: int
    refused: int
    unreachable: Sequence[tuple[str, str]]
    lost: Sequence[SourceStateRow]


@dataclass(frozen=True)
class Board:
    """Everything of the first page. `names`: person id -> name."""

    open: Sequence[Card]
    closed: Sequence[ExceptionRow]
    trouble: Trouble
    names: dict[str, str]


async def board(database: Database, now: datetime, *, closed: int = 15) -> Board:
    """Open exceptions by priority, then age; the `closed` newest closed ones; what went wrong within a day of `now`."""
    async with database.transaction() as session:
        opened = (await session.scalars(_open())).all()
        ids = [row.id for row in opened]
        tasks, reached = (await session.scalars(_tasks_of(ids))).all(), await delivery.reached(session, ids)
        cards = [
            Card(row, [task for task in tasks if task.exception_id == row.id], row.id in reached) for row in opened
        ]
        cards.sort(key=lambda card: (_RANK.get(card.exception.priority, 9), card.exception.opened_at))
        done = (await session.scalars(_closed(closed))).all()
        return Board(cards, done, await trouble(session, now - _LATELY), await names(session))


def _open() -> Select[ExceptionRow]:
    return select(ExceptionRow).where(col(ExceptionRow.closed_at).is_(None)).order_by(col(ExceptionRow.opened_at))


def _closed(limit: int) -> Select[ExceptionRow]:
    closed = col(ExceptionRow.closed_at)
    return select(ExceptionRow).where(closed.is_not(None)).order_by(closed.desc()).limit(limit)


def _tasks_of(exceptions: Sequence[str]) -> Select[TaskRow]:
    mine = col(TaskRow.exception_id).in_(exceptions)
    return select(TaskRow).where(mine, col(TaskRow.closed_at).is_(None)).order_by(col(TaskRow.opened_at))


async def trouble(session: AsyncSession, since: datetime) -> Trouble:
    """Counts for the banner: what came in since then, what failed for exceptions that are open."""
    quarantined = select(func.count()).where(col(InboxRow.status) == "quarantined", col(InboxRow.received_at) >= since)
    refused = select(func.count()).select_from(RefusedCall).where(col(RefusedCall.at) >= since)
    lost = select(SourceStateRow).where(col(SourceStateRow.state).in_(LOST)).order_by(col(SourceStateRow.key))
    return Trouble(
        await session.scalar(quarantined) or 0,
        await session.scalar(refused) or 0,
        await reach.unreachable(session),
        (await session.scalars(lost)).all(),
    )


async def names(session: AsyncSession) -> dict[str, str]:
    """Person id -> name."""
    rows = (await session.execute(select(col(PersonRow.id), PersonRow.data["name"].astext))).all()
    return {str(row[0]): str(row[1]) for row in rows}
