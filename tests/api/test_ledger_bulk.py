"""Many dead letters at once: an ERP whose period was closed leaves hundreds, each with an end of its own."""

import json
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from api.ledger import bulk
from store.db import Database
from store.tables import AuditRow, LedgerRow, PersonRow
from tests.api.seeding import NOW, PLANNER, QUALITY, RUSH
from tests.api.site import Browser, hidden
from tests.api.test_ledger_console import PROMISE, plain, row, seed_ledger, send

AT, JSON_AT = "/ledger/dead-letters", "/api/ledger/dead-letters"


@pytest.fixture(autouse=True)
async def rows(database: Database) -> None:
    """Two dead letters of the ERP (one by `seed_ledger`) and one of the MES."""
    await seed_ledger(database)
    common: dict[str, Any] = {"exception_id": RUSH, "step": "5", "outcomes": [PROMISE], "drafted_at": NOW}
    common |= {"status": "dead_lettered", "error": "the period is closed"}
    made = [LedgerRow(id=f"txn_{name}", key=f"k:{name}", system=name[:3], **common) for name in ("erp2", "mes1")]
    async with database.transaction() as session:
        session.add_all(made)


async def facts(database: Database, kind: str) -> list[AuditRow]:
    async with database.transaction() as session:
        found = select(AuditRow).where(col(AuditRow.kind) == kind).order_by(col(AuditRow.id))
        return list((await session.scalars(found)).all())


async def test_many_are_tried_again_with_one_reason(somebody: Browser, database: Database) -> None:
    """Also when one was seen to meanwhile: the others are, and the answer says which was not, and why."""
    await somebody.sign_in(PLANNER)
    assert "Try these again" not in (await somebody.get("/ledger")).text, "only dead letters are"
    listed = (await somebody.get("/ledger?queue=dead&system=erp")).text
    assert "/ledger/dead-letters?do=retry&amp;system=erp&amp;queue=dead" in listed
    page = (await somebody.get(f"{AT}?do=retry&queue=dead&system=erp")).text
    assert "2 dead letters of the ERP" in plain(page)
    assert "the period is closed" in page
    form = hidden(page, "2 dead letters") | {"reason": "The period is open again"}
    assert set(form["transactions"].split()) == {"txn_dead", "txn_erp2"}
    assert (await send(somebody, AT, form | {"reason": " "})).status_code == 400
    await send(somebody, "/ledger/txn_dead", {"do": "write_off", "reason": "Done by hand"})
    answer = await send(somebody, AT, form)
    told = plain(answer.text)
    assert (answer.status_code, "1 is tried again" in told, "1 was refused" in told) == (200, True, True)
    assert "k:dead The transaction is rejected: retry is not possible now." in told
    (fact,) = await facts(database, "transaction.retry")
    assert (fact.subject, fact.actor, fact.data["reason"]) == ("txn_erp2", PLANNER, "The period is open again")
    status = [(await row(database, f"txn_{name}")).status for name in ("dead", "erp2", "mes1")]
    assert status == ["rejected", "drafted", "dead_lettered"]


async def test_as_many_refusals_as_letters_do_not_hide_the_form(
    somebody: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system may name the order in each: the most frequent are told, and how many others there are."""
    monkeypatch.setattr(bulk, "REFUSALS", 1)
    await somebody.sign_in(PLANNER)
    page = plain((await somebody.get(f"{AT}?do=write_off&queue=dead")).text)
    assert "ERP the period is closed 2" in page
    assert "MES the period is closed" not in page
    assert "1 was refused otherwise" in page


async def test_many_are_written_off_by_a_program(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    found = (await somebody.get(f"{JSON_AT}?words=SO-2107")).json()
    assert (found["total"], found["systems"]) == (3, {"erp": 2, "mes": 1})
    csrf = {"x-csrf-token": found["csrf"]}

    async def ask(headers: dict[str, str], **body: Any) -> Any:
        return await somebody.client.post(JSON_AT, content=json.dumps(body), headers=headers)

    wanted = {"do": "write_off", "transactions": [*found["transactions"], "txn_none", "txn_done"], "reason": "By hand"}
    wrong = [await ask({}, **wanted), await ask(csrf, **wanted | {"transactions": ["t"] * 501})]
    wrong += [await ask(csrf, **wanted | {"reason": ""}), await ask(csrf, **wanted | {"do": "drop"})]
    assert [one.status_code for one in wrong] == [403, 400, 400, 400]
    answer = (await ask(csrf, **wanted)).json()
    assert set(answer["done"]) == {"txn_dead", "txn_erp2", "txn_mes1"}
    assert [one["transaction"] for one in answer["refused"]] == ["txn_none", "txn_done"]
    assert all(one["why"] for one in answer["refused"])
    written = await facts(database, "transaction.write_off")
    assert [(one.subject, one.data["reason"]) for one in written] == [(name, "By hand") for name in answer["done"]]


async def test_whoever_does_not_keep_the_ledger_does_nothing_in_it(somebody: Browser, database: Database) -> None:
    async with database.transaction() as session:
        person = await session.get_one(PersonRow, QUALITY)
        person.data = person.data | {"authorities": ["disposition"]}
    await somebody.sign_in(QUALITY)
    assert "dead-letters" not in (await somebody.get("/ledger?queue=dead")).text
    assert (await somebody.get(f"{AT}?do=retry&queue=dead")).status_code == 403
    form = {"do": "write_off", "transactions": "txn_dead", "reason": "x"}
    assert (await send(somebody, AT, form)).status_code == 403
    assert (await row(database, "txn_dead")).status == "dead_lettered"
