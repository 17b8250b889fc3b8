"""The board of a very bad day: a page of it, found by search, what is one's own first; never all of it at once."""

import re
from typing import Any

import pytest

from store.db import Database
from store.tables import AuditRow, ExceptionRow, LedgerRow, OutboxRow, RefusedCall, SourceStateRow, TaskRow
from tests.api.seeding import PLANNER, TECHNICIAN, ago, plan_shown, repair_shown
from tests.api.site import Browser
from tests.api.test_ledger_console import PROMISE

MANY, FEW_KB = 60, 150
PRIORITIES = ("low", "medium", "high", "critical")
LISTS = ("/", "/?words=machine&page=2", "/inbox", "/ledger", "/ledger?words=SO-2107", "/audit", "/reconciliation")


async def many(database: Database, number: int) -> None:
    """So many stopped machines; Petr is asked about each, and Anna got no message."""
    shown, told = plan_shown().model_dump(mode="json"), repair_shown().model_dump(mode="json")
    values: dict[str, Any] = {"site": "brno", "version": "v" * 64, "definition": "breakdown", "started": True}
    values |= {"state": {}, "milestones": {}}
    asked: dict[str, Any] = {"step": "plan", "kind": "approve", "shown": shown, "shown_hash": "5" * 64}
    asked |= {"asked": [PLANNER], "authority": "reschedule"}
    sent: dict[str, Any] = {"purpose": "task", "channel": "slack", "person": TECHNICIAN, "address": "U1"}
    sent |= {"payload": told, "state": "failed", "created_at": ago(1), "next_at": ago(1)}
    rows = list[Any]()
    for n in range(number):
        exception, at = f"exc_many{n}", ago(20 + n)
        more: dict[str, Any] = {"title": f"Machine {n} stands", "priority": PRIORITIES[n % 4], "opened_at": at}
        rows.append(ExceptionRow(id=exception, key=f"m-{n}", workflow_id=f"brno/m-{n}", **(values | more)))
        rows.append(TaskRow(id=f"tsk_many{n}", exception_id=exception, code=f"M{n}", opened_at=at, **asked))
        rows.append(OutboxRow(id=f"msg_many{n}", exception_id=exception, **sent))
    async with database.transaction() as session:
        session.add_all(rows)


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def test_a_page_of_it_and_what_is_most_urgent_first(somebody: Browser, database: Database) -> None:
    await many(database, MANY)
    async with database.transaction() as session:
        for n in range(8):
            session.add(SourceStateRow(key=f"source:plc-{n}", state="lost", occurred_at=ago(3), facts={}))
    await somebody.sign_in(PLANNER)
    first, second = (await somebody.get("/")).text, (await somebody.get("/?page=2")).text
    assert (first.count("<article"), second.count("<article")) == (50, MANY + 2 - 50)
    told = plain(first)
    assert f"Open exceptions {MANY + 2}" in told
    assert "page 1 of 2" in told
    assert f"Yours to answer the 20 most urgent of {MANY + 1}" in told
    assert "Machine 59 stands" in first, "critical and the oldest of them"
    assert "Machine 59 stands" not in second
    assert told.count("could not be reached by any contact") == 5
    assert f"And {MANY + 1 - 5} more could not be reached" in told
    assert "And 4 more sources are lost" in told


async def test_an_open_exception_is_found(somebody: Browser, database: Database) -> None:
    await many(database, MANY)
    await somebody.sign_in(PLANNER)
    told = plain((await somebody.get("/?words=machine+59&priority=critical")).text)
    assert "Open exceptions 1 of 62" in told
    assert "Machine 59 stands" in told
    assert "Nothing open matches this search" in plain((await somebody.get("/?words=100%25")).text)
    assert (await somebody.get("/?page=0")).status_code in (400, 422)
    answer = (await somebody.get("/api/exceptions?definition=breakdown&words=m-7")).json()
    assert (answer["total"], [one["key"] for one in answer["exceptions"]]) == (1, ["m-7"])


async def test_the_quarantine_says_how_many_there_are(somebody: Browser, database: Database) -> None:
    async with database.transaction() as session:
        session.add_all(RefusedCall(at=ago(n), door="webhook", reason="no", body=b"") for n in range(104))
    await somebody.sign_in(PLANNER)
    told = plain((await somebody.get("/inbox")).text)
    assert "Quarantine 106" in told
    assert "The newest 101 of them." in told


@pytest.mark.full
async def test_ten_thousand_make_no_page_larger(somebody: Browser, database: Database) -> None:
    await many(database, 10_000)
    common: dict[str, Any] = {"exception_id": "exc_many1", "step": "5", "system": "erp", "outcomes": [PROMISE]}
    async with database.transaction() as session:
        for n in range(10_000):
            session.add(LedgerRow(id=f"txn_{n}m", key=f"k:{n}", status="posted", drafted_at=ago(n), **common))
            session.add(AuditRow(at=ago(n), kind="decision", actor=PLANNER, subject=f"txn_{n}m", data={"n": n}))
    await somebody.sign_in(PLANNER)
    for path in LISTS:
        assert len((await somebody.get(path)).content) < FEW_KB * 1024, path
