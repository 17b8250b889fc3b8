"""Slack's door with its real connector beside a Slack in this process: what is committed, what is shown, and to whom.

Security contracts of people-channels by number: C1, C2, C3, C5, C8, C16, C18, C21, C23, C29.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from connectors.roles import CallbackRequest
from domain.messages import Choice, Input, Message, MessageKind
from domain.values import Json
from infra.slack import door as make_door
from intake.gate import DoorAnswer
from intake.slack_door import SlackDoor
from store.db import Database
from store.tables import DefinitionRow, ExceptionRow, InboxRow, OutboxRow, RefusedCall, TaskRow
from tests.connectors.slack.lab import APP, TEAM, TS, SlackLab, interaction, pressed, signed, slack_lab
from tests.intake.hand import Hand

JONAS, STRANGER = "U0JONAS01", "U0NOBODY1"
TASK = "tsk_1:2"
ASKS = [Input(name="estimate", kind="duration", required=True), Input(name="text", label="Cause", kind="text")]
SHOWN = Message(
    kind=MessageKind.TASK,
    definition="breakdown",
    exception_id="exc_1",
    title="Lathe 1 <!channel> is down",
    task=TASK,
    choices=[Choice(verb="accept"), Choice(verb="done", asks=ASKS), Choice(verb="snooze", more=True)],
)


@pytest.fixture
async def lab() -> AsyncIterator[SlackLab]:
    async with slack_lab() as lab:
        yield lab


async def keep_task(hand: Hand, message: Message, conversation: str, vendor_id: str) -> None:
    """One open task, asked of Jonas by this Slack message."""
    version = (await hand.rows(select(col(DefinitionRow.version))))[0]
    async with hand.database.transaction() as session:
        session.add(
            ExceptionRow(
                id="exc_1", site="brno", definition="breakdown", version=version, key="k", workflow_id="w",
                title="t", priority="high", started=True, state={}, milestones={}, opened_at=TS,
            )
        )  # fmt: skip
        shown = message.model_dump(mode="json")
        session.add(
            TaskRow(
                id="tsk_1", exception_id="exc_1", step="s", kind="task", code="ABCD", asked=["jonas"], shown=shown,
                version=2, opened_at=TS,
            )
        )  # fmt: skip
        session.add(
            OutboxRow(
                id="msg_1", exception_id="exc_1", task_id="tsk_1", person="jonas", channel="slack", address=JONAS,
                purpose="task", payload=shown, state="sent", next_at=TS, created_at=TS, sent_at=TS,
                vendor_id=vendor_id, conversation=conversation,
            )
        )  # fmt: skip


@pytest.fixture
async def door(lab: SlackLab, hand: Hand) -> SlackDoor:
    """Slack's door, and one task of Jonas in his direct message."""
    await keep_task(hand, SHOWN, "D01", "1764000000.000100")
    return make_door(hand.database, lab.channel)


def user(id_: str = JONAS, **more: Json) -> dict[str, Json]:
    return {"id": id_, "username": "x", "team_id": TEAM, **more}


def press(action: str = "accept", value: str = TASK, **changes: Json) -> CallbackRequest:
    action_ = {
        "action_id": action,
        "block_id": "answers",
        "type": "button",
        "value": value,
        "action_ts": "1764000001.1",
    }
    return signed(interaction(pressed(**{"user": user(), "actions": [action_], **changes})))


def submitted(verb: str, values: dict[str, Json], *, by: str = JONAS, task: str = TASK, view: str = "V1") -> Any:
    state = {name: {name: value} for name, value in values.items()}
    blocks = [{"type": "input", "block_id": name} for name in values]
    content = {"id": view, "hash": "h", "callback_id": verb, "private_metadata": task, "blocks": blocks}
    payload = {"type": "view_submission", "team": {"id": TEAM}, "api_app_id": APP, "user": user(by)}
    return signed(interaction({**payload, "view": {**content, "state": {"values": state}}}))


def event(**said: Json) -> CallbackRequest:
    body = {"type": "event_callback", "team_id": TEAM, "api_app_id": APP, "event_id": f"Ev{said.get('ts')}"}
    whole = {"type": "message", "channel_type": "im", "channel": "D01", "user": JONAS, "ts": "1764000009.1", **said}
    return signed(json.dumps({**body, "event": whole}).encode(), "application/json")


def command(text: str, by: str = JONAS) -> CallbackRequest:
    form = {"command": "/mos", "text": text, "user_id": by, "team_id": TEAM, "api_app_id": APP, "trigger_id": "1.2"}
    return signed(urlencode({**form, "channel_id": "D01"}).encode())


async def answers(hand: Hand) -> list[InboxRow]:
    return await hand.rows(select(InboxRow).where(col(InboxRow.category) == "answer").order_by(col(InboxRow.seq)))


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


@pytest.mark.parametrize(
    "request_",
    [
        replace(press(), body=press().body + b"&x=1"),
        replace(press(), headers={"content-type": "application/x-www-form-urlencoded"}),
        signed(press().body, secret="another secret"),
        replace(press(), headers={**press().headers, "x-slack-request-timestamp": "now"}),
    ],
)
async def test_c1_what_slack_did_not_sign_changes_nothing(
    door: SlackDoor, hand: Hand, lab: SlackLab, request_: CallbackRequest
) -> None:
    assert await door.handle(request_) == DoorAnswer(403, "refused")
    assert await answers(hand) == []
    assert lab.recorder.calls == []


@pytest.mark.parametrize("seconds", [-301, 301])
async def test_c2_stale_and_future_callbacks_are_refused(door: SlackDoor, hand: Hand, seconds: int) -> None:
    late = replace(press(), received_at=TS + timedelta(seconds=seconds))
    assert (await door.handle(late)).status == 403
    assert await answers(hand) == []


async def test_c3_the_same_bytes_have_one_effect_also_in_parallel_and_after_a_restart(
    door: SlackDoor, hand: Hand, lab: SlackLab
) -> None:
    given = await asyncio.gather(*(door.handle(press()) for _ in range(5)))
    given += [await make_door(hand.database, lab.channel).handle(press())]
    assert {answer.status for answer in given} == {200}
    assert len(await answers(hand)) == 1


@pytest.mark.parametrize("changes", [{"team": {"id": "T09OTHER"}}, {"api_app_id": "A09OTHER"}, {"team": None}])
async def test_c5_another_team_or_app_is_refused(door: SlackDoor, hand: Hand, changes: dict[str, Json]) -> None:
    assert (await door.handle(press(**changes))).status == 403
    assert await answers(hand) == []


@pytest.mark.parametrize("mark", ["deleted", "is_restricted", "is_ultra_restricted", "is_stranger", "is_bot"])
async def test_c8_accounts_without_power(door: SlackDoor, hand: Hand, lab: SlackLab, mark: str) -> None:
    lab.workspace.users[JONAS] = {mark: True}
    assert (await door.handle(press())).status == 200
    assert (await door.handle(submitted("done", {"estimate": {"value": "2h"}}))).status == 200
    await door.showing.settle()
    assert await answers(hand) == []
    assert lab.workspace.views == []


async def test_c8_the_other_organisation_is_seen_in_the_payload(door: SlackDoor, hand: Hand, lab: SlackLab) -> None:
    await door.handle(press(user=user(team_id="T0ELSE")))
    assert await answers(hand) == []
    assert [call.path for call in lab.recorder.calls if "users.info" in call.path] == []


async def test_c8_an_unknown_account_is_told_so_politely_and_once(door: SlackDoor, hand: Hand, lab: SlackLab) -> None:
    """Also one that has the name of somebody enrolled."""
    for number in range(5):
        nobody = user(STRANGER, username="jonas", name="Jonas Weber")
        await door.handle(press(user=nobody, trigger_id=f"{number}.1", response_url=None))
    await door.showing.settle()
    assert await answers(hand) == []
    (whisper,) = lab.workspace.whispers
    assert (whisper["user"], whisper["channel"]) == (STRANGER, "D01")
    assert "not enrolled" in whisper["text"]
    assert len(await hand.rows(select(RefusedCall))) == 5


async def test_c8_while_slack_cannot_say_who_it_is_nothing_is_decided_and_nothing_lost(
    door: SlackDoor, hand: Hand, lab: SlackLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab.workspace, "user", lambda arguments: {"ok": False, "error": "internal_error"})
    with pytest.raises(Exception, match="who this is"):  # the API answers 503, and Slack shows that it failed
        await door.handle(press())
    assert await answers(hand) == []
    monkeypatch.undo()
    await door.handle(press())
    assert len(await answers(hand)) == 1


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
    monkeypatch.setattr("intake.slack_showing.SOON_S", 0.05)
    async with hand.database.transaction() as session:
        await session.execute(update(TaskRow).values(step="held"))
        opening = asyncio.create_task(_read_locked(door, hand))
        while not lab.workspace.views:
            await asyncio.sleep(0.01)
        assert lab.workspace.views[0]["view"]["callback_id"] == "notice"
    await opening
    await door.showing.settle()
    filled = lab.workspace.views[-1]
    assert (filled["how"], filled["hash"], filled["view"]["callback_id"]) == ("update", "h1", "done")


async def _read_locked(door: SlackDoor, hand: Hand) -> None:
    """Presses while a reader of tasks waits for the lock that the test holds."""
    pages = door.showing._pages  # what reads the database
    read = pages.form

    async def slow(*arguments: Any) -> Any:
        async with hand.database.transaction() as session:
            await session.scalars(select(TaskRow).with_for_update())
        return await read(*arguments)

    pages.form = slow  # type: ignore[method-assign]
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


@pytest.mark.parametrize("task, standing, closed", [(TASK, "expired", True), ("tsk_1:1", "open", False)])
async def test_c18_what_is_over_or_asked_anew_opens_no_form_and_takes_none(
    door: SlackDoor, hand: Hand, lab: SlackLab, task: str, standing: str, closed: bool
) -> None:
    async with hand.database.transaction() as session:
        await session.execute(update(TaskRow).values(standing=standing, closed_at=TS if closed else None))
    await door.handle(press("form:done", task))
    assert lab.workspace.views[0]["view"]["callback_id"] == "notice"
    answer = await door.handle(submitted("done", {"estimate": {"value": "2h"}}, task=task))
    assert json.loads(answer.body)["view"]["callback_id"] == "notice"
    assert await answers(hand) == []


async def test_c21_a_form_that_cannot_be_kept_says_so_and_keeps_what_was_typed(
    lab: SlackLab, database_url: str
) -> None:
    away = Database("postgresql://nobody:x@127.0.0.1:1/none")
    answer = await make_door(away, lab.channel).handle(submitted("done", {"estimate": {"value": "2h"}}))
    body = json.loads(answer.body)
    assert (body["response_action"], list(body["errors"])) == ("errors", ["estimate"])
    assert "Not recorded" in body["errors"]["estimate"]
    with pytest.raises(Exception):  # noqa: B017, PT011 - the API answers 503, and Slack shows that the press failed
        await make_door(away, lab.channel).handle(press())


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


async def test_c23_what_people_wrote_arrives_escaped(door: SlackDoor, lab: SlackLab) -> None:
    await door.handle(event(type="app_home_opened", tab="home"))
    await door.handle(press("form:done"))
    assert len(lab.workspace.views) == 2
    for shown in lab.workspace.views:
        assert "&lt;!channel&gt;" in json.dumps(shown["view"])
        assert "<!channel>" not in json.dumps(shown["view"])


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


async def test_c16_nothing_is_changed_by_looking(door: SlackDoor, hand: Hand, lab: SlackLab) -> None:
    """Opening forms, the home tab and lists, as often as one likes."""
    for _ in range(2):
        for request in (press("form:done"), press("more"), event(type="app_home_opened"), command("mine")):
            await door.handle(request)
    task = (await hand.rows(select(TaskRow)))[0]
    assert (task.standing, task.person, await answers(hand)) == ("open", None, [])


async def test_c29_a_response_url_elsewhere_is_never_called(door: SlackDoor, lab: SlackLab) -> None:
    nobody = user(STRANGER)
    await door.handle(press(user=nobody, response_url="http://127.0.0.1:1/x"))
    await door.showing.settle()
    assert [call.path for call in lab.recorder.calls] == ["/api/chat.postEphemeral"]


async def test_c29_a_response_url_of_slack_is_used_without_the_token(door: SlackDoor, lab: SlackLab) -> None:
    await door.handle(press(user=user(STRANGER), response_url=f"{lab.recorder.url}/response/1"))
    await door.showing.settle()
    (call,) = lab.recorder.calls
    assert call.path == "/response/1"
    assert "authorization" not in {name.lower() for name in call.headers}
    assert (call.data["response_type"], call.data["replace_original"]) == ("ephemeral", False)


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
