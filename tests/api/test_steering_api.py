"""Steering from the page and from a program: offered to those who may, committed once, told and refused plainly."""

from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from domain.language.definition_text import load
from store.db import Database
from store.tables import DefinitionRow, ExceptionRow, InboxRow
from tests.api.seeding import BREAKDOWN, PLANNER, RUSH, TECHNICIAN, ago
from tests.api.site import Browser, hidden

TEXT = """
definition: breakdown
title: It is down
owner: maintenance_lead
opens: {on: [machine.state], one_per: [signal.equipment]}
steps:
  - task: repair
    to: {role: maintenance_technician}
    ladder: [{to: {role: maintenance_lead}, after: 5m}]
"""
STEPS = [
    {"path": "0", "name": "repair", "kind": "task", "status": "running"},
    {"path": "1", "name": "new_times", "kind": "post", "status": "failed", "reason": "the period is closed"},
]
STEER = f"/exceptions/{BREAKDOWN}/steer"
COMMANDS = f"/api/exceptions/{BREAKDOWN}/commands"


async def commands(database: Database) -> list[InboxRow]:
    async with database.transaction() as session:
        found = select(InboxRow).where(col(InboxRow.category) == "command").order_by(col(InboxRow.seq))
        return list((await session.scalars(found)).all())


async def settle(database: Database, outcome: dict[str, Any]) -> None:
    """As the pump does when the workflow has answered."""
    async with database.transaction() as session:
        mine = col(InboxRow.category) == "command"
        await session.execute(
            update(InboxRow).where(mine).values(status="delivered", outcome=outcome, exception_id=BREAKDOWN)
        )


async def standing(database: Database, **state: Any) -> None:
    async with database.transaction() as session:
        mine = update(ExceptionRow).where(col(ExceptionRow.id) == BREAKDOWN)
        await session.execute(mine.values(state={"tasks": {}, "gaps": {}, "steps": STEPS, **state}))


async def versions(database: Database) -> list[str]:
    """Two published ones; the exception runs under the first."""
    found = []
    async with database.transaction() as session:
        for number, text in ((1, TEXT), (2, TEXT.replace("5m", "8m"))):
            read = load(text)
            session.add(
                DefinitionRow(
                    version=read.version(), definition="breakdown", number=number, source_text=text,
                    content=read.content(), author="anna", authors=["anna"], signed_off_by="petr", reason="slower",
                    published_at=ago(60),
                )
            )  # fmt: skip
            found.append(read.version())
        mine = update(ExceptionRow).where(col(ExceptionRow.id) == BREAKDOWN)
        await session.execute(mine.values(version=found[0]))
    return found


async def token(somebody: Browser) -> dict[str, str]:
    told = await somebody.client.get(f"/api/exceptions/{BREAKDOWN}/steering")
    return {"x-csrf-token": told.json()["csrf"]}


async def test_only_those_who_may_are_offered_to_steer(somebody: Browser, database: Database) -> None:
    await standing(database)
    await somebody.sign_in(TECHNICIAN)
    page = (await somebody.get(f"/exceptions/{BREAKDOWN}")).text
    assert "Steer this exception" not in page
    assert "New times failed" in page
    assert 'value="retry:' not in page
    await somebody.sign_in(PLANNER)
    page = (await somebody.get(f"/exceptions/{BREAKDOWN}")).text
    assert "Steer this exception" in page
    assert page.count('value="retry:1"') == 2, "in the banner at once, and among the steps"
    assert 'value="retry:0"' not in page
    assert "Steer this exception" not in (await somebody.get(f"/exceptions/{RUSH}")).text


async def test_a_form_is_one_command_of_the_signed_in_person(somebody: Browser, database: Database) -> None:
    await standing(database)
    await somebody.sign_in(PLANNER)
    form = hidden((await somebody.get(f"/exceptions/{BREAKDOWN}")).text, "Steer this exception")
    wanted = {"do": "skip:0", "reason": " it runs again ", "values:0": "estimate: 2h\nparts: 3\n", "values:1": "a: b"}
    sent = [await somebody.post(STEER, form | wanted | {"person": TECHNICIAN}) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [303, 303]
    (row,) = await commands(database)
    assert (row.status, row.body["person"], row.body["exception"]) == ("received", PLANNER, BREAKDOWN)
    assert (row.body["kind"], row.body["step"], row.body["reason"]) == ("skip", "0", "it runs again")
    assert row.body["values"] == {"estimate": "2h", "parts": 3}
    page = (await somebody.get(sent[0].headers["location"])).text
    assert "Received. It is being done." in page
    await settle(database, {"accepted": False, "code": "not_allowed", "detail": {}})
    page = (await somebody.get(sent[0].headers["location"])).text
    assert "Not done. You may not steer this exception." in page
    assert "wanted to skip; refused." in page


async def test_a_preview_says_what_a_migration_does_before_it_is_done(somebody: Browser, database: Database) -> None:
    before, after = await versions(database)
    await somebody.sign_in(PLANNER)
    page = (await somebody.get(f"/exceptions/{BREAKDOWN}")).text
    assert f'<option value="{after}">v2: slower</option>' in page
    assert before not in page[page.index("<select") : page.index("</select>")]
    form = hidden(page, "Steer this exception")
    sent = await somebody.post(STEER, form | {"do": "preview", "version": after})
    (row,) = await commands(database)
    assert (row.body["kind"], row.body["preview"], row.body["version"]) == ("migrate", True, after)
    detail = {"kept": 1, "going_on": ["repair"], "withdrawn": ["staging"], "passed_over": [], "new": ["clean"]}
    await settle(database, {"accepted": True, "code": "done", "detail": detail})
    page = (await somebody.get(sent.headers["location"])).text
    assert "Moving it to v2 would do this" in page
    assert "after 5 min becomes 8 min" in page
    assert "Steered so far" not in page
    start = page.rindex("<form", 0, page.index("Moving it to v2"))
    form = hidden(page[start:])
    await somebody.post(STEER, form | {"do": "migrate", "reason": "slower is enough"})
    assert [(one.body["preview"], one.body["version"]) for one in await commands(database)][-1] == (False, after)


@pytest.mark.parametrize(
    "wanted, why",
    [
        ({"do": "pause"}, "Say why"),
        ({"do": "explode", "reason": "x"}, "no way to steer"),
        ({"do": "skip:", "reason": "x"}, "Say which step"),
        ({"do": "skip:0", "reason": "x", "values:0": "no colon"}, "on its own line"),
        ({"do": "preview"}, "to which version"),
    ],
)
async def test_what_is_not_whole_is_not_committed(
    somebody: Browser, database: Database, wanted: dict[str, str], why: str
) -> None:
    await somebody.sign_in(PLANNER)
    form = hidden((await somebody.get(f"/exceptions/{BREAKDOWN}")).text, "Steer this exception")
    answer = await somebody.post(STEER, form | wanted)
    assert answer.status_code == 400
    assert why in answer.text
    assert not await commands(database)


async def test_a_forged_form_does_nothing(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    answer = await somebody.post(STEER, {"do": "cancel", "reason": "x", "press_id": "a", "csrf": "guessed"})
    assert answer.status_code == 403
    assert not await commands(database)


async def test_a_program_steers_and_reads_what_became_of_it(somebody: Browser, database: Database) -> None:
    await standing(database, paused=True)
    await somebody.sign_in(PLANNER)
    told = (await somebody.client.get(f"/api/exceptions/{BREAKDOWN}/steering")).json()
    assert (told["paused"], told["may_steer"], told["steps"]) == (True, True, STEPS)
    body = {"kind": "retry", "step": "1", "id": "mine1"}
    sent = [await somebody.client.post(COMMANDS, json=body, headers=await token(somebody)) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [202, 202]
    assert len(await commands(database)) == 1
    where = sent[0].headers["location"]
    assert (await somebody.client.get(where)).json()["outcome"] is None
    await settle(database, {"accepted": True, "code": "done", "detail": {}})
    assert (await somebody.client.get(where)).json()["outcome"]["code"] == "done"
    await somebody.sign_in(TECHNICIAN)
    assert (await somebody.client.get(where)).status_code == 404


@pytest.mark.parametrize(
    "path, body, status, code",
    [
        (COMMANDS, {"kind": "pause"}, 400, "mos.invalid_payload"),
        (COMMANDS, {"kind": "pause", "why": "x"}, 400, "mos.invalid_payload"),
        (COMMANDS, {"kind": "resume", "preview": True}, 400, "mos.invalid_payload"),
        ("/api/exceptions/exc_none/commands", {"kind": "resume"}, 404, "mos.not_found"),
        (f"/api/exceptions/{RUSH}/commands", {"kind": "resume"}, 409, "mos.closed"),
    ],
)
async def test_a_program_is_told_what_is_wrong(
    somebody: Browser, database: Database, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    await somebody.sign_in(PLANNER)
    answer = await somebody.client.post(path, json=body, headers=await token(somebody))
    assert (answer.status_code, answer.json()["title"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert not await commands(database)


async def test_a_program_without_log_in_or_token_is_refused(somebody: Browser, database: Database) -> None:
    body = {"kind": "resume"}
    assert (await somebody.client.post(COMMANDS, json=body)).status_code == 401
    await somebody.sign_in(PLANNER)
    assert (await somebody.client.post(COMMANDS, json=body)).status_code == 403
    assert not await commands(database)


async def test_the_board_says_what_is_held(somebody: Browser, database: Database) -> None:
    await standing(database, paused=True)
    await somebody.sign_in(TECHNICIAN)
    board = (await somebody.get("/")).text
    assert "paused" in board
    assert "a step failed" in board
    await standing(database, by_hand="Petr Dvořák")
    assert "in the hands of Petr Dvořák" in (await somebody.get("/")).text
    assert "Taken over by Petr Dvořák" in (await somebody.get(f"/exceptions/{BREAKDOWN}")).text
