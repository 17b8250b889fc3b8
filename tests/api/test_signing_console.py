"""Signing in the console: exactly what was shown, by the person themselves, with a meaning; and the authority page."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlmodel import col

from admin.authority import publish_matrix
from domain.authority.signing import signature_hash
from store.db import Database
from store.tables import AuditRow, DelegationRow, InboxRow, PersonRow, SignatureRow
from tests.api.hand_totp import code, fill, key_on
from tests.api.seeding import BREAKDOWN, DISPOSITION, HOLD, NOW, PASSWORD, PLAN, PLANNER, QUALITY, TECHNICIAN
from tests.api.site import Browser, hidden

SIGN = f"/tasks/{DISPOSITION}/sign"
MATRIX = {
    "currency": "EUR",
    "actions": {"reschedule": {"risk": "normal", "signature": "console_signature", "meanings": ["approve"]}},
    "grants": [
        {"id": "planner", "action": "reschedule", "to": {"person": PLANNER}, "limits": {"money": 5000}},
        {"id": "quality", "action": "disposition", "to": {"person": QUALITY}},
    ],
}


async def rows(database: Database, table: type[Any]) -> list[Any]:
    async with database.transaction() as session:
        return list((await session.scalars(select(table))).all())


async def sent(somebody: Browser, **fields: str) -> httpx.Response:
    form = hidden((await somebody.get(SIGN)).text, 'id="signing"')
    signed = {"verb": "approve:scrap", "meaning": "responsible", "password": PASSWORD}
    return await somebody.post(f"/tasks/{DISPOSITION}/answer", form | signed | fields)


async def test_a_signature_keeps_name_time_meaning_and_what_was_shown(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(QUALITY)
    page = (await somebody.get(SIGN)).text
    for part in ("Signature of Quentin Marsh", "I am responsible for it", "5" * 16, "Your password, again"):
        assert part in page
    assert (await sent(somebody)).status_code == 303
    [signature] = await rows(database, SignatureRow)
    assert (signature.printed_name, signature.meaning, signature.at) == ("Quentin Marsh", "responsible", NOW)
    assert (signature.verb, signature.shown_hash, signature.method) == ("approve:scrap", "5" * 64, "password")
    assert signature.hash == signature_hash(signature.statement)
    [answer] = [row for row in await rows(database, InboxRow) if row.category == "answer"]
    assert answer.event_id == signature.press
    told = (await somebody.get(f"/exceptions/{HOLD}")).text
    assert "meaning <b>responsible</b>" in told
    assert signature.hash[:16] in told
    assert [fact.kind for fact in await rows(database, AuditRow)].count("signed") == 1


async def test_with_an_authenticator_the_first_signature_needs_its_code(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(QUALITY)
    otp = key_on(await fill(somebody, "/account", "/account/begin-authenticator", password=PASSWORD))
    await fill(somebody, "/account", "/account/finish-authenticator", code=code(otp, NOW))
    assert 'name="code"' in (await somebody.get(SIGN)).text
    for wrong in ("", "000000"):
        assert (await sent(somebody, code=wrong)).status_code in (400, 401)
    assert await rows(database, SignatureRow) == []
    assert (await sent(somebody, code=code(otp, NOW, 1))).status_code == 303, "the code of the next half minute"
    [signature] = await rows(database, SignatureRow)
    assert (signature.method, signature.statement["method"]) == ("password+totp", "password+totp")
    assert "by password+totp" in (await somebody.get(f"/exceptions/{HOLD}")).text


async def test_page_and_outcome_are_in_the_signers_language(somebody: Browser, database: Database) -> None:
    async with database.transaction() as session:
        row = await session.get_one(PersonRow, QUALITY)
        row.data = row.data | {"language": "de"}
    await somebody.sign_in(QUALITY)
    page = (await somebody.get(SIGN)).text
    for part in ("Unterschrift von Quentin Marsh", "Ich bin dafür verantwortlich", "Unterschreiben und senden"):
        assert part in page
    going_to = (await sent(somebody)).headers["location"]
    assert "Angekommen. Es wird bearbeitet." in (await somebody.get(going_to)).text
    outcome = {"accepted": False, "code": "taken", "by": "Petr Dvořák", "at": "2026-11-22T09:29:00Z"}
    async with database.transaction() as session:
        await session.execute(update(InboxRow).where(col(InboxRow.category) == "answer").values(outcome=outcome))
    told = (await somebody.get(going_to)).text
    assert "Nicht gezählt: Petr Dvořák war schneller, um 22.11. 10:29." in told


@pytest.mark.parametrize(
    "wrong, status",
    [
        ({"password": "wrong"}, 401),
        ({"password": ""}, 401),
        ({"meaning": ""}, 400),
        ({"meaning": "whatever"}, 400),
        ({"shown": "6" * 64}, 409),
        ({"shown": ""}, 409),
        ({"task": f"{DISPOSITION}:2"}, 409),
    ],
)
async def test_what_is_not_whole_is_not_signed(
    somebody: Browser, database: Database, wrong: dict[str, str], status: int
) -> None:
    await somebody.sign_in(QUALITY)
    refused = await sent(somebody, **wrong)
    assert refused.status_code == status
    assert await rows(database, SignatureRow) == []
    assert [row for row in await rows(database, InboxRow) if row.category == "answer"] == []


async def test_wrong_passwords_are_limited_and_on_record(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(QUALITY)
    statuses = [(await sent(somebody, password=f"wrong {n}")).status_code for n in range(7)]
    assert statuses[-1] == 429
    assert (await sent(somebody)).status_code == 429
    assert await rows(database, SignatureRow) == []
    assert "password_refused" in [fact.kind for fact in await rows(database, AuditRow)]


async def test_a_rejection_is_signed_as_one(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(QUALITY)
    assert (await sent(somebody, verb="reject")).status_code == 303
    [signature] = await rows(database, SignatureRow)
    assert (signature.verb, signature.meaning) == ("reject", "reject")


async def test_sent_twice_it_is_signed_once(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(QUALITY)
    form = hidden((await somebody.get(SIGN)).text, 'id="signing"')
    signed = {"verb": "approve:scrap", "meaning": "approve", "password": PASSWORD}
    for verb in ("approve:scrap", "reject"):
        await somebody.post(f"/tasks/{DISPOSITION}/answer", form | signed | {"verb": verb})
    assert [row.verb for row in await rows(database, SignatureRow)] == ["approve:scrap"]


async def test_c16_looking_at_the_page_signs_nothing(somebody: Browser, database: Database) -> None:
    assert (await somebody.get(SIGN)).status_code == 303
    await somebody.sign_in(TECHNICIAN)
    page = (await somebody.get(SIGN)).text
    assert "You may not decide this" in page
    assert "password" not in page
    assert await rows(database, SignatureRow) == []


async def test_a_matrix_that_came_later_asks_for_a_signature_all_the_same(
    somebody: Browser, database: Database
) -> None:
    await publish_matrix(database, MATRIX, author="eng", now=NOW)
    await somebody.sign_in(PLANNER)
    form = hidden((await somebody.get(f"/exceptions/{BREAKDOWN}")).text, f'id="{PLAN}"')
    answer = form | {"verb": "approve:swap"}
    assert (await somebody.post(f"/tasks/{PLAN}/answer", answer)).status_code == 400
    signed = answer | {"meaning": "approve", "password": PASSWORD}
    assert (await somebody.post(f"/tasks/{PLAN}/answer", signed)).status_code == 303
    assert len(await rows(database, SignatureRow)) == 1


async def test_who_may_decide_this_much_now(somebody: Browser, database: Database) -> None:
    await publish_matrix(database, MATRIX, author="eng", now=NOW)
    await somebody.sign_in(TECHNICIAN)
    page = (await somebody.get("/authority?action=reschedule&money=5000")).text
    assert "by grant planner" in page
    assert "signed in the console" in page
    over = (await somebody.get("/authority?action=reschedule&money=5001")).text
    assert "Nobody may decide this now." in over
    assert "over the limit (money)" in over
    assert "by grant quality" in (await somebody.get("/authority?action=disposition")).text


async def test_lend_and_take_back(somebody: Browser, database: Database) -> None:
    await publish_matrix(database, MATRIX, author="eng", now=NOW)
    await somebody.sign_in(PLANNER)
    form = hidden((await somebody.get("/authority")).text, 'class="card lend"')
    end = (NOW + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M")
    lending = form | {"to": TECHNICIAN, "end": end, "reason": "<b>dentist</b>", "action:reschedule": "1"}
    assert (await somebody.post("/delegations", lending | {"action:disposition": "1"})).status_code == 403
    assert (await somebody.post("/delegations", lending | {"reason": " "})).status_code == 400
    assert (await somebody.post("/delegations", lending | {"to": PLANNER})).status_code == 400
    assert await rows(database, DelegationRow) == []
    assert (await somebody.post("/delegations", lending)).status_code == 303
    [row] = await rows(database, DelegationRow)
    page = (await somebody.get("/authority?action=reschedule&money=10")).text
    assert "&lt;b&gt;dentist&lt;/b&gt;" in page
    assert "lent by" in page
    ending = f"/delegations/{row.id}/end"
    await somebody.sign_in(QUALITY)
    refused = await somebody.post(ending, hidden((await somebody.get("/authority")).text))
    assert refused.status_code == 403
    await somebody.sign_in(TECHNICIAN)
    assert (await somebody.post(ending, hidden((await somebody.get("/authority")).text))).status_code == 303
    assert [one.ended_by for one in await rows(database, DelegationRow)] == [TECHNICIAN]
    assert "lent by" not in (await somebody.get("/authority?action=reschedule&money=10")).text
