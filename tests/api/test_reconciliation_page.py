"""The reconciliation in the console: found, asked for, explained, taken out."""

import csv
import io
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from store.db import Database
from store.tables import AuditRow, DifferenceRow, LedgerRow, PersonRow, ReconciliationRow
from tests.api.seeding import NOW, PLANNER, QUALITY, RUSH
from tests.api.site import Browser, hidden

PROMISE = {"kind": "change_promise", "sale": "SO-2107", "promised": "2026-11-24T12:00:00Z", "reason": ""}
FIELD = {"record": "sale.sale 7 (SO-2107)", "field": "shipping_date", "posted": "2026-11-24", "stands": "=1+1"}


@pytest.fixture(autouse=True)
async def rows(database: Database) -> None:
    """Something else stands at a transaction, and a key that nobody knows; Petr may see to it."""
    common: dict[str, Any] = {"system": "erp", "first_at": NOW, "last_at": NOW, "last_run": "rec_1", "digest": "d"}
    changed: dict[str, Any] = {"transaction_id": "txn_done", "exception_id": RUSH, "fields": [FIELD]}
    async with database.transaction() as session:
        session.add_all(
            [
                LedgerRow(
                    id="txn_done", key="k:done", status="differs", posted_at=NOW - timedelta(minutes=2), system="erp",
                    exception_id=RUSH, step="5", outcomes=[PROMISE], documents=["sale.sale 7 (SO-2107)"],
                    drafted_at=NOW,
                ),
                DifferenceRow(
                    id="dif_1", kind="changed", key="k:done", documents=["sale.sale 7 (SO-2107)"], **changed, **common
                ),
                DifferenceRow(
                    id="dif_2", kind="stranger", key="exc_other:1:1", documents=["x 4"], fields=[], **common
                ),
                ReconciliationRow(
                    id="rec_1", system="erp", asked_at=NOW, since=NOW - timedelta(days=1), status="done",
                    started_at=NOW, ended_at=NOW, compared=14, booked=15, found={"changed": 1, "stranger": 1},
                ),
            ]
        )  # fmt: skip
        row = await session.get_one(PersonRow, PLANNER)
        row.data = row.data | {"authorities": [*row.data["authorities"], "manage_ledger"]}


async def send(who: Browser, path: str, fields: dict[str, str]) -> httpx.Response:
    return await who.post(path, {"csrf": hidden((await who.get("/account")).text)["csrf"]} | fields)


async def found(who: Browser, query: str) -> list[str]:
    return [one["id"] for one in (await who.get(f"/api/reconciliation?{query}")).json()["differences"]]


async def test_differences_and_runs_are_found(somebody: Browser) -> None:
    await somebody.sign_in(PLANNER)
    page = (await somebody.get("/reconciliation")).text
    for told in ("shipping date", "exc_other:1:1", "schedule", "1 changed", "/ledger/txn_done", "SO-2107"):
        assert told in page, told
    assert await found(somebody, "kind=stranger") == ["dif_2"]
    assert await found(somebody, "words=SO-2107") == ["dif_1"]
    assert await found(somebody, "state=settled") == []
    assert sorted(await found(somebody, "state=all&run=rec_1")) == ["dif_1", "dif_2"]
    told = (await somebody.get("/api/reconciliation")).json()
    assert told["open"] == {"changed": 1, "missing": 0, "unbooked": 0, "stranger": 1}
    assert (told["runs"][0]["compared"], told["runs"][0]["booked"]) == (14, 15)


async def test_somebody_asks_for_a_look(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    assert (await send(somebody, "/reconciliation", {"system": "erp", "since": "soon"})).status_code == 400
    assert (await send(somebody, "/reconciliation", {"system": "sun"})).status_code == 400
    assert (await send(somebody, "/reconciliation", {"system": "erp", "since": "2026-11-20"})).status_code == 303
    await send(somebody, "/reconciliation", {"system": "erp"})  # the same run, and as far back as anybody asked
    async with database.transaction() as session:
        waits = select(ReconciliationRow).where(col(ReconciliationRow.status) == "waiting")
        run = (await session.scalars(waits)).one()
    assert (run.asked_by, (NOW - run.since).days) == (PLANNER, 30)


async def test_a_difference_is_explained_by_who_may(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(QUALITY)
    assert "Say what it is" not in (await somebody.get("/reconciliation")).text
    assert (await send(somebody, "/reconciliation/dif_1", {"reason": "x"})).status_code == 403
    await somebody.sign_in(PLANNER)
    assert (await send(somebody, "/reconciliation/dif_1", {"reason": " "})).status_code == 400
    await send(somebody, "/reconciliation/dif_1", {"reason": "The customer called"})
    assert "“The customer called”" in (await somebody.get("/reconciliation?state=settled")).text
    async with database.transaction() as session:
        assert (await session.get_one(LedgerRow, "txn_done")).status == "reconciled"
        facts = select(AuditRow).where(col(AuditRow.kind) == "ledger.difference_explained")
        fact = (await session.scalars(facts)).one()
    assert (fact.actor, fact.subject, fact.data["reason"]) == (PLANNER, "txn_done", "The customer called")


async def test_c24_what_is_taken_out_is_safe_and_on_record(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    sheet = (await send(somebody, "/reconciliation/export", {"format": "csv"})).text
    lines = list(csv.DictReader(io.StringIO(sheet)))
    assert [(line["kind"], line["stands"]) for line in lines] == [("changed", "'=1+1"), ("stranger", "")]
    told = (await send(somebody, "/reconciliation/export", {"format": "json", "kind": "stranger"})).json()
    assert [one["key"] for one in told] == ["exc_other:1:1"]
    assert (await send(somebody, "/reconciliation/export", {"format": "exe"})).status_code == 400
    async with database.transaction() as session:
        facts = await session.scalars(select(AuditRow).where(col(AuditRow.kind) == "audit.exported"))
        assert [fact.data["what"] for fact in facts] == ["csv", "json"]
