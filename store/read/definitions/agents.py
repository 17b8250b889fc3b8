"""What agents are told of the past, what they proposed, and which of them somebody stopped."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.books.ledger import Control
from domain.values import Json, content_hash
from store.db import Database
from store.read import site
from store.tables import ContextFactRow, DecisionRow, ExceptionRow, InboxRow, PostingControlRow, TimelineRow

SCOPE = "agent:"
_MOST = 2_000  # exceptions that are looked through for one question
_TOLD = ("agent_proposed", "agent_refused")


@dataclass(frozen=True)
class Ended:
    """An exception that is over. `facts`: of the signal that opened it, its equipment, and what agents were given;
    `ended`: what people answered, by the question's name, and the option that an approval ended with, by its name."""

    facts: dict[str, Json]
    ended: dict[str, Json] = field(default_factory=dict)


async def ended(database: Database, definition: str, since: datetime) -> list[Ended]:
    """The exceptions of one definition that closed since then, the newest first."""
    over = (
        select(col(ExceptionRow.id), col(ExceptionRow.equipment))
        .where(col(ExceptionRow.definition) == definition, col(ExceptionRow.closed_at) >= since)
        .order_by(col(ExceptionRow.closed_at).desc())
        .limit(_MOST)
    )
    async with database.transaction() as session:
        found = (await session.execute(over)).all()
        ids = [row.id for row in found]
        facts, answers = await _opened_by(session, ids), await _answered(session, ids)
    return [Ended({"equipment": row.equipment, **facts[row.id]}, answers[row.id]) for row in found]


async def _opened_by(session: AsyncSession, ids: Sequence[str]) -> dict[str, dict[str, Json]]:
    """The facts of the first signal of each, and what agents were given of it."""
    found: dict[str, dict[str, Json]] = defaultdict(dict)
    asked = select(TimelineRow).where(col(TimelineRow.exception_id).in_(ids), col(TimelineRow.kind).in_(_TOLD))
    for line in await session.scalars(asked):
        found[line.exception_id] |= line.data.get("given") or {}
    first = (
        select(col(InboxRow.exception_id), col(InboxRow.signal))
        .where(col(InboxRow.exception_id).in_(ids), col(InboxRow.category) == "signal")
        .where(func.jsonb_typeof(col(InboxRow.signal)) == "object")
        .order_by(col(InboxRow.seq).desc())
    )
    for row in await session.execute(first):
        found[row.exception_id] |= row.signal.get("facts") or {}
    return found


async def _answered(session: AsyncSession, ids: Sequence[str]) -> dict[str, dict[str, Json]]:
    """The last answer to each question, and the last decision of each approval."""
    found: dict[str, dict[str, Json]] = defaultdict(dict)
    answers = (
        select(TimelineRow)
        .where(col(TimelineRow.exception_id).in_(ids), col(TimelineRow.kind) == "answer")
        .order_by(col(TimelineRow.exception_id), col(TimelineRow.entry))
    )
    for line in await session.scalars(answers):
        found[line.exception_id] |= _said(line.data)
    decided = select(DecisionRow).where(col(DecisionRow.exception_id).in_(ids), col(DecisionRow.verdict) == "approved")
    for row in await session.scalars(decided.order_by(col(DecisionRow.at))):
        found[row.exception_id][row.step] = row.option
    return found


def _said(data: dict[str, Json]) -> dict[str, Json]:
    """What was filled in, and what a button said: `answer:cause:belt`."""
    said = dict(data.get("fields") or {})
    verb, _, rest = str(data.get("verb", "")).partition(":")
    name, _, value = rest.partition(":")
    return said | ({name: value} if verb == "answer" and name and value else {})


async def answered(session: AsyncSession, exception_id: str, agent: str, asked: Json) -> Json:
    """What came of this very question before; None when nothing is kept of it."""
    row = await session.get(ContextFactRow, (exception_id, f"agent.{agent}", content_hash(asked)))
    return row.value if row else None


async def stopped(session: AsyncSession, agent: str) -> str | None:
    """Why somebody stopped it; None: it is not stopped."""
    row = await session.get(PostingControlRow, f"{SCOPE}{agent}")
    control = Control.model_validate(row.data) if row else None
    return control.reason if control and control.stopped else None


@dataclass(frozen=True)
class Agent:
    """An agent as the console shows it. `counts`: proposed, or why not -> how often; of the last so many days."""

    name: str
    kind: str
    control: Control
    counts: dict[str, int]
    changed_by: str = ""
    changed_at: datetime | None = None


async def agents(database: Database, now: datetime, days: int = 30) -> list[Agent]:
    """Those that are connected, and others that were asked, or that somebody stopped."""
    why, name = col(TimelineRow.data)["why"].astext, col(TimelineRow.data)["agent"].astext
    counted = (
        select(name, why, func.count())
        .where(col(TimelineRow.kind).in_(_TOLD), col(TimelineRow.at) >= now - timedelta(days=days))
        .group_by(name, why)
    )
    async with database.transaction() as session:
        connected = await _connected(session)
        controls = {row.scope: row for row in await session.scalars(_switches())}
        counts: dict[str, dict[str, int]] = defaultdict(dict)
        for agent, reason, number in await session.execute(counted):
            counts[agent or ""][reason or "proposed"] = number
    names = dict.fromkeys([*connected, *sorted(counts), *(scope.removeprefix(SCOPE) for scope in sorted(controls))])
    return [_agent(one, connected.get(one, ""), controls.get(f"{SCOPE}{one}"), counts[one]) for one in names]


async def _connected(session: AsyncSession) -> dict[str, str]:
    """Name -> kind, by the connectors document in force; the one of the site's own records is always there."""
    document = await site.document(session, "connectors") if await site.is_published(session, "connectors") else []
    named = {str(item.get("name")): str(item.get("kind")) for item in document if item.get("role") == "agent"}
    return {"history": "history"} | named


def _switches() -> Any:
    return select(PostingControlRow).where(col(PostingControlRow.scope).startswith(SCOPE))


def _agent(name: str, kind: str, row: PostingControlRow | None, counts: dict[str, int]) -> Agent:
    if row is None:
        return Agent(name, kind, Control(scope=f"{SCOPE}{name}"), counts)
    return Agent(name, kind, Control.model_validate(row.data), counts, row.changed_by, row.changed_at)
