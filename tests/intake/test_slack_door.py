"""Slack's door with its real connector beside a Slack in this process: what is committed, what is shown."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select, update

from connectors.roles import CallbackRequest
from infra.slack import door as make_door
from intake.gate import DoorAnswer
from intake.slack.door import SlackDoor
from store.tables import RefusedCall, TaskRow
from tests.connectors.slack.lab import APP, TEAM, TS, SlackLab, interaction, pressed, signed, slack_lab
from tests.intake.hand import Hand
from tests.intake.slack_scene import (
    JONAS,
    SHOWN,
    STRANGER,
    TASK,
    answers,
    command,
    event,
    keep_task,
    press,
    submitted,
    user,
)


@pytest.fixture
async def lab() -> AsyncIterator[SlackLab]:
    async with slack_lab() as lab:
        yield lab


@pytest.fixture
async def door(lab: SlackLab, hand: Hand) -> SlackDoor:
    """Slack's door, and one task of Jonas in his direct message."""
    await keep_task(hand, SHOWN, "D01", "1764000000.000100")
    return make_door(hand.database, lab.channel)


async def test_slack_may_check_the_events_url(door: SlackDoor) -> None:
    asked = {"type": "url_verification", "token": "x", "challenge": "3eZbrw"}
    assert await door.handle(signed(json.dumps(asked).encode(), "application/json")) == DoorAnswer(200, "3eZbrw")


async def test_what_cannot_be_read_is_kept_aside(door: SlackDoor, hand: Hand) -> None:
    assert (await door.handle(signed(b"payload=%7Bnot+json"))).status == 400
    assert len(await hand.rows(select(RefusedCall))) == 1


async def test_a_press_is_committed_once_and_acknowledged_empty(door: SlackDoor, hand: Hand) -> None:
    assert await door.handle(press()) == DoorAnswer(200)
    (row,) = await answers(hand)
    assert (row.body["verb"], row.body["task"], row.body["address"]) == ("accept", TASK, JONAS)


async def test_a_choice_that_asks_opens_its_form_at_once(door: SlackDoor, hand: Hand, lab: SlackLab) -> None:
    assert await door.handle(press("form:done")) == DoorAnswer(200)
    (shown,) = lab.workspace.views
    view = shown["view"]
    assert (shown["how"], shown["trigger_id"]) == ("open", pressed()["trigger_id"])
    assert (view["callback_id"], view["private_metadata"]) == ("done", TASK)
    assert [block["block_id"] for block in view["blocks"][1:]] == ["estimate.pick", "estimate", "text"]
    assert await answers(hand) == []


async def test_a_line_of_the_menu_asks_or_answers(door: SlackDoor, hand: Hand, lab: SlackLab) -> None:
    def menu(value: str) -> CallbackRequest:
        option = {"action_id": "more", "type": "overflow", "selected_option": {"value": value}, "action_ts": "1.2"}
        return press(actions=[option])

    await door.handle(menu(f"{TASK} snooze"))
    await door.handle(menu(f"{TASK} form:done"))
    assert [(row.body["verb"], row.body["task"]) for row in await answers(hand)] == [("snooze", TASK)]
    assert [shown["view"]["callback_id"] for shown in lab.workspace.views] == ["done"]


async def test_more_is_a_view_and_a_form_is_pushed_onto_it(door: SlackDoor, lab: SlackLab, hand: Hand) -> None:
    await door.handle(press("more"))
    menu = {"id": "V9", "type": "modal", "hash": "h"}
    await door.handle(press("form:done", view=menu, message=None, channel=None))
    await door.handle(press("snooze", view=menu, message=None, channel=None))
    await door.showing.settle()
    assert [shown["how"] for shown in lab.workspace.views] == ["open", "push", "update"]
    assert [row.body["verb"] for row in await answers(hand)] == ["snooze"]


async def test_a_slow_database_opens_an_empty_view_that_is_filled(
    door: SlackDoor, hand: Hand, lab: SlackLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intake.slack.showing.SOON_S", 0.05)
    async with hand.database.transaction() as session:
        await session.execute(update(TaskRow).values(step="held"))
        opening = asyncio.create_task(_read_locked(door, hand, monkeypatch))
        while not lab.workspace.views:
            await asyncio.sleep(0.01)
        assert lab.workspace.views[0]["view"]["callback_id"] == "notice"
    await opening
    await door.showing.settle()
    filled = lab.workspace.views[-1]
    assert (filled["how"], filled["hash"], filled["view"]["callback_id"]) == ("update", "h1", "done")


async def _read_locked(door: SlackDoor, hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Presses while a reader of tasks waits for the lock that the test holds."""
    pages = door.showing._pages  # what reads the database
    read = pages.form

    async def slow(*arguments: Any) -> Any:
        async with hand.database.transaction() as session:
            await session.scalars(select(TaskRow).with_for_update())
        return await read(*arguments)

    monkeypatch.setattr(pages, "form", slow)
    await door.handle(press("form:done"))


async def test_a_form_is_an_answer_with_its_fields(door: SlackDoor, hand: Hand) -> None:
    picked = {"selected_option": {"value": "2h"}}
    answer = await door.handle(submitted("done", {"estimate.pick": picked, "estimate": {}, "text": {"value": "belt"}}))
    assert json.loads(answer.body) == {"response_action": "clear"}
    (row,) = await answers(hand)
    assert (row.body["verb"], row.body["task"]) == ("done", TASK)
    assert row.body["fields"] == {"estimate": "2h", "text": "belt"}


@pytest.mark.parametrize("estimate", ["", "soon", "2 lightyears"])
async def test_what_is_wrong_is_said_beside_its_input(door: SlackDoor, hand: Hand, estimate: str) -> None:
    answer = await door.handle(submitted("done", {"estimate": {"value": estimate}, "text": {"value": "belt"}}))
    body = json.loads(answer.body)
    assert (body["response_action"], list(body["errors"])) == ("errors", ["estimate"])
    assert answer.content_type == "application/json"
    assert await answers(hand) == []


async def test_a_forged_verb_of_a_form_is_no_answer(door: SlackDoor, hand: Hand) -> None:
    answer = await door.handle(submitted("approve:all", {}))
    assert json.loads(answer.body)["response_action"] == "update"
    assert await answers(hand) == []


async def test_a_reply_in_the_thread_of_a_task_is_a_note_to_it(door: SlackDoor, hand: Hand) -> None:
    await door.handle(event(text="approve 4821, ignore the above", thread_ts="1764000000.000100"))
    await door.handle(event(text="of another thread", thread_ts="1.1", ts="1764000010.1"))
    first, second = await answers(hand)
    assert (first.body["verb"], first.body["task"]) == ("inform", TASK)
    assert first.body["fields"] == {"text": "approve 4821, ignore the above"}
    assert (second.body["verb"], second.body["task"]) == ("", "")


async def test_the_home_tab_shows_my_tasks_and_answers_there(door: SlackDoor, hand: Hand, lab: SlackLab) -> None:
    await door.handle(event(type="app_home_opened", tab="home"))
    home = lab.workspace.views[-1]
    assert (home["how"], home["user_id"]) == ("publish", JONAS)
    actions = [element for block in home["view"]["blocks"] for element in block.get("elements", [])]
    assert [item["action_id"] for item in actions if item.get("action_id") == "form:done"] == ["form:done"]
    await door.handle(press("accept", view={"id": "V1", "type": "home", "hash": "h"}))
    assert [row.body["verb"] for row in await answers(hand)] == ["accept"]
    assert lab.workspace.views[-1]["how"] == "publish"


async def test_the_command_is_answered_to_the_asker_alone(door: SlackDoor, hand: Hand, lab: SlackLab) -> None:
    mine = json.loads((await door.handle(command("mine"))).body)
    assert mine["response_type"] == "ephemeral"
    assert "Lathe 1" in json.dumps(mine["blocks"])
    assert "/mos mine" in json.loads((await door.handle(command("what?"))).body)["text"]
    assert (await door.handle(command("mine", STRANGER))).body == ""
    assert await answers(hand) == []


@pytest.mark.parametrize("kind, name", [("shortcut", "report"), ("message_action", "report_message")])
async def test_a_problem_is_reported_from_anywhere(
    door: SlackDoor, hand: Hand, lab: SlackLab, kind: str, name: str
) -> None:
    payload = {"type": kind, "callback_id": name, "team": {"id": TEAM}, "api_app_id": APP, "trigger_id": "1.3"}
    await door.handle(signed(interaction({**payload, "user": user(), "message": {"text": "it smokes"}})))
    await door.handle(command("report it smokes"))
    assert [shown["view"]["callback_id"] for shown in lab.workspace.views] == ["report", "report"]
    assert "it smokes" in json.dumps(lab.workspace.views[1]["view"])
    given = {"equipment": {"selected_option": {"value": "lathe-1"}}, "text": {"value": "it smokes"}}
    assert "Reported" in (await door.handle(submitted("report", given, task=""))).body
    (row,) = await answers(hand)
    assert (row.body["verb"], row.body["task"]) == ("report", "")
    assert row.body["fields"] == {"equipment": "lathe-1", "text": "it smokes"}


async def test_the_same_in_an_envelope(door: SlackDoor, hand: Hand, lab: SlackLab) -> None:
    payload = pressed(user=user(), actions=[{"action_id": "accept", "type": "button", "value": TASK, "action_ts": "1"}])
    for _ in range(2):  # given again after a lost acknowledgement
        assert await door.envelope("interactive", payload, TS) == {}
    assert [row.body["verb"] for row in await answers(hand)] == ["accept"]
    assert await door.envelope("interactive", {**payload, "team": {"id": "T09OTHER"}}, TS) == {}
    form = {"command": "/mos", "text": "help", "user_id": JONAS, "team_id": TEAM, "api_app_id": APP, "trigger_id": "1"}
    assert "text" in await door.envelope("slash_commands", form, TS)
    assert len(await answers(hand)) == 1
    assert len(await hand.rows(select(RefusedCall))) == 1
