"""What was recorded of a time: signals, and everything that came of one definition's exceptions. For replays."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from store.tables import (
    ContextFactRow,
    DecisionRow,
    ExceptionRow,
    InboxRow,
    LedgerRow,
    OutboxRow,
    ShadowSignalRow,
    TimelineRow,
)

ANSWERS = ("answer", "answer_refused")
_PROMPTS = ("task", "notify", "approve")


async def signals(session: AsyncSession, since: datetime, until: datetime, limit: int | None = None) -> list[Any]:
    """Readable signals in inbox order: seq, signal, occurred_at, received_at, outcome, exception_id, of its exception
    definition and opened_at, and as `child` the definition that would have opened if its parent had not taken it."""
    statement = (
        select(
            col(InboxRow.seq),
            col(InboxRow.signal),
            col(InboxRow.occurred_at),
            col(InboxRow.received_at),
            col(InboxRow.outcome),
            col(InboxRow.exception_id),
            col(ExceptionRow.definition),
            col(ExceptionRow.opened_at),
            col(InboxRow.definition).label("child"),
        )
        .outerjoin(ExceptionRow, col(ExceptionRow.id) == col(InboxRow.exception_id))
        .where(col(InboxRow.category) == "signal", col(InboxRow.signal).is_not(None))
        .where(col(InboxRow.received_at) >= since, col(InboxRow.received_at) <= until)
        .where(func.jsonb_typeof(col(InboxRow.signal)) == "object", col(InboxRow.status) != "quarantined")
        .order_by(col(InboxRow.seq))
        .limit(limit)
    )
    return list((await session.execute(statement)).all())


async def exceptions(session: AsyncSession, definition: str, since: datetime, until: datetime) -> list[ExceptionRow]:
    """Those of one definition that opened in this time, in the order of their opening."""
    statement = select(ExceptionRow).where(_of(definition, since, until)).order_by(col(ExceptionRow.opened_at))
    return list((await session.scalars(statement)).all())


async def open_spans(session: AsyncSession, definitions: Sequence[str], since: datetime, until: datetime) -> list[Any]:
    """When exceptions of these definitions were open: definition, key, opened_at, closed_at."""
    statement = (
        select(
            col(ExceptionRow.definition),
            col(ExceptionRow.key),
            col(ExceptionRow.opened_at),
            col(ExceptionRow.closed_at),
        )
        .where(col(ExceptionRow.definition).in_(definitions), col(ExceptionRow.opened_at) <= until)
        .where(col(ExceptionRow.closed_at).is_(None) | (col(ExceptionRow.closed_at) >= since))
    )
    return list((await session.execute(statement)).all())


async def prompts(session: AsyncSession, definition: str, since: datetime, until: datetime) -> list[Any]:
    """Messages that asked or told somebody, without those that were withdrawn before they were sent: exception_id,
    task_id, person, purpose, step, created_at."""
    statement = (
        select(
            col(OutboxRow.exception_id),
            col(OutboxRow.task_id),
            col(OutboxRow.person),
            col(OutboxRow.purpose),
            col(OutboxRow.payload)["step"].astext.label("step"),
            col(OutboxRow.created_at),
        )
        .join(ExceptionRow, col(ExceptionRow.id) == col(OutboxRow.exception_id))
        .where(_of(definition, since, until), col(OutboxRow.purpose).in_(_PROMPTS), col(OutboxRow.edits).is_(None))
        .where((col(OutboxRow.state) != "withdrawn") | col(OutboxRow.sent_at).is_not(None))
        .where(col(OutboxRow.created_at) <= until)
        .order_by(col(OutboxRow.created_at))
    )
    return list((await session.execute(statement)).all())


async def entries(session: AsyncSession, definition: str, since: datetime, until: datetime) -> list[TimelineRow]:
    """Answers, accepted or refused, and how the exceptions ended, as their stories tell it."""
    statement = (
        select(TimelineRow)
        .join(ExceptionRow, col(ExceptionRow.id) == col(TimelineRow.exception_id))
        .where(_of(definition, since, until), col(TimelineRow.kind).in_((*ANSWERS, "closed")))
        .order_by(col(TimelineRow.exception_id), col(TimelineRow.entry))
    )
    return list((await session.scalars(statement)).all())


async def decisions(session: AsyncSession, definition: str, since: datetime, until: datetime) -> list[DecisionRow]:
    statement = (
        select(DecisionRow)
        .join(ExceptionRow, col(ExceptionRow.id) == col(DecisionRow.exception_id))
        .where(_of(definition, since, until), col(DecisionRow.at) <= until)
    )
    return list((await session.scalars(statement)).all())


async def postings(session: AsyncSession, definition: str, since: datetime, until: datetime) -> list[LedgerRow]:
    statement = (
        select(LedgerRow)
        .join(ExceptionRow, col(ExceptionRow.id) == col(LedgerRow.exception_id))
        .where(_of(definition, since, until), col(LedgerRow.drafted_at) <= until)
    )
    return list((await session.scalars(statement)).all())


async def facts(session: AsyncSession, definition: str, since: datetime, until: datetime) -> list[ContextFactRow]:
    """What systems and planner answered."""
    statement = (
        select(ContextFactRow)
        .join(ExceptionRow, col(ExceptionRow.id) == col(ContextFactRow.exception_id))
        .where(_of(definition, since, until))
    )
    return list((await session.scalars(statement)).all())


async def seen_from_shadow(
    session: AsyncSession, version: str, since: datetime, until: datetime
) -> dict[int, ShadowSignalRow]:
    """What a version in the shadow made of the signals of this time, by inbox number."""
    statement = select(ShadowSignalRow).where(
        col(ShadowSignalRow.version) == version, col(ShadowSignalRow.at) >= since, col(ShadowSignalRow.at) <= until
    )
    return {row.seq: row for row in (await session.scalars(statement)).all()}


def _of(definition: str, since: datetime, until: datetime) -> ColumnElement[bool]:
    opened = col(ExceptionRow.opened_at)
    return and_(col(ExceptionRow.definition) == definition, opened >= since, opened <= until)
