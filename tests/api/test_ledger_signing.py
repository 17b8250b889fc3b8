"""Decisions in the ledger: signed like others of their risk, by two people where that is wanted, in their area."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from admin.authority import publish_matrix
from domain.authority.signing import signature_hash
from domain.values import content_hash
from store.db import Database
from store.tables import (
    AuditRow,
    DecisionRow,
    DocumentRow,
    ExceptionRow,
    InboxRow,
    LedgerRow,
    PersonRow,
    ShownRow,
    SignatureRow,
)
from tests.api.hand_totp import code, fill, key_on
from tests.api.seeding import NOW, PASSWORD, PLANNER, QUALITY, RUSH, SITE
from tests.api.site import Browser, hidden
from tests.api.test_ledger_console import plain, row, seed_ledger, send

AGAIN, DEAD, DONE = "/ledger/txn_back", "/ledger/txn_dead", "/ledger/txn_done"
MENDED = '[{"kind": "change_promise", "sale": "SO-2107", "promised": "2026-12-01T12:00:00Z", "reason": ""}]'
SIGNING = {"password": PASSWORD, "meaning": "responsible"}


@pytest.fixture(autouse=True)
async def rows(database: Database) -> None:
    await seed_ledger(database)


async def rule(database: Database, *, grant: dict[str, Any] | None = None, **action: Any) -> None:
    """What the matrix says of a promise, and to whom it gives it."""
    grants = [{"id": "promise", "action": "promise", "to": {"authority": "promise"}} | (grant or {})]
    matrix = {"actions": {"promise": {"risk": "normal"} | action}, "grants": grants}
    await publish_matrix(database, matrix, author="eng", now=NOW)


async def signatures(database: Database) -> list[SignatureRow]:
    async with database.transaction() as session:
        return list((await session.scalars(select(SignatureRow))).all())


async def again(somebody: Browser, **fields: str) -> int:
    page = (await somebody.get(AGAIN)).text
    form = {"do": "approve_again", "shown": hidden(page, "It has changed meanwhile")["shown"]}
    return (await send(somebody, AGAIN, form | fields)).status_code


async def test_c14_a_second_decision_of_high_risk_is_signed(somebody: Browser, database: Database) -> None:
    await rule(database, risk="high")
    await somebody.sign_in(PLANNER)
    assert "Signature of Petr" in (await somebody.get(AGAIN)).text
    pressed = await send(somebody, AGAIN, hidden((await somebody.get(AGAIN)).text, "It has changed") | {"do": "drop"})
    assert pressed.status_code == 400, "a reason is missing"
    unsigned = [await again(somebody), await again(somebody, password="wrong", meaning="approve")]
    odd = [await again(somebody, password=PASSWORD, meaning="whatever"), await again(somebody, password=PASSWORD)]
    assert (unsigned, odd) == ([422, 401], [400, 400])
    assert ((await row(database, "txn_back")).status, await signatures(database)) == ("sent_back", [])
    assert await again(somebody, **SIGNING) == 303
    [one] = await signatures(database)
    assert (one.task_id, one.verb, one.meaning, one.method) == ("txn_back", "approve_again", "responsible", "password")
    assert (one.printed_name, one.at, one.hash) == ("Petr Dvořák", NOW, signature_hash(one.statement))
    posted = await row(database, "txn_back")
    async with database.transaction() as session:
        decision = await session.get_one(DecisionRow, posted.decision)
        shown = await session.get_one(ShownRow, one.shown_hash)
        facts = [fact.kind for fact in await session.scalars(select(AuditRow).where(col(AuditRow.actor) == PLANNER))]
    assert (decision.signature, decision.shown_hash, decision.granted[0]["grant"]) == (
        one.id,
        one.shown_hash,
        "promise",
    )
    assert one.shown_hash == content_hash(shown.content) == content_hash(posted.drift)
    assert facts.count("signed") == 1
    assert "Signed by Petr Dvořák : responsible" in plain((await somebody.get(AGAIN)).text)


async def test_a_press_is_enough_where_the_matrix_says_so(somebody: Browser, database: Database) -> None:
    await rule(database)
    await somebody.sign_in(PLANNER)
    assert "Your password" not in (await somebody.get(AGAIN)).text
    assert await again(somebody) == 303


async def test_what_was_signed_once_is_signed_again(somebody: Browser, database: Database) -> None:
    """The step's own risk counts, also without a matrix."""
    async with database.transaction() as session:
        (await session.get_one(DecisionRow, "dec_1")).granted = [{"person": PLANNER, "risk": "high"}]
    await somebody.sign_in(PLANNER)
    assert (await again(somebody), await again(somebody, **SIGNING)) == (422, 303)


async def test_with_an_authenticator_its_code_is_needed(somebody: Browser, database: Database) -> None:
    await rule(database, signature="console_signature")
    await somebody.sign_in(PLANNER)
    otp = key_on(await fill(somebody, "/account", "/account/begin-authenticator", password=PASSWORD))
    await fill(somebody, "/account", "/account/finish-authenticator", code=code(otp, NOW))
    assert 'name="code"' in (await somebody.get(AGAIN)).text
    assert await again(somebody, **SIGNING) in (400, 401)
    assert await again(somebody, **SIGNING, code=code(otp, NOW, 1)) == 303
    assert [one.method for one in await signatures(database)] == ["password+totp"]


async def test_what_is_mended_is_signed_as_it_is_posted(somebody: Browser, database: Database) -> None:
    await rule(database, risk="high")
    await somebody.sign_in(PLANNER)
    mend = {"do": "retry", "outcomes": MENDED, "reason": "Next period"}
    assert "Your password" not in (await somebody.get(DEAD)).text, "what is signed can't be seen yet"
    offered = await send(somebody, DEAD, mend)
    page, form = plain(offered.text), hidden(offered.text, "Sign what you mended")
    told = ("SO-2107 promised for 1 Dec", "Next period", "Signature of Petr", form["shown"][:16])
    assert (offered.status_code, [part for part in told if part not in page]) == (422, [])
    wrong = await send(somebody, DEAD, mend | SIGNING | {"password": "wrong"})
    assert (wrong.status_code, "Sign what you mended" in wrong.text) == (401, True)
    unseen = [(await send(somebody, DEAD, mend | SIGNING | shown)).status_code for shown in ({}, {"shown": "6" * 64})]
    assert unseen == [409, 409]
    assert (await send(somebody, DEAD, mend | SIGNING | {"shown": form["shown"]})).status_code == 303
    [one] = await signatures(database)
    found = await row(database, "txn_dead")
    assert one.shown_hash == content_hash({"key": "k:dead+1", "system": "erp", "outcomes": found.outcomes})
    assert (one.verb, found.status) == ("retry", "drafted")


async def test_a_mended_payload_is_held_to_what_the_mender_may(somebody: Browser, database: Database) -> None:
    """It rests on their own decision, with their grant and its limits, not on whom the first payload rested on."""
    async with database.transaction() as session:
        dead = await session.get_one(LedgerRow, "txn_dead")
        dead.standing_version, dead.standing_grantor = "v1", QUALITY
    await rule(database, grant={"limits": {"quantity": 5}})
    await somebody.sign_in(PLANNER)
    mend = {"do": "retry", "outcomes": MENDED, "reason": "Next period"}
    assert (await send(somebody, DEAD, mend)).status_code == 403, "how much a promise moves is not known"
    assert (await row(database, "txn_dead")).standing_version == "v1"
    await rule(database)
    assert (await send(somebody, DEAD, mend)).status_code == 303
    found = await row(database, "txn_dead")
    async with database.transaction() as session:
        decision = await session.get_one(DecisionRow, found.decision)
        facts = {
            fact.kind: fact
            for fact in await session.scalars(select(AuditRow).where(col(AuditRow.subject) == "txn_dead"))
        }
    assert (found.standing_version, found.standing_grantor, found.requested_by) == ("", "", PLANNER)
    assert (decision.person, decision.authority, decision.granted[0]["grant"]) == (PLANNER, "promise", "promise")
    assert facts["transaction.retry"].data["before"]["ground"] == "v1"
    page = plain((await somebody.get(DEAD)).text)
    assert ("decided by Petr Dvořák" in page, "standing authority" in page) == (True, False)


async def test_mended_to_what_needs_a_signature_it_is_asked_for(somebody: Browser, database: Database) -> None:
    """Also where what it was before needs none: it became another action."""
    actions = {"promise": {"risk": "high"}, "reschedule": {"risk": "normal"}}
    grants = [{"id": name, "action": name, "to": {"person": PLANNER}} for name in actions]
    await publish_matrix(database, {"actions": actions, "grants": grants}, author="eng", now=NOW)
    async with database.transaction() as session:
        dead = await session.get_one(LedgerRow, "txn_dead")
        dead.outcomes = [{"kind": "set_priority", "job_orders": ["JO-1001"], "priority": 2}]
    await somebody.sign_in(PLANNER)
    offered = await send(somebody, DEAD, {"do": "retry", "outcomes": MENDED, "reason": "Say it"})
    assert (offered.status_code, "Sign what you mended" in offered.text) == (422, True)


async def test_what_was_typed_is_not_lost(somebody: Browser) -> None:
    await somebody.sign_in(PLANNER)
    wrong = await send(somebody, DEAD, {"do": "retry", "outcomes": '[{"kind": "<b>"', "reason": "Next period"})
    assert wrong.status_code == 400
    assert "[{&#34;kind&#34;: &#34;&lt;b&gt;&#34;</textarea>" in wrong.text
    assert "The payload is no JSON" in plain(wrong.text)


async def test_a_signature_is_asked_for_in_the_reader_s_language(somebody: Browser, database: Database) -> None:
    await rule(database, risk="high")
    async with database.transaction() as session:
        person = await session.get_one(PersonRow, PLANNER)
        person.data = person.data | {"language": "de-AT"}
    await somebody.sign_in(PLANNER)
    page = plain((await somebody.get(AGAIN)).text)
    told = ("Unterschrift von Petr", "Ich bin dafür verantwortlich", "Unterschreiben und trotzdem buchen")
    assert [part for part in told if part not in page] == []


async def test_as_it_is_a_dead_letter_is_tried_again_by_a_press(somebody: Browser, database: Database) -> None:
    await rule(database, risk="high")
    await somebody.sign_in(PLANNER)
    assert (await send(somebody, DEAD, {"do": "retry"})).status_code == 303


async def test_taking_back_is_signed_by_whoever_approves_it(somebody: Browser, database: Database) -> None:
    await rule(database, risk="high")
    await somebody.sign_in(PLANNER)
    asked = await send(somebody, DONE, {"do": "reverse", "reason": "Wrong date"})
    path = asked.headers["location"].partition("?")[0]
    number = path.rpartition("/")[2]
    async with database.transaction() as session:
        (await session.get_one(LedgerRow, number)).status = "previewed"  # what its workflow does
    await somebody.sign_in(QUALITY)
    form = {"do": "approve_reversal", "shown": hidden((await somebody.get(path)).text, "Take it back?")["shown"]}
    assert (await send(somebody, path, form)).status_code == 422
    assert (await send(somebody, path, form | SIGNING | {"shown": "6" * 64})).status_code == 409
    assert (await send(somebody, path, form | SIGNING)).status_code == 303
    [one] = await signatures(database)
    assert (one.task_id, one.person, (await row(database, number)).approved_by) == (number, QUALITY, QUALITY)


async def test_c11_four_eyes_are_two_people_in_the_ledger_too(somebody: Browser, database: Database) -> None:
    await rule(database, four_eyes=True)
    await somebody.sign_in(PLANNER)
    assert await again(somebody) == 403, "they decided it first"
    await somebody.sign_in(QUALITY)
    assert await again(somebody) == 303


async def test_who_mended_it_is_not_the_other_pair_of_eyes(somebody: Browser, database: Database) -> None:
    """Whoever decided before that may be it: two people are enough."""
    await rule(database, four_eyes=True)
    await somebody.sign_in(QUALITY)
    assert (await send(somebody, DEAD, {"do": "retry", "outcomes": MENDED, "reason": "x"})).status_code == 303
    async with database.transaction() as session:
        dead = await session.get_one(LedgerRow, "txn_dead")
        back = await session.get_one(LedgerRow, "txn_back")
        back.requested_by = dead.requested_by  # as if it were this one that came back
    assert await again(somebody) == 403
    await somebody.sign_in(PLANNER)
    assert await again(somebody) == 303
    assert (await row(database, "txn_back")).requested_by == ""


async def test_a_reversal_that_came_back_is_decided_again(somebody: Browser, database: Database) -> None:
    await rule(database, four_eyes=True)
    async with database.transaction() as session:
        back = await session.get_one(LedgerRow, "txn_back")
        back.reverses, back.requested_by, back.approved_by, back.decision = "txn_done", PLANNER, QUALITY, ""
    await somebody.sign_in(QUALITY)
    assert await again(somebody) == 403
    await somebody.sign_in(PLANNER)
    assert await again(somebody) == 303


async def test_who_reported_it_does_not_decide_it(somebody: Browser, database: Database) -> None:
    await rule(database, not_requester=True)
    signal = {"type": "operator.report", "facts": {"reporter": QUALITY}}
    async with database.transaction() as session:
        session.add(
            InboxRow(category="signal", source="console", event_id="r1", kind="report", status="delivered",
                     exception_id=RUSH, signal=signal, received_at=NOW)
        )  # fmt: skip
    await somebody.sign_in(QUALITY)
    assert await again(somebody) == 403
    await somebody.sign_in(PLANNER)
    assert await again(somebody) == 303


async def stands_in(database: Database, area: str) -> None:
    """The exception is about a machine of this area."""
    nodes = [{"id": area, "title": area, "level": "area"}]
    nodes += [{"id": "lathe-1", "title": "Lathe 1", "level": "work_unit", "parent": area}]
    async with database.transaction() as session:
        site = SITE | {"equipment": nodes}
        session.add(DocumentRow(kind="site", version=f"site-{area}", content=site, author="anna", published_at=NOW))
        (await session.get_one(ExceptionRow, RUSH)).equipment = "lathe-1"


async def test_a_grant_for_an_area_counts_there(somebody: Browser, database: Database) -> None:
    await rule(database, grant={"areas": ["machining"]})
    await somebody.sign_in(PLANNER)
    assert await again(somebody) == 403
    await stands_in(database, "assembly")
    assert await again(somebody) == 403
    await stands_in(database, "machining")
    assert await again(somebody) == 303


async def test_who_is_of_another_area_does_not_decide_there(somebody: Browser, database: Database) -> None:
    async with database.transaction() as session:
        person = await session.get_one(PersonRow, PLANNER)
        person.data = person.data | {"areas": ["assembly"]}
    await stands_in(database, "machining")
    await somebody.sign_in(PLANNER)
    assert await again(somebody) == 403
    await stands_in(database, "assembly")
    assert await again(somebody) == 303
