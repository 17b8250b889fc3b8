"""What people did to steer an exception, and to which versions it could go. Each function is one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from domain.language.definition import Definition
from domain.values import Json
from store.db import Database
from store.read import site as site_read
from store.tables import DefinitionRow, ExceptionRow, InboxRow, RolloutRow

_COMMAND = "command"
_LATEST = 20


@dataclass(frozen=True)
class Version:
    """A published version; `slot`: live, trial, shadow, or empty."""

    version: str
    number: int
    reason: str
    published_at: datetime
    slot: str


@dataclass(frozen=True)
class Steered:
    """One thing that somebody wanted done, and what became of it (None: not settled yet)."""

    id: str
    person: str
    at: datetime
    body: dict[str, Json]
    outcome: Json


async def versions(database: Database, definition: str) -> list[Version]:
    """Every published version of a definition, the newest first."""
    slot = (
        select(col(RolloutRow.slot))
        .where(col(RolloutRow.version) == col(DefinitionRow.version), col(RolloutRow.ended_at).is_(None))
        .order_by(col(RolloutRow.slot))
        .limit(1)
        .scalar_subquery()
    )
    row = DefinitionRow
    statement = (
        select(col(row.version), col(row.number), col(row.reason), col(row.published_at), slot)
        .where(col(row.definition) == definition)
        .order_by(col(row.number).desc())
    )
    async with database.transaction() as session:
        found = (await session.execute(statement)).all()
    return [Version(version, number, reason, at, slot or "") for version, number, reason, at, slot in found]


async def steered(database: Database, exception_id: str) -> list[Steered]:
    """The latest commands for an exception without previews, the newest first; refused ones too."""
    statement = (
        select(InboxRow)
        .where(col(InboxRow.exception_id) == exception_id, col(InboxRow.category) == _COMMAND)
        .where(col(InboxRow.body)["preview"].as_boolean().is_(False))
        .order_by(col(InboxRow.seq).desc())
        .limit(_LATEST)
    )
    async with database.transaction() as session:
        return [_steered(row) for row in (await session.scalars(statement)).all()]


async def command(database: Database, person: str, event_id: str) -> Steered | None:
    """A command that this person gave; None when there is none."""
    statement = select(InboxRow).where(col(InboxRow.source) == "console", col(InboxRow.event_id) == event_id)
    async with database.transaction() as session:
        row: InboxRow | None = await session.scalar(statement)
    if row is None or row.category != _COMMAND or row.body.get("person") != person:
        return None
    return _steered(row)


def _steered(row: InboxRow) -> Steered:
    return Steered(row.event_id, str(row.body["person"]), row.received_at, row.body, row.outcome)


async def exception(database: Database, exception_id: str) -> ExceptionRow | None:
    """Identity and projection."""
    async with database.transaction() as session:
        return await session.get(ExceptionRow, exception_id)


async def definitions(database: Database, wanted: Sequence[str]) -> list[Definition | None]:
    """Published versions by their hash."""
    async with database.transaction() as session:
        return [await site_read.definition(session, version) for version in wanted]
