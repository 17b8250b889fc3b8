"""A worker dies after a commit and before it said so. Its successor may have heard something else first, and give the
number of a line that stands already to another: both are true, so both stay, and each is told once."""

from datetime import UTC, datetime

import psycopg
import pytest
from alembic import command
from sqlalchemy import select

from activities import project
from activities.contracts.story import Entry, Projection
from store.db import Database
from store.migrate import configuration, upgrade
from store.tables import AuditRow, ExceptionRow, TimelineRow
from tests.support.servers import Postgres

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
Told = list[tuple[int, str]]


@pytest.fixture
async def opened(database: Database) -> Database:
    async with database.transaction() as session:
        session.add(
            ExceptionRow(
                id="exc_1", site="brno", definition="breakdown", version="v1", key="k", workflow_id="w", title="t",
                priority="medium", state={}, milestones={}, opened_at=NOW,
            )
        )  # fmt: skip
    return database


async def write(database: Database, rev: int, *entries: Entry, handling: str = "open") -> None:
    projection = Projection(exception_id="exc_1", rev=rev, handling=handling, condition="active", entries=list(entries))
    async with database.transaction() as session:
        await project.write(session, projection)


async def story(database: Database) -> tuple[Told, Told]:
    """The lines, and those among them that the auditor has, as number and kind."""
    async with database.transaction() as session:
        lines = (await session.scalars(select(TimelineRow).order_by("entry", "kind"))).all()
        audited = (await session.scalars(select(AuditRow).order_by("kind"))).all()
    return [(line.entry, line.kind) for line in lines], [(row.data["entry"], row.kind) for row in audited]


def answer(number: int, seq: int, person: str = "jonas") -> Entry:
    mark = f"inbox {seq} answer"
    return Entry(number=number, at=NOW, kind="answer", step="1", person=person, data={"verb": "yes"}, mark=mark)


def told(number: int, step: str, kind: str = "asked") -> Entry:
    return Entry(number=number, at=NOW, kind=kind, step=step, mark=f"0 told {step} 1")


async def test_what_a_successor_heard_first_is_told_too(opened: Database) -> None:
    await write(opened, 4, told(7, "1", "escalated"))  # and dies
    await write(opened, 4, answer(7, seq=12))
    assert await story(opened) == ([(7, "answer"), (7, "escalated")], [(7, "answer")])


async def test_what_came_through_the_inbox_is_told_once_under_any_number(opened: Database) -> None:
    await write(opened, 4, answer(7, seq=12))
    await write(opened, 4, answer(7, seq=13, person="karel"), answer(8, seq=12))
    assert await story(opened) == ([(7, "answer"), (7, "answer")], [(7, "answer"), (7, "answer")])


async def test_an_effect_tells_its_step_once_whomever_it_finds(opened: Database) -> None:
    for kind in ("asked", "nobody"):
        await write(opened, 4, told(7, "1", kind))
    assert await story(opened) == ([(7, "asked")], [])


async def test_what_is_told_again_in_another_order_is_there_once(opened: Database) -> None:
    await write(opened, 4, told(7, "1"), told(8, "2"))  # and dies
    await write(opened, 4, told(7, "2"), told(8, "1"))
    assert await story(opened) == ([(7, "asked"), (8, "asked")], [])


async def test_the_state_is_the_successors(opened: Database) -> None:
    await write(opened, 4, handling="open")
    await write(opened, 4, handling="acknowledged")
    await write(opened, 3, handling="decided")
    async with opened.transaction() as session:
        assert (await session.get_one(ExceptionRow, "exc_1")).handling == "acknowledged"


async def test_a_line_of_a_release_before_marks_stays_the_only_one(opened: Database, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as old:
        old.execute(
            "INSERT INTO timeline (exception_id, entry, at, kind, step, data)"
            " VALUES ('exc_1', 7, now(), 'answer', '1', '{}')"
        )
    await write(opened, 4, answer(7, seq=12), answer(8, seq=13))
    assert await story(opened) == ([(7, "answer"), (8, "answer")], [(8, "answer")])


def test_going_back_keeps_the_first_of_a_number(postgres: Postgres, database_url: str) -> None:
    into = "INSERT INTO timeline (exception_id, entry, step, data, mark, at, kind)"
    line = f"{into} VALUES ('exc_1', 7, '1', '{{}}', %s, %s, %s)"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(line, ("a", "2026-11-22T10:00Z", "late"))
        connection.execute(line, ("b", "2026-11-22T09:00Z", "first"))
    command.downgrade(configuration(database_url), "0016")
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert connection.execute("SELECT kind FROM timeline").fetchall() == [("first",)]
    upgrade(database_url)
