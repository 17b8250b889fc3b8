"""SMS, WhatsApp, calls and e-mail against the strict stand-in, which calls our real doors: nothing that it refuses."""

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import select
from sqlmodel import col

from connectors.email.connector import EmailChannel
from connectors.email.connector import build as build_email
from connectors.roles import Channel, ChannelMessage, Media
from connectors.twilio.config import TwilioConfig
from connectors.twilio.connector import TwilioChannel
from connectors.twilio.media import MediaFetcher
from connectors.twilio.voice import VoiceChannel
from connectors.twilio.whatsapp import WhatsAppChannel
from connectors.webhook.config import WebhookConfig
from connectors.webhook.connector import Webhook
from domain.asking.messages import Choice, Message
from domain.errors import OutcomeUnknownError, RejectedError
from domain.rosters.people import ChannelName
from infra.twilio import StoreMemory, door
from intake.doors import Doors
from store.db import Database
from store.tables import InboxRow, OutboxRow
from templates.render import render
from tests.api.seeding import HOLD, NOW, QUALITY
from tests.api.site import SIGNING, application, dependencies
from tests.connectors.email.lab import config as email_config
from tests.connectors.twilio.test_media import png
from tests.support.eventually import eventually
from tests.support.servers import free_port
from tests.support.vendor_rules import assert_rules_kept
from tests.templates.test_golden_renders import APPROVE, CASES, NOTIFY, TASK

ACCOUNT, SECRET, OURS, WHATSAPP = "AC" + "a1" * 16, "0123456789abcdef0123456789abcdef", "+420910000001", "+420910000002"
PHONE, CHAT, MAIL = "+420601000001", "+420601000002", "petr@example.com"
CONFIG = {
    "people": [{"name": "Petr", "phone": PHONE, "whatsapp": CHAT, "email": MAIL}],
    "slack": {
        "team_id": "T01",
        "app_id": "A01",
        "bot_user_id": "U01B",
        "bot_token": "xoxb-1",
        "signing_secret": SECRET,
    },
    "twilio": {
        "account_sid": ACCOUNT,
        "auth_token": SECRET,
        "from_numbers": [OURS],
        "whatsapp_senders": [WHATSAPP],
        "status_delay_seconds": 0.01,
        "approval_seconds": 0,
        "call_delay_seconds": 0.01,
        "ring_seconds": 60,
        "word_seconds": 0,
        "gather_seconds": 60,
        "webhook_seconds": 60,
    },
}
BODY = "mos: {{1}} Facts: {{2}} Answer: {{3}} (end)"
TEMPLATES = {
    "task.en": ["Accept", "Decline"],
    "yours.en": ["I am here", "Done"],
    "approve2.en": ["Option 1", "Option 2", "None of them"],
    "notify.en": [],
}


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder, port = tmp_path_factory.mktemp("phones"), free_port()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    arguments = ["--port", str(port), "--config", str(folder / "config.json"), "--data", str(folder / "data")]
    process = subprocess.Popen([sys.executable, "-m", "infra.phones", *arguments])
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        try:
            _wait(process, client)
            yield client
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait(process: subprocess.Popen[bytes], client: httpx.Client) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=60)
    while datetime.now(UTC) < deadline:
        assert process.poll() is None, "the phones process has ended"
        with suppress(httpx.TransportError):
            if client.get("/control/health").is_success:
                return
    pytest.fail("the phones did not answer within 60 s")


@dataclass
class Site:
    """Our doors on a port that the stand-in calls, and the channels that speak to it."""

    database: Database
    phones: httpx.Client
    channels: dict[ChannelName, Channel]
    config: TwilioConfig

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """The stand-in's control API, off the loop that serves our doors."""
        answer = await asyncio.to_thread(self.phones.request, method, f"/control{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def petr(self, action: str, **body: Any) -> Any:
        return await self.control("POST", f"/people/Petr/{action}", body)

    async def texts(self, via: str) -> list[Any]:
        person = await self.control("GET", "/people/Petr")
        return [one for one in person["messages"] if one["via"] == via and one["direction"] == "received"]

    async def queue(self, message: Message, channel: ChannelName, address: str, key: str) -> ChannelMessage:
        values: dict[str, Any] = {"exception_id": HOLD, "purpose": "task", "channel": channel.value, "person": QUALITY}
        values |= {"address": address, "payload": message.model_dump(mode="json"), "state": "sending"}
        async with self.database.transaction() as session:
            session.add(OutboxRow(id=key, next_at=NOW, created_at=NOW, **values))
        return ChannelMessage(key, address, render(message, channel))

    async def row(self, key: str) -> OutboxRow:
        async with self.database.transaction() as session:
            return await session.get_one(OutboxRow, key)

    async def answers(self, channel: ChannelName) -> list[tuple[str, str, str]]:
        async with self.database.transaction() as session:
            mine = select(InboxRow).where(col(InboxRow.category) == "answer", col(InboxRow.source) == channel.value)
            found = [row.body for row in await session.scalars(mine.order_by(col(InboxRow.seq)))]
        return [(body["verb"], body["task"], body["address"]) for body in found]


@pytest.fixture
async def site(database: Database, phones: httpx.Client) -> AsyncIterator[Site]:
    port = free_port()
    public = f"http://127.0.0.1:{port}"
    await asyncio.to_thread(phones.post, "/control/reset")
    contents = await asyncio.to_thread(_templates, phones)
    config = TwilioConfig(
        account_sid=ACCOUNT,
        auth_token=SECRET,
        numbers=[OURS],
        whatsapp_number=WHATSAPP,
        contents=contents,
        public_url=public,
        api_base=f"http://127.0.0.1:{phones.base_url.port}/twilio",
        media_origins=[f"http://localhost:{phones.base_url.port}"],
        timeout=60,
    )
    memory = StoreMemory(database)
    channels: dict[ChannelName, Channel] = {
        ChannelName.SMS: TwilioChannel(config, memory),
        ChannelName.WHATSAPP: WhatsAppChannel(config, memory),
        ChannelName.VOICE: VoiceChannel(config, memory),
    }
    doors = Doors(database, Webhook(WebhookConfig(), [SIGNING]), None, door(database, channels))
    app = application(dependencies(database, doors=doors, public_url=public, now=lambda: datetime.now(UTC)))
    async with serving(app, port):
        found = Site(database, phones, channels, config)
        await found.control("PATCH", "/settings", {"twilio": {"inbound_url": f"{public}/twilio/inbound"}})
        yield found
        await asyncio.to_thread(assert_rules_kept, str(phones.base_url), ("request", "rate"))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    await eventually(condition, "what the test waits for")


class serving:
    """An application on a port, until the block ends."""

    def __init__(self, app: Any, port: int) -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._server.serve())

        async def started() -> bool:
            return self._server.started

        await until(started)

    async def __aexit__(self, *error: object) -> None:
        self._server.should_exit = True
        await self._task


def _templates(phones: httpx.Client) -> dict[str, str]:
    """Made by the Content API, as an operator makes them once, and approved."""
    made = {}
    for name, titles in TEMPLATES.items():
        actions = [{"type": "QUICK_REPLY", "title": title, "id": f"{{{{{n}}}}}"} for n, title in enumerate(titles, 4)]
        kind = {"twilio/quick-reply": {"body": BODY, "actions": actions}} if titles else {"twilio/text": {"body": BODY}}
        samples = {str(n): "sample" for n in range(1, 4 + len(titles))}
        content = {"friendly_name": name, "language": "en", "variables": samples, "types": kind}
        url, auth = "/twilio/v1/Content", (ACCOUNT, SECRET)
        answer = phones.post(url, json=content, auth=auth)
        assert answer.status_code == 201, answer.text
        made[name] = answer.json()["sid"]
        approval = {"name": name.replace(".", "_"), "category": "UTILITY"}
        judged = phones.post(f"{url}/{made[name]}/ApprovalRequests/whatsapp", json=approval, auth=auth)
        assert judged.status_code == 201, judged.text
    return made


async def test_no_render_on_any_line_breaks_a_rule_of_the_vendor(site: Site) -> None:
    since = datetime.now(UTC)
    await site.petr("whatsapp", body="hello")
    for case, message in CASES.items():
        for name, address in ((ChannelName.SMS, PHONE), (ChannelName.WHATSAPP, CHAT)):
            sent = ChannelMessage(f"msg_{case}", address, render(message, name))
            accepted = await site.channels[name].send(sent)
            assert await site.channels[name].find(sent, since) == accepted
    assert await site.control("GET", "/violations?vendor=twilio") == []


async def test_whatsapp_button_of_a_template_outside_the_session(site: Site) -> None:
    message = await site.queue(TASK, ChannelName.WHATSAPP, CHAT, "msg_wa")
    await site.channels[ChannelName.WHATSAPP].send(message)
    await until(lambda: _delivered(site, "msg_wa"))
    [shown] = await site.texts("whatsapp")
    assert [action["title"] for action in shown["actions"]] == ["Accept", "Decline"]
    await site.petr("quick-reply", sid=shown["sid"], payload="Accept")
    assert await site.answers(ChannelName.WHATSAPP) == [("accept", TASK.task, CHAT)]
    assert await site.control("GET", "/violations?vendor=twilio") == []


async def test_c34_whatsapp_without_template_outside_the_session(site: Site) -> None:
    bare = WhatsAppChannel(site.config.model_copy(update={"contents": {}}), StoreMemory(site.database))
    with pytest.raises(RejectedError):
        await bare.send(await site.queue(NOTIFY, ChannelName.WHATSAPP, CHAT, "msg_wa"))
    assert await site.texts("whatsapp") == []
    await site.petr("whatsapp", body="hello")  # opens the session
    await bare.send(ChannelMessage("msg_wa", CHAT, render(NOTIFY, ChannelName.WHATSAPP)))
    await until(lambda: _delivered(site, "msg_wa"))
    assert [one["text"] for one in await site.texts("whatsapp")] == [render(NOTIFY, ChannelName.WHATSAPP)["body"]]


async def test_c12_forwarded_and_typed_whatsapp_decides_nothing(site: Site) -> None:
    await site.petr("whatsapp", body="Approve")
    await site.petr("whatsapp", body="M4XZ 1", forwarded=True)
    await site.petr("whatsapp", body="M4XZ 1")
    assert await site.answers(ChannelName.WHATSAPP) == [("", "", CHAT), ("", "", CHAT), ("choose", "M4XZ", CHAT)]


async def _delivered(site: Site, key: str) -> bool:
    return (await site.row(key)).delivered_at is not None


async def _on_the_phone(site: Site, status: str) -> bool:
    calls = await site.texts("voice")
    return bool(calls) and calls[-1]["status"] == status


async def _asked(site: Site) -> bool:
    calls = await site.texts("voice")
    return bool(calls) and calls[-1]["gathering"]


async def ring(site: Site, message: Message, key: str = "msg_call") -> None:
    queued = await site.queue(message, ChannelName.VOICE, PHONE, key)
    await site.channels[ChannelName.VOICE].send(queued)
    await until(lambda: _on_the_phone(site, "ringing"))


async def test_a_call_is_answered_repeated_and_decided_by_keys(site: Site) -> None:
    await ring(site, APPROVE)
    await site.petr("telephone", act="answer")
    await until(lambda: _asked(site))
    await site.petr("telephone", act="press", digits="9")
    await until(lambda: _asked(site))
    await site.petr("telephone", act="press", digits="2")
    await until(lambda: _on_the_phone(site, "completed"))
    await until(lambda: _delivered(site, "msg_call"))
    assert await site.answers(ChannelName.VOICE) == [("approve:swap", APPROVE.task, PHONE)]
    [call] = await site.texts("voice")
    assert "Press 2 for: Swap to Lathe 2." in call["text"]
    assert "Received." in call["text"]
    assert await site.control("GET", "/violations?vendor=twilio") == []


async def test_a_call_takes_minutes_in_its_second_menu(site: Site) -> None:
    await ring(site, TASK.model_copy(update={"choices": [*TASK.choices, Choice(verb="snooze", more=True)]}))
    await site.petr("telephone", act="answer")
    for digits in ("0", "1", "45#"):
        await until(lambda: _asked(site))
        await site.petr("telephone", act="press", digits=digits)
    await until(lambda: _on_the_phone(site, "completed"))
    assert await site.answers(ChannelName.VOICE) == [("snooze", TASK.task, PHONE)]
    assert await site.control("GET", "/violations?vendor=twilio") == []


@pytest.mark.parametrize("end, why", [("decline", "busy"), ("machine_start", "answering machine")])
async def test_c34_call_that_nobody_hears_fails(site: Site, end: str, why: str) -> None:
    await ring(site, TASK)
    await site.petr("telephone", **({"act": end} if end == "decline" else {"act": "answer", "answered_by": end}))

    async def failed() -> bool:
        return why in str((await site.row("msg_call")).error)

    await until(failed)
    assert not await _delivered(site, "msg_call")
    assert await site.answers(ChannelName.VOICE) == []


@pytest.mark.parametrize(
    "name, address, method",
    [(ChannelName.WHATSAPP, CHAT, "Messages.create"), (ChannelName.VOICE, PHONE, "Calls.create")],
)
async def test_c32_answer_lost_after_it_was_taken_is_found_not_repeated(
    site: Site, name: ChannelName, address: str, method: str
) -> None:
    since = datetime.now(UTC)
    await site.control("POST", "/faults", {"vendor": "twilio", "kind": "drop_after", "method": method, "times": 1})
    message = await site.queue(TASK, name, address, "msg_lost")
    with pytest.raises(OutcomeUnknownError):
        await site.channels[name].send(message)

    async def told() -> bool:
        return (await site.row("msg_lost")).vendor_id is not None

    await until(told)  # the status callback carries our key
    found = await site.channels[name].find(message, since)
    assert found is not None
    assert found.vendor_id == (await site.row("msg_lost")).vendor_id
    other = await site.queue(NOTIFY, name, address, "msg_other")
    assert await site.channels[name].find(other, since) is None
    assert len(await site.texts(name.value)) == 1


@pytest.mark.parametrize("kind", ["unsigned", "wrong_secret", "tampered", "wrong_account"])
async def test_c4_c5_spoiled_callbacks_are_refused(site: Site, kind: str) -> None:
    await site.control("POST", "/sabotage", {"vendor": "twilio", "kind": kind, "times": 1})
    await site.petr("whatsapp", body="K7QP ok")
    assert await site.answers(ChannelName.WHATSAPP) == []
    [refused] = [one for one in await site.control("GET", "/callbacks?vendor=twilio") if one["sabotage"] == kind]
    assert refused["status"] == 403


async def test_c3_the_same_bytes_twice_are_one_answer(site: Site) -> None:
    await site.control("POST", "/sabotage", {"vendor": "twilio", "kind": "repeat", "times": 1})
    await site.petr("whatsapp", body="K7QP ok")
    assert await site.answers(ChannelName.WHATSAPP) == [("accept", "K7QP", CHAT)]


async def test_c30_picture_of_a_message_is_fetched_over_the_vendors_redirect(site: Site) -> None:
    picture = {"content_type": "image/png", "data": base64.b64encode(png(3, 4)).decode()}
    await site.petr("whatsapp", body="", media=[picture])
    async with site.database.transaction() as session:
        [row] = [row for row in await session.scalars(select(InboxRow)) if row.source == "whatsapp"]
    [told] = row.body["media"]

    with pytest.raises(RejectedError):  # the stand-in's host leads to this machine: refused after DNS
        await MediaFetcher(site.config).fetch(Media(told["url"], told["type"]))
    here = site.config.model_copy(update={"media_origins": [f"http://127.0.0.1:{site.phones.base_url.port}"]})
    await site.control("PATCH", "/settings", {"twilio": {"media_url": here.media_origins[0]}})
    found = await MediaFetcher(here).fetch(Media(told["url"], told["type"]))
    assert (found.kind, found.width, found.height) == ("image/png", 3, 4)


async def test_email_is_taken_without_a_fault_and_shown_once(site: Site) -> None:
    address = (await site.control("GET", "/addresses"))["email"]
    port = int(str(address).rpartition(":")[2].strip("/"))
    channel: EmailChannel = build_email(email_config(port))
    message = ChannelMessage("msg_mail", MAIL, render(TASK, ChannelName.EMAIL))
    await site.control("POST", "/faults", {"vendor": "email", "kind": "drop_after", "method": "DATA", "times": 1})
    with pytest.raises(OutcomeUnknownError):
        await channel.send(message)
    await channel.send(message)
    [mail] = await site.texts("email")
    assert (mail["subject"], mail["times"]) == ("Lathe 1 is down (high)", 2)
    assert await site.control("GET", "/violations?vendor=email") == []
