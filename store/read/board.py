"""The board: what is open, who has what, what waits for whom, and what did not come through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.db import Database
from store.read.messages import delivery, reach
from store.tables import ExceptionRow, InboxRow, PersonRow, RefusedCall, SourceStateRow, TaskRow

LOST = ("lost", "disconnected", "stale")
ACTIVE = ("open", "yours", "taken")
PAGE = 50
_LATELY = timedelta(hours=24)
_MINE = 20
_NAMED = 5
_RANK = case({"critical": 0, "high": 1, "medium": 2, "low": 3}, value=col(ExceptionRow.priority), else_=9)


@dataclass(frozen=True)
class Look:
    """Which open exceptions; empty = all. `words`: in title, equipment or key; `page` from 1, of `size`."""

    words: str = ""
    priority: str = ""
    definition: str = ""
    page: int = 1
    size: int = PAGE


@dataclass(frozen=True)
class Card:
    """An open exception with its unfinished tasks. `reached`: a message that asks was delivered to somebody."""

    exception: ExceptionRow
    tasks: Sequence[TaskRow]
    reached: bool = False


@dataclass(frozen=True)
class Trouble:
    """What did not come through: unreadable signals, refused calls, sources that are gone. `unreachable`: (exception
    id, person) whom every message of an ask missed; what reached the person by another channel is no trouble. Of both
    a few, and how many there are."""

    quarantined: int
    refused: int
    unreachable: Sequence[tuple[str, str]]
    lost: Sequence[SourceStateRow]
    all_unreachable: int = 0
    all_lost: int = 0


@dataclass(frozen=True)
class Board:
    """The first page: one page of what is open. `fits`: how many the look fits, of `total`; `mine`: what one person
    is asked or has, the most urgent of `all_mine`; `names`: person id -> name."""

    open: Sequence[Card]
    closed: Sequence[ExceptionRow]
    trouble: Trouble
    names: dict[str, str]
    fits: int
    total: int
    mine: Sequence[TaskRow]
    all_mine: int
    definitions: Sequence[str]


async def board(database: Database, now: datetime, look: Look, *, person: str = "", closed: int = 15) -> Board:
    """Open exceptions by priority, then age; the `closed` newest closed ones; what went wrong within a day of `now`."""
    async with database.transaction() as session:
        cards, fits, total = await opened(session, look)
        mine = _mine(person)
        return Board(
            cards,
            (await session.scalars(_closed(closed))).all(),
            await trouble(session, now - _LATELY),
            await names(session),
            fits,
            total,
            (await session.scalars(mine.order_by(_RANK, col(ExceptionRow.opened_at)).limit(_MINE))).all(),
            await _count(session, mine),
            (await session.scalars(_definitions())).all(),
        )


async def opened(session: AsyncSession, look: Look) -> tuple[list[Card], int, int]:
    """One page, how many fit, and how many are open."""
    still = col(ExceptionRow.closed_at).is_(None)
    fitting = select(ExceptionRow).where(still, *_fits(look))
    page = fitting.order_by(_RANK, col(ExceptionRow.opened_at), col(ExceptionRow.id)).limit(look.size)
    rows = (await session.scalars(page.offset((max(look.page, 1) - 1) * look.size))).all()
    ids = [row.id for row in rows]
    tasks: dict[str, list[TaskRow]] = {}
    for task in await session.scalars(_tasks_of(ids)):
        tasks.setdefault(task.exception_id, []).append(task)
    reached = await delivery.reached(session, ids)
    cards = [Card(row, tasks.get(row.id, []), row.id in reached) for row in rows]
    return cards, await _count(session, fitting), await _count(session, select(ExceptionRow).where(still))


def _fits(look: Look) -> list[ColumnElement[bool]]:
    same = ((ExceptionRow.priority, look.priority), (ExceptionRow.definition, look.definition))
    fits = [col(column) == value for column, value in same if value]
    for word in look.words.split()[:8]:
        texts = (ExceptionRow.title, ExceptionRow.equipment, ExceptionRow.key)
        fits.append(or_(*(col(text).icontains(word, autoescape=True) for text in texts)))
    return fits


async def _count(session: AsyncSession, rows: Select[Any]) -> int:
    return int(await session.scalar(select(func.count()).select_from(rows.order_by(None).subquery())) or 0)


def _mine(person: str) -> Select[TaskRow]:
    theirs = or_(col(TaskRow.person).is_(None), col(TaskRow.person) == person)
    return (
        select(TaskRow)
        .join(ExceptionRow, col(ExceptionRow.id) == col(TaskRow.exception_id))
        .where(col(ExceptionRow.closed_at).is_(None), col(TaskRow.closed_at).is_(None))
        .where(col(TaskRow.asked).contains([person]), theirs)
    )


def _definitions() -> Select[str]:
    name = col(ExceptionRow.definition)
    return select(name).where(col(ExceptionRow.closed_at).is_(None)).distinct().order_by(name)


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
    missed, all_missed = await reach.unreachable(session, limit=_NAMED)
    return Trouble(
        await session.scalar(quarantined) or 0,
        await session.scalar(refused) or 0,
        missed,
        (await session.scalars(lost.limit(_NAMED))).all(),
        all_missed,
        await _count(session, lost),
    )


async def names(session: AsyncSession) -> dict[str, str]:
    """Person id -> name."""
    rows = (await session.execute(select(col(PersonRow.id), PersonRow.data["name"].astext))).all()
    return {str(row[0]): str(row[1]) for row in rows}
