"""The ledger's pages: found, looked at again, mended, taken back by two people, and stopped."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from admin.definitions.publish import publish_definition
from store.db import Database
from store.tables import AuditRow, DocumentRow, ExceptionRow, LedgerRow, PersonRow, PostingControlRow
from tests.api.seeding import NOW, PLANNER, QUALITY, RUSH
from tests.api.site import Browser, hidden
from tests.support.plant import DEFINITIONS

SHOWN = {"record": "sale.sale 7 (SO-2107)", "field": "shipping_date", "before": "2026-11-30", "after": "2026-11-24"}
PROMISE = {"kind": "change_promise", "sale": "SO-2107", "promised": "2026-11-24T12:00:00Z", "reason": ""}
PEOPLE = (PLANNER, QUALITY)
HELD_AT = "0.protection.0"  # where quality_hold.yaml posts it


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def seed_ledger(database: Database) -> None:
    """One of every kind that a person does something about, and two who may."""
    common: dict[str, Any] = {"exception_id": RUSH, "step": "5", "system": "erp", "outcomes": [PROMISE]}
    common |= {"preview": {"changes": [SHOWN], "versions": {}, "notes": []}, "previewed_at": NOW, "drafted_at": NOW}
    drift: dict[str, Any] = {"why": "It has changed in the system.", "changes": [SHOWN | {"after": "2026-12-02"}]}
    drift |= {"now": {"changes": [SHOWN | {"before": "2026-12-02"}], "versions": {"sale.sale,7": "9"}, "notes": []}}
    made = [
        LedgerRow(id="txn_back", key="k:back", status="sent_back", drift=drift, decision="dec_1", **common),
        LedgerRow(id="txn_dead", key="k:dead", status="dead_lettered", error="the period is closed", **common),
        LedgerRow(
            id="txn_done", key="k:done", status="posted", posted_at=NOW - timedelta(minutes=2), decision="dec_1",
            documents=["sale.sale 7 (SO-2107)"], **common,
        ),
    ]  # fmt: skip
    async with database.transaction() as session:
        session.add_all(made)
        for person in PEOPLE:
            row = await session.get_one(PersonRow, person)
            row.data = row.data | {"authorities": [*row.data["authorities"], "promise", "manage_ledger"]}


@pytest.fixture(autouse=True)
async def rows(database: Database) -> None:
    await seed_ledger(database)


async def send(who: Browser, path: str, fields: dict[str, str], page: str = "/account") -> httpx.Response:
    """As a form of this log-in."""
    return await who.post(path, {"csrf": hidden((await who.get(page)).text)["csrf"]} | fields)


async def row(database: Database, number: str) -> LedgerRow:
    async with database.transaction() as session:
        return await session.get_one(LedgerRow, number)


async def test_a_search_finds_by_words_and_filters(somebody: Browser) -> None:
    await somebody.sign_in(PLANNER)
    page = plain((await somebody.get("/ledger?words=SO-2107&status=dead_lettered")).text)
    assert ("k:dead" in page, "k:back" in page, "Ledger 1" in page) == (True, False, True)
    assert "1 dead letter " in page
    found = (await somebody.get("/api/ledger?queue=waiting")).json()
    assert [one["id"] for one in found["transactions"]] == ["txn_back"]
    assert (await somebody.get("/api/ledger?words=100%25_nothing")).json()["total"] == 0


async def test_a_search_is_kept_for_oneself(somebody: Browser) -> None:
    await somebody.sign_in(PLANNER)
    await send(somebody, "/ledger/views", {"name": "My rush orders", "query": "words=SO-2107"})
    assert "My rush orders" in (await somebody.get("/ledger")).text


async def test_a_kept_search_is_forgotten(somebody: Browser) -> None:
    await somebody.sign_in(PLANNER)
    await send(somebody, "/ledger/views", {"name": "Mine", "query": "words=SO-2107"})
    assert "Forget “Mine”" in (await somebody.get("/ledger?words=SO-2107")).text
    await send(somebody, "/ledger/views", {"name": "Mine", "query": ""})
    assert "Mine" not in (await somebody.get("/ledger?words=SO-2107")).text


async def test_days_and_queues_narrow_the_search(somebody: Browser, database: Database) -> None:
    async with database.transaction() as session:
        back = await session.get_one(LedgerRow, "txn_back")
        back.status, back.reverses, back.definition = "previewed", "txn_done", "rush_order"
    await somebody.sign_in(PLANNER)

    async def found(query: str) -> list[str]:
        return [one["id"] for one in (await somebody.get(f"/api/ledger?{query}")).json()["transactions"]]

    assert (await found("queue=approve"), await found("queue=again")) == (["txn_back"], [])
    assert await found("queue=waiting&definition=rush_order") == ["txn_back"]
    assert {"txn_dead", "txn_done"} <= set(await found(f"since={NOW:%Y-%m-%d}&until={NOW:%Y-%m-%d}"))
    assert "txn_dead" not in await found(f"since={NOW + timedelta(days=1):%Y-%m-%d}")
    assert (await somebody.get("/ledger?since=soon")).status_code == 400


async def test_c24_the_ledger_is_taken_out_safe_and_on_record(somebody: Browser, database: Database) -> None:
    async with database.transaction() as session:
        dead = await session.get_one(LedgerRow, "txn_dead")
        dead.error, dead.standing_version, dead.standing_grantor = "=cmd()", "v1", "sofia"
    await somebody.sign_in(PLANNER)
    wanted = {"status": "dead_lettered"}
    sheet = (await send(somebody, "/ledger/export", wanted | {"format": "csv"})).text
    (line,) = csv.DictReader(io.StringIO(sheet))
    told = (line["error"], line["field"], line["before"], line["what"], line["standing_grantor"])
    assert told == ("'=cmd()", "shipping_date", "2026-11-30", "change_promise", "sofia")
    (row_,) = (await send(somebody, "/ledger/export", wanted | {"format": "jsonl"})).text.splitlines()
    assert (json.loads(row_)["key"], json.loads(row_)["standing_grantor"]) == ("k:dead", "sofia")
    assert (await send(somebody, "/ledger/export", {"format": "exe"})).status_code == 400
    async with database.transaction() as session:
        facts = await session.scalars(select(AuditRow).where(col(AuditRow.kind) == "audit.exported"))
        assert [(fact.subject, fact.data["wanted"]) for fact in facts] == [("ledger", wanted)] * 2


async def test_a_page_tells_before_after_and_where_it_comes_from(somebody: Browser) -> None:
    await somebody.sign_in(PLANNER)
    page = plain((await somebody.get("/ledger/txn_done")).text)
    for told in ("shipping date", "Rush order SO-2107 for Vesta Rail", "decided by", "Take it back"):
        assert told.lower() in page.lower(), told
    assert (await somebody.get("/ledger/txn_none")).status_code == 404


async def test_what_has_changed_is_decided_again(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    page = (await somebody.get("/ledger/txn_back")).text
    assert "It has changed meanwhile" in page
    assert page.index("#decide") < page.index("Before and after"), "what is asked is said before the long list"
    wanted = {"do": "approve_again", "shown": hidden(page, "It has changed meanwhile")["shown"]}
    async with database.transaction() as session:
        back = await session.get_one(LedgerRow, "txn_back")
        seen, back.drift = back.drift, back.drift | {"why": "and again"}
    assert (await send(somebody, "/ledger/txn_back", wanted)).status_code == 409, "nobody approves what was not shown"
    async with database.transaction() as session:
        (await session.get_one(LedgerRow, "txn_back")).drift = seen
    await send(somebody, "/ledger/txn_back", wanted)
    again = await row(database, "txn_back")
    assert (again.status, again.preview["versions"]) == ("authorised", {"sale.sale,7": "9"})
    assert again.nudge_at
    assert again.decision != "dec_1"
    async with database.transaction() as session:
        (fact,) = await session.scalars(select(AuditRow).where(col(AuditRow.subject) == "txn_back"))
    assert (fact.kind, fact.actor, fact.data["earlier"]) == ("transaction.approve_again", PLANNER, "dec_1")


async def test_dropping_needs_a_reason(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    refused = await send(somebody, "/ledger/txn_back", {"do": "drop", "reason": " "})
    assert refused.status_code == 400
    await send(somebody, "/ledger/txn_back", {"do": "drop", "reason": "The customer waits"})
    assert (await row(database, "txn_back")).status == "rejected"


async def test_a_dead_letter_is_mended_under_a_new_key(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    broken = await send(somebody, "/ledger/txn_dead", {"do": "retry", "outcomes": "[{}]", "reason": "x"})
    assert broken.status_code == 400
    mended = '[{"kind": "change_promise", "sale": "SO-2107", "promised": "2026-12-01T12:00:00Z", "reason": ""}]'
    await send(somebody, "/ledger/txn_dead", {"do": "retry", "outcomes": mended, "reason": "Next period"})
    found = await row(database, "txn_dead")
    assert (found.status, found.key, found.preview) == ("drafted", "k:dead+1", None)
    assert found.outcomes[0]["promised"] == "2026-12-01T12:00:00Z"
    page = plain((await somebody.get("/ledger/txn_dead")).text)
    assert "mended by Petr" in page, "what the definition says of it is not what is posted"


async def test_a_mended_value_comes_from_who_mended_it(somebody: Browser, database: Database) -> None:
    text = (DEFINITIONS / "quality_hold.yaml").read_text()
    version = await publish_definition(
        database, text, "quality_hold.yaml", author="eng", signed_off_by=QUALITY, now=NOW
    )
    hold = {"kind": "hold_lot", "lot": "L-7", "reason": "too hard"}
    async with database.transaction() as session:
        (await session.get_one(ExceptionRow, RUSH)).version = version
        dead = await session.get_one(LedgerRow, "txn_dead")
        dead.step, dead.outcomes = HELD_AT, [hold]
        for person in PEOPLE:
            row_ = await session.get_one(PersonRow, person)
            row_.data = row_.data | {"authorities": [*row_.data["authorities"], "disposition"]}
    await somebody.sign_in(PLANNER)

    async def comes_from(field: str) -> str:
        page = plain((await somebody.get("/ledger/txn_dead")).text)
        return page.partition(f"Hold lot: {field}")[2][:120]

    assert "the signal" in await comes_from("lot")
    mended = json.dumps([hold | {"lot": "L-8"}])
    await send(somebody, "/ledger/txn_dead", {"do": "retry", "outcomes": mended, "reason": "Wrong label"})
    assert "Petr Dvořák, who mended it" in await comes_from("lot")
    assert "mended" not in await comes_from("reason")


async def test_a_dead_letter_is_written_off_with_a_reason(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    await send(somebody, "/ledger/txn_dead", {"do": "write_off", "reason": "Done by hand"})
    found = await row(database, "txn_dead")
    assert (found.status, found.reason) == ("rejected", "Done by hand")


async def test_what_waits_is_withdrawn_and_holds_nobody_up(somebody: Browser, database: Database) -> None:
    """Without that a posting that the system never takes would stand before every other of its order for ever."""
    common: dict[str, Any] = {"exception_id": RUSH, "step": "5", "system": "erp", "outcomes": [PROMISE]}
    common |= {"status": "drafted", "objects": ["sale:SO-2107"], "drafted_at": NOW}
    behind = {"why": "order", "until": NOW.isoformat(), "what": "txn_stuck"}
    async with database.transaction() as session:
        session.add(LedgerRow(id="txn_stuck", key="k:stuck", error="the ERP takes no such thing", **common))
        await session.flush()
        session.add(LedgerRow(id="txn_behind", key="k:behind", held=behind, **common))
        under_way = common | {"status": "rechecked", "objects": ["sale:SO-2108"], "sent_at": datetime.now(UTC)}
        session.add(LedgerRow(id="txn_under_way", key="k:under", **under_way))
    await somebody.sign_in(PLANNER)
    assert "Withdraw it" in (await somebody.get("/ledger/txn_stuck")).text
    assert (await send(somebody, "/ledger/txn_stuck", {"do": "withdraw"})).status_code == 400
    await send(somebody, "/ledger/txn_stuck", {"do": "withdraw", "reason": "Not wanted any more"})
    found = await row(database, "txn_stuck")
    assert (found.status, found.reason) == ("rejected", "Not wanted any more")
    assert (await row(database, "txn_behind")).nudge_at
    for name in ("txn_done", "txn_under_way"):
        assert (await send(somebody, f"/ledger/{name}", {"do": "withdraw", "reason": "x"})).status_code == 409


async def test_a_dead_letter_goes_only_where_it_is_taken(somebody: Browser, database: Database) -> None:
    systems = [{"name": "erp", "kind": "tryton", "role": "erp"}, {"name": "mes", "kind": "mes_http", "role": "mes"}]
    async with database.transaction() as session:
        session.add(DocumentRow(kind="connectors", version="v1", content=systems, author="eng", published_at=NOW))
    await somebody.sign_in(PLANNER)
    wrong = await send(somebody, "/ledger/txn_dead", {"do": "retry", "system": "mes", "reason": "There, then"})
    assert (wrong.status_code, "The MES takes no change promise" in wrong.text) == (400, True)
    assert (await row(database, "txn_dead")).status == "dead_lettered"


async def test_a_reversal_needs_two_people(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    asked = await send(somebody, "/ledger/txn_done", {"do": "reverse", "reason": "Wrong date"})
    number = asked.headers["location"].partition("?")[0].rpartition("/")[2]
    async with database.transaction() as session:
        (await session.get_one(LedgerRow, number)).status = "previewed"  # what its workflow does
    own = await send(somebody, f"/ledger/{number}", {"do": "approve_reversal"})
    assert own.status_code in (403, 409, 422)
    await somebody.sign_in(QUALITY)
    page = (await somebody.get(f"/ledger/{number}")).text
    blind = await send(somebody, f"/ledger/{number}", {"do": "approve_reversal", "shown": "6" * 64})
    assert blind.status_code == 409, "nobody approves what was not shown"
    await send(somebody, f"/ledger/{number}", hidden(page, "Take it back?"))
    found = await row(database, number)
    assert (found.requested_by, found.approved_by, found.reverses) == (PLANNER, QUALITY, "txn_done")


async def test_a_system_is_stopped_and_what_waits_is_woken(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    wanted = {"scope": "system:erp", "stopped": "1", "windows": "sat,sun 22:00-04:00", "per_hour": "40"}
    refused = await send(somebody, "/ledger/systems", wanted)
    assert refused.status_code == 400
    kept = refused.text[: refused.text.index("</form>", refused.text.index("Not done."))]
    assert 'value="40"' in kept, "what was typed is not lost"
    assert re.search(r'name="stopped" value="1" checked', kept)
    assert "sat,sun 22:00-04:00" in kept
    await send(somebody, "/ledger/systems", wanted | {"reason": "Inventory"})
    async with database.transaction() as session:
        control = (await session.get_one(PostingControlRow, "system:erp")).data
    assert (control["stopped"], control["per_hour"], control["windows"][0]["days"]) == (True, 40, ["sat", "sun"])
    page = plain((await somebody.get("/ledger/systems")).text)
    assert "sat,sun 22:00-04:00" in page
    assert "“Inventory”" in page
    odd = await send(somebody, "/ledger/systems", wanted | {"scope": "definition:new_one", "windows": "sometimes"})
    assert (odd.status_code, 'value="definition:new_one"' in odd.text) == (400, True)


async def test_the_reconciliation_is_found_under_the_ledger_too(somebody: Browser) -> None:
    await somebody.sign_in(PLANNER)
    sent = await somebody.get("/ledger/reconciliation?system=erp")
    assert (sent.status_code, sent.headers["location"]) == (303, "/reconciliation?system=erp")


async def test_who_may_not_is_told(somebody: Browser, database: Database) -> None:
    async with database.transaction() as session:
        person = await session.get_one(PersonRow, QUALITY)
        person.data = person.data | {"authorities": ["disposition"]}
    await somebody.sign_in(QUALITY)
    assert "Mend it" not in (await somebody.get("/ledger/txn_dead")).text
    refused = await send(somebody, "/ledger/txn_dead", {"do": "write_off", "reason": "x"})
    assert refused.status_code in (403, 422)
    assert (await row(database, "txn_dead")).status == "dead_lettered"
