"""Answers given on the console: committed once, as the person who is signed in, signed where the risk is high."""

import httpx
from sqlalchemy import select, update
from sqlmodel import col

from domain.asking.messages import Choice, Fact, Input
from domain.values import Json
from store.db import Database
from store.tables import InboxRow, TaskRow
from tests.api.seeding import BREAKDOWN, DISPOSITION, HOLD, PASSWORD, PLAN, PLANNER, QUALITY, REPAIR, TECHNICIAN
from tests.api.site import HTML, Browser, hidden


async def answers(database: Database) -> list[InboxRow]:
    async with database.transaction() as session:
        return list((await session.scalars(select(InboxRow).where(col(InboxRow.category) == "answer"))).all())


async def form_of(somebody: Browser, task: str, exception: str) -> dict[str, str]:
    return hidden((await somebody.get(f"/exceptions/{exception}")).text, f'id="{task}"')


async def test_a_decision_is_committed_as_the_signed_in_person(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    form = await form_of(somebody, PLAN, BREAKDOWN) | {"verb": "approve:swap", "comment": " key customer first "}
    sent = await somebody.post(f"/tasks/{PLAN}/answer", form | {"person": QUALITY})
    assert sent.status_code == 303
    [row] = await answers(database)
    assert (row.source, row.status) == ("console", "received")
    assert row.body["person"] == PLANNER
    assert (row.body["verb"], row.body["task"]) == ("approve:swap", f"{PLAN}:1")
    assert row.body["fields"] == {"comment": "key customer first"}


async def test_a_question_a_note_and_a_hand_over_have_forms_of_their_own(somebody: Browser, database: Database) -> None:
    to = Input(name="to", kind="choice", choices=[Fact(label="Petr Dvořák", value=PLANNER)])
    said = [Input(name="text", required=True)]
    more = [
        Choice(verb="hand_over", more=True, asks=[to]),
        *(Choice(verb=v, more=True, asks=said) for v in ("ask", "inform")),
    ]
    async with database.transaction() as session:
        row = await session.get_one(TaskRow, REPAIR)
        choices = [*row.shown["choices"], *(choice.model_dump(mode="json") for choice in more)]
        row.shown = row.shown | {"choices": choices}
    await somebody.sign_in(TECHNICIAN)
    page = (await somebody.get(f"/exceptions/{BREAKDOWN}")).text
    given = {"Hand over": {"to": PLANNER}, "Ask a question": {"text": "which spindle?"}, "Add a note": {"text": "belt"}}
    for title, fields in given.items():
        form = hidden(page, f"<summary>{title}</summary>") | {f"field.{name}": value for name, value in fields.items()}
        verb = {"Hand over": "hand_over", "Ask a question": "ask", "Add a note": "inform"}[title]
        assert (await somebody.post(f"/tasks/{REPAIR}/answer", form | {"verb": verb})).status_code == 303
    told = {row.body["verb"]: row.body["fields"] for row in await answers(database)}
    assert told == {"hand_over": {"to": PLANNER}, "ask": {"text": "which spindle?"}, "inform": {"text": "belt"}}


async def test_what_the_systems_would_change_stands_with_each_option(somebody: Browser, database: Database) -> None:
    preview: Json = {"changes": [{"record": "JO-1001", "field": "planned_start", "before": "08:00", "after": "10:00"}]}
    preview |= {"total": 1, "away": ["mes"]}
    async with database.transaction() as session:
        row = await session.get_one(TaskRow, PLAN)
        row.shown = row.shown | {"options": [one | {"preview": preview} for one in row.shown["options"]]}
    for person in (PLANNER, TECHNICIAN):  # who decides, and who only looks
        await somebody.sign_in(person)
        page = await somebody.get(f"/exceptions/{BREAKDOWN}")
        assert page.status_code == 200
        assert page.text.count("08:00 &rarr;&nbsp;<b>10:00</b>") == 2


async def test_the_same_form_sent_twice_is_one_answer(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    form = await form_of(somebody, PLAN, BREAKDOWN) | {"verb": "approve:push"}
    first = await somebody.post(f"/tasks/{PLAN}/answer", form)
    second = await somebody.post(f"/tasks/{PLAN}/answer", form | {"verb": "reject"})
    assert first.headers["location"] == second.headers["location"]
    assert [row.body["verb"] for row in await answers(database)] == ["approve:push"]


async def test_the_page_says_received_until_the_workflow_has_spoken(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    form = await form_of(somebody, PLAN, BREAKDOWN) | {"verb": "approve:push"}
    going_to = (await somebody.post(f"/tasks/{PLAN}/answer", form)).headers["location"]
    waiting = (await somebody.get(going_to)).text
    assert "Received. It is being looked at." in waiting
    assert "data-pending" in waiting
    outcome = {"accepted": False, "code": "decided", "by": "Quentin Marsh", "at": "2026-11-22T09:29:00Z"}
    async with database.transaction() as session:
        mine = col(InboxRow.category) == "answer"
        await session.execute(update(InboxRow).where(mine).values(status="answered", outcome=outcome))
    told = (await somebody.get(going_to)).text
    assert "Not counted: Quentin Marsh was first" in told
    assert "data-pending" not in told
    await somebody.sign_in(QUALITY)
    assert "Not counted" not in (await somebody.get(going_to)).text, "an outcome is for the one who answered"


async def test_high_risk_needs_the_password_again_and_states_the_meaning(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(QUALITY)
    page = (await somebody.get(f"/exceptions/{HOLD}")).text
    assert "Signature of Quentin Marsh" in page
    assert "I decide this: Disposition of lot L-BAR-502" in page
    form = await form_of(somebody, DISPOSITION, HOLD) | {"verb": "approve:scrap", "meaning": "approve"}
    for password in ({}, {"password": ""}, {"password": "wrong"}):
        refused = await somebody.post(f"/tasks/{DISPOSITION}/answer", form | password)
        assert refused.status_code == 401
    assert await answers(database) == []
    signed = await somebody.post(f"/tasks/{DISPOSITION}/answer", form | {"password": PASSWORD})
    assert signed.status_code == 303
    [row] = await answers(database)
    assert PASSWORD not in str(row.body)


async def test_forms_that_are_not_ours_are_refused(somebody: Browser, database: Database) -> None:
    await somebody.sign_in(PLANNER)
    path, form = f"/tasks/{PLAN}/answer", await form_of(somebody, PLAN, BREAKDOWN) | {"verb": "approve:push"}
    assert (await somebody.post(path, form | {"csrf": "0" * 64})).status_code == 403
    assert (await somebody.post(path, {"verb": "approve:push"})).status_code == 403
    assert (await somebody.post(path, form | {"task": "tsk_other:1"})).status_code == 400
    assert (await somebody.post(path, form | {"press_id": ""})).status_code == 400
    assert (await somebody.post(path, form | {"verb": "x" * 300})).status_code == 400
    assert (await somebody.post("/tasks/tsk_none/answer", form)).status_code == 404
    other = {**HTML, "sec-fetch-site": "cross-site"}
    assert (await somebody.client.post(path, data=form, headers=other)).status_code == 403
    assert (await somebody.client.post(path, json=form, headers=HTML)).status_code == 400
    assert (await somebody.get(path)).status_code == 405
    somebody.client.cookies.clear()
    assert (await somebody.post(path, form)).status_code == 401
    assert await answers(database) == []


async def test_a_huge_form_is_refused_before_it_is_read(somebody: Browser) -> None:
    await somebody.sign_in(TECHNICIAN)
    answer = await somebody.post("/tasks/tsk_repair/answer", {"comment": "x" * 70_000})
    assert answer.status_code == 413


async def test_programs_get_problem_documents(somebody: Browser) -> None:
    answer: httpx.Response = await somebody.client.post("/tasks/tsk_repair/answer", headers={"accept": "*/*"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() | {"detail": ""} == {
        "type": "urn:mos:problem:sign_in",
        "title": "mos.sign_in",
        "status": 401,
        "detail": "",
    }
