"""What the tables promise: an older state never wins, a row closes only when nothing is on its way to it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from store.db import Database, storable
from store.tables import ExceptionRow, InboxRow, TimelineRow
from store.write import exceptions, inbox

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def row(exception_id: str = "exc_1", key: str = "lathe-1") -> ExceptionRow:
    return ExceptionRow(
        id=exception_id, site="brno", definition="breakdown", version="v", key=key, workflow_id=exception_id,
        title="t", priority="high", state={}, milestones={}, opened_at=AT,
    )  # fmt: skip


async def opened(database: Database, *rows: ExceptionRow) -> None:
    async with database.transaction() as session:
        for each in rows:
            await exceptions.open_new(session, each)


async def read(database: Database, exception_id: str = "exc_1") -> ExceptionRow:
    async with database.transaction() as session:
        return await session.get_one(ExceptionRow, exception_id)


async def project(database: Database, rev: int) -> None:
    async with database.transaction() as session:
        entry = {
            "exception_id": "exc_1",
            "entry": 1,
            "mark": "told 1",
            "at": AT,
            "kind": f"k{rev}",
            "step": "",
            "person": None,
            "data": {},
        }
        await exceptions.project(session, "exc_1", rev, {"handling": f"h{rev}", "condition": "active"}, [entry])


async def test_an_older_projection_never_wins(database: Database) -> None:
    await opened(database, row())
    for rev in (1, 3, 2, 3):
        await project(database, rev)
    found = await read(database)
    assert (found.rev, found.handling) == (3, "h3")
    async with database.transaction() as session:
        (line,) = (await session.scalars(select(TimelineRow))).all()
    assert line.kind == "k1"  # an entry is written once


async def test_the_newest_of_many_at_once_wins(database: Database) -> None:
    await opened(database, row())
    await asyncio.gather(*(project(database, rev) for rev in (5, 9, 1, 7, 3, 8, 2)))
    assert (await read(database)).handling == "h9"


async def test_one_open_exception_a_key(database: Database) -> None:
    await opened(database, row(), row("exc_2", "lathe-2"))
    with pytest.raises(IntegrityError):
        await opened(database, row("exc_3"))
    async with database.transaction() as session:
        assert await exceptions.close(session, "exc_1", 0, AT)
    await opened(database, row("exc_3"))


async def signal(database: Database, exception_id: str, status: str) -> int:
    async with database.transaction() as session:
        added = InboxRow(
            category="signal", source="s", event_id=f"{exception_id}{status}", kind="k", body={}, status=status,
            received_at=AT, exception_id=exception_id,
        )  # fmt: skip
        session.add(added)
        await session.flush()
        assert added.seq is not None
        return added.seq


@pytest.mark.parametrize(
    "status, ahead, closes", [("correlated", 1, False), ("correlated", 0, True), ("delivered", 1, True)]
)
async def test_closing_waits_for_what_is_on_its_way(database: Database, status: str, ahead: int, closes: bool) -> None:
    await opened(database, row(), row("exc_2", "lathe-2"))
    seq = await signal(database, "exc_1", status)
    await signal(database, "exc_2", "correlated")  # somebody else's
    async with database.transaction() as session:
        assert await exceptions.close(session, "exc_1", seq - ahead, AT) is closes
    assert ((await read(database)).closed_at is not None) is closes


async def test_a_signal_and_the_closing_at_once(database: Database) -> None:
    """Whoever is second sees what the first has done: the signal joins and holds the row open, or finds it closed."""
    await opened(database, row())
    correlated = asyncio.Event()

    async def correlate() -> None:
        async with database.transaction() as session:
            found = await exceptions.find_open(session, "brno", "breakdown", "lathe-1")
            assert found is not None
            correlated.set()
            session.add(
                InboxRow(category="signal", source="s", event_id="e", kind="k", body={}, status="correlated",
                         received_at=AT, exception_id=found.id)
            )  # fmt: skip

    async def close() -> bool:
        await correlated.wait()
        async with database.transaction() as session:
            return await exceptions.close(session, "exc_1", 0, AT)

    _, closed = await asyncio.gather(correlate(), close())
    assert closed is False


@pytest.mark.parametrize(
    "reports, news",
    [
        ([("run", 0), ("abort", 1)], [True, True]),
        ([("run", 0), ("run", 1)], [True, False]),
        ([("run", 1), ("abort", 0)], [True, False]),  # late
        ([("run", 0), ("run", 2), ("abort", 1)], [True, False, False]),  # late behind a repeat
        ([("run", 0), ("abort", 0)], [True, True]),  # the same moment: the order of arrival counts
        ([("run", 0), ("abort", 1), ("run", 2)], [True, True, True]),
    ],
)
async def test_what_is_news(database: Database, reports: list[tuple[str, int]], news: list[bool]) -> None:
    told = []
    for state, minute in reports:
        async with database.transaction() as session:
            at = AT + timedelta(minutes=minute)
            told.append(await inbox.new_state(session, "lathe-1", state, at, {"state": state}))
    assert told == news


async def test_the_same_state_from_many_at_once_is_news_once(database: Database) -> None:
    async def report() -> bool:
        async with database.transaction() as session:
            return await inbox.new_state(session, "lathe-1", "aborted", AT, {})

    assert sum(await asyncio.gather(*(report() for _ in range(5)))) == 1


@pytest.mark.parametrize(
    "value, kept",
    [
        ({"a": "x\x00y"}, {"a": "x\ufffdy"}),
        ("\ud800", "\ufffd"),
        ("\U0001f600", "\U0001f600"),
        ("\\u0000 \\ud800", "\\u0000 \\ud800"),  # a backslash that was written as one
        ([float("nan"), float("-inf")], ["NaN", "-Infinity"]),
        ("NaN and Infinity", "NaN and Infinity"),
        ("grün", "grün"),
    ],
)
def test_storable(value: Any, kept: Any) -> None:
    assert json.loads(storable(value)) == kept
