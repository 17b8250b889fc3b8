"""What people did to steer an exception: the auditor has it once, however often and by whomever it is written."""

import asyncio
from datetime import UTC, datetime

from sqlalchemy import select

from domain.values import Json
from store.db import Database
from store.tables import AuditRow, ExceptionRow
from store.write import exceptions

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
ENTRY: dict[str, Json] = {
    "entry": 4, "mark": "inbox 9 control.pause", "at": NOW,
    "kind": "control.pause", "step": "", "person": "sofia", "data": {"reason": "why"}
}  # fmt: skip


async def open_one(database: Database) -> None:
    async with database.transaction() as session:
        session.add(
            ExceptionRow(
                id="exc_1", site="brno", definition="breakdown", version="v1", key="k", workflow_id="w", title="t",
                priority="medium", state={}, milestones={}, opened_at=NOW,
            )
        )  # fmt: skip


async def project(database: Database, rev: int, **values: Json) -> None:
    common = {"handling": "open", "condition": "active"}
    async with database.transaction() as session:
        await exceptions.project(session, "exc_1", rev, common | values, [ENTRY], {4: {"running": "v1"}})


async def test_a_fact_that_several_effects_carry_is_audited_once(database: Database) -> None:
    await open_one(database)
    await asyncio.gather(*(project(database, rev) for rev in (3, 1, 2)))
    await project(database, 4)
    async with database.transaction() as session:
        (row,) = (await session.scalars(select(AuditRow))).all()
    assert (row.at, row.kind, row.actor, row.subject) == (NOW, "control.pause", "sofia", "exc_1")
    assert row.data == {"reason": "why", "running": "v1", "entry": 4, "step": ""}


async def test_priority_and_version_change_only_when_they_are_told(database: Database) -> None:
    await open_one(database)
    await project(database, 1, priority="high", version="v2")
    await project(database, 2, priority="", version="")
    await project(database, 3)
    async with database.transaction() as session:
        row = await session.get_one(ExceptionRow, "exc_1")
    assert (row.rev, row.priority, row.version) == (3, "high", "v2")
