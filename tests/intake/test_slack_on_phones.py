"""Slack as people use it, by Socket Mode: the real listener, door and connector against the strict stand-in's process.

The stand-in refuses what Slack would refuse and keeps it as a violation: there must be none.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from connectors.roles import ChannelMessage
from domain.asking.messages import Choice
from domain.rosters.people import ChannelName
from domain.values import Json
from infra import connect, slack
from infra.settings import Settings, SlackSettings
from store.tables import InboxRow
from templates.render import render
from tests.intake.hand import Hand
from tests.intake.slack_scene import JONAS, SHOWN, TASK, keep_task
from tests.phones.peers import APP_TOKEN, SECRET, TOKEN, Phones, configuration
from tests.support.eventually import eventually
from tests.support.vendor_rules import assert_rules_kept

NAME, NOBODY, GUEST = "Jonas Weber", "Some Body", "A Guest"
EXTRA = [Choice(verb=f"v{number}", label=f"V{number}", more=True) for number in range(6)]


class Scene:
    """Jonas with one task on his phone, and the product listening."""

    def __init__(self, phones: Phones, hand: Hand, ts: str) -> None:
        self.phones, self.hand, self.ts = phones, hand, ts

    async def do(self, verb: str, name: str = NAME, **body: Any) -> dict[str, Any]:
        return await asyncio.to_thread(self.phones.person, name, verb, **body)

    async def screen(self, name: str = NAME) -> dict[str, Any]:
        return await asyncio.to_thread(self.phones.screen, name)

    async def modal(self, callback_id: str) -> dict[str, Any]:
        async def there() -> Any:
            return next((m for m in (await self.screen())["modals"] if m["callback_id"] == callback_id), None)

        found: dict[str, Any] = await eventually(there, f"the view {callback_id} is open")
        return found

    async def answers(self) -> list[tuple[str, str, Json]]:
        rows = await self.hand.rows(
            select(InboxRow).where(col(InboxRow.category) == "answer").order_by(col(InboxRow.seq))
        )
        return [(row.body["verb"], row.body["task"], row.body["fields"]) for row in rows]

    def violations(self) -> list[Any]:
        found: list[Any] = self.phones.get("violations")
        return found


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("slack_phones")
    shortcuts = [{"callback_id": "report", "name": "Report", "type": kind} for kind in ("message", "global")]
    told = configuration(socket_mode=True, shortcuts=shortcuts[1:])
    told["people"] += [
        {"name": NAME, "slack_user_id": JONAS},
        {"name": NOBODY, "slack_user_id": "U0NOBODY1"},
        {"name": GUEST, "slack_user_id": "U0LENA001", "is_restricted": True},
    ]
    with Phones(folder, told) as running:
        yield running


def settings(phones: Phones) -> Settings:
    told = SlackSettings.model_validate(
        {
            "api_base": f"{phones.url}/slack/api/",
            "bot_token": TOKEN,
            "signing_secret": SECRET,
            "team_id": "T0PLANT",
            "app_id": "A0ROUTER",
        }
    )
    return Settings.model_validate({"slack": told, "slack_app_token": APP_TOKEN})


@pytest.fixture
async def scene(phones: Phones, hand: Hand) -> AsyncIterator[Scene]:
    phones.do("reset")
    channel = connect.slack(settings(phones))
    assert channel is not None
    shown = SHOWN.model_copy(update={"choices": [*SHOWN.choices, *EXTRA]})
    sent = await channel.send(ChannelMessage("msg_1", JONAS, render(shown, ChannelName.SLACK)))
    await keep_task(hand, shown, sent.conversation, sent.vendor_id)
    listeners = [asyncio.create_task(slack.listen(settings(phones), hand.database)) for _ in range(2)]

    async def connected() -> bool:
        return (await asyncio.to_thread(phones.person, NAME, "command", command="/mos", text="help"))["ok"] is True

    await eventually(connected, "Socket Mode is connected")
    await asyncio.to_thread(phones.http.delete, "/control/records")
    yield Scene(phones, hand, sent.vendor_id)
    for listener in listeners:
        listener.cancel()
        with suppress(asyncio.CancelledError):
            await listener
    await channel.close()
    await asyncio.to_thread(assert_rules_kept, phones.url, ("request", "rate", "answer"))


async def test_a_press_a_form_and_its_errors(scene: Scene) -> None:
    assert (await scene.do("press", ts=scene.ts, action_id="accept"))["ok"]
    assert (await scene.do("press", ts=scene.ts, action_id="form:done"))["ok"]
    await scene.modal("done")
    wrong = await scene.do("submit", inputs={"estimate": "soon", "text": "belt"})
    assert (wrong["result"], list(wrong["errors"])) == ("errors", ["estimate"])
    right = await scene.do("submit", inputs={"estimate.pick": "2h", "estimate": "", "text": "belt"})
    assert right["result"] == "cleared"
    assert await scene.answers() == [("accept", TASK, {}), ("done", TASK, {"estimate": "2h", "text": "belt"})]
    assert scene.violations() == []


async def test_more_opens_a_view_whose_presses_count(scene: Scene) -> None:
    await scene.do("press", ts=scene.ts, action_id="more")
    await scene.modal("more")
    await scene.do("press", action_id="v3")
    await scene.modal("notice")
    assert await scene.answers() == [("v3", TASK, {})]
    assert scene.violations() == []


async def test_home_command_and_report(scene: Scene) -> None:
    await scene.do("home")

    async def shown() -> Any:
        return next(iter((await scene.screen())["home"]), None)

    home = await eventually(shown, "the home tab is there")
    assert "form:done" in [button["action_id"] for button in home["buttons"]]
    assert (await scene.do("command", command="/mos", text="mine"))["ok"]
    mine = (await scene.screen())["messages"][-1]
    assert mine["ephemeral"]
    assert "Lathe 1" in mine["text"]
    await scene.do("shortcut", callback_id="report")
    await scene.modal("report")
    done = await scene.do("submit", inputs={"equipment": "lathe-1", "text": "It smokes"})
    assert done["result"] == "updated"
    assert await scene.answers() == [("report", "", {"equipment": "lathe-1", "text": "It smokes"})]
    assert scene.violations() == []


async def test_a_reply_in_the_thread_is_a_note(scene: Scene) -> None:
    await scene.do("dm", text="The belt is on order", thread_ts=scene.ts)

    async def arrived() -> Any:
        return await scene.answers()

    assert await eventually(arrived, "the note arrives") == [("inform", TASK, {"text": "The belt is on order"})]
    assert scene.violations() == []


@pytest.mark.parametrize("who", [NOBODY, GUEST])
async def test_c8_strangers_and_guests_are_told_and_have_no_power(scene: Scene, who: str) -> None:
    assert (await scene.do("dm", who, text="approve 4821"))["ok"]

    async def told() -> Any:
        return [message for message in (await scene.screen(who))["messages"] if message["ephemeral"]]

    (message,) = await eventually(told, "they are told")
    assert "not enrolled" in message["text"]
    assert await scene.answers() == []
    assert scene.violations() == []


async def test_c3_an_envelope_given_twice_has_one_effect(scene: Scene) -> None:
    """The first acknowledgement is lost with its connection; the other listener has it again."""
    presses: list[Callable[[], Any]] = [lambda: scene.do("press", ts=scene.ts, action_id="accept")] * 3
    for press in presses:
        await asyncio.to_thread(scene.phones.do, "sabotage", vendor="slack", kind="repeat", times=1)
        await press()
    rows = await scene.hand.rows(select(InboxRow).where(col(InboxRow.category) == "answer"))
    assert len(rows) == 3
    assert scene.violations() == []


async def test_nothing_is_lost_or_doubled_while_connections_are_renewed(scene: Scene) -> None:
    for number in range(6):
        if number % 2:
            await asyncio.to_thread(scene.phones.do, "slack/sockets", reason="refresh_requested")

        async def pressed() -> bool:
            return (await scene.do("press", ts=scene.ts, action_id="accept"))["ok"] is True

        await eventually(pressed, "a connection takes the press")
    rows = await scene.hand.rows(select(InboxRow).where(col(InboxRow.category) == "answer"))
    calls = [
        call for call in scene.phones.get("callbacks") if call["kind"] == "block_actions" and call["status"] == 200
    ]
    assert len(rows) >= len(calls) >= 6
