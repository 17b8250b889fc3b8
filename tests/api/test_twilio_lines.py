"""WhatsApp and calls through the HTTP doors: what is kept, what a call says, and that a forgery changes nothing."""

import asyncio
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import select
from sqlmodel import col

from connectors.twilio.whatsapp import stamp
from domain.asking.messages import Choice, Message, MessageKind
from domain.rosters.people import ChannelName
from infra.twilio import StoreMemory
from store.db import Database
from store.tables import InboxRow, OutboxRow, TaskRow
from tests.api.seeding import HOLD, NOW, QUALITY, REPAIR, TECHNICIAN, message
from tests.api.site import ACCOUNT, OURS, PUBLIC, TOKEN, Browser, fingerprint
from tests.api.test_api_doors import twilio_signature

PHONE, CALL = "+420601000001", "CA" + "d4" * 16
CALLED = {"AccountSid": ACCOUNT, "CallSid": CALL, "From": OURS, "To": PHONE, "Direction": "outbound-api"}
WRITTEN = {"AccountSid": ACCOUNT, "MessageSid": "SM" + "e5" * 16, "From": f"whatsapp:{PHONE}", "To": f"whatsapp:{OURS}"}


async def post(somebody: Browser, path: str, fields: dict[str, str], url: str = "") -> tuple[int, str]:
    headers = {"x-twilio-signature": twilio_signature((url or PUBLIC) + path, fields)}
    answer = await somebody.client.post(path, data=fields, headers=headers)
    return answer.status_code, answer.text


async def queue(database: Database, task: str | None = None, **more: Any) -> Message:
    shown = message(MessageKind.TASK, task or "tsk_x", HOLD, "look", "Look at the lot")
    shown = shown.model_copy(update={"choices": [Choice(verb="accept"), Choice(verb="decline")], "language": "de"})
    values: dict[str, Any] = {"exception_id": HOLD, "purpose": "task", "channel": "voice", "person": QUALITY}
    values |= {"address": PHONE, "payload": shown.model_dump(mode="json"), "state": "sent", "task_id": task}
    values |= {"next_at": NOW, "created_at": NOW, "sent_at": NOW}
    async with database.transaction() as session:
        session.add(OutboxRow(id="msg_call", **(values | more)))
    return shown


async def answers(database: Database, channel: str) -> list[dict[str, Any]]:
    async with database.transaction() as session:
        mine = select(InboxRow).where(col(InboxRow.category) == "answer", col(InboxRow.source) == channel)
        return [row.body for row in await session.scalars(mine)]


def action(twiml: str) -> str:
    gather = ElementTree.fromstring(twiml).find("Gather")
    assert gather is not None
    return str(gather.get("action")).removeprefix(PUBLIC)


async def test_a_call_says_its_message_and_a_key_is_kept_once(somebody: Browser, database: Database) -> None:
    shown = await queue(database)
    status, twiml = await post(somebody, "/twilio/voice?key=msg_call", CALLED)
    assert status == 200
    [say] = ElementTree.fromstring(twiml).iter("Say")
    assert say.get("language") == "de-DE"
    assert "Drücken Sie 1 für: Übernehmen." in str(say.text)
    pressed = [await post(somebody, action(twiml), CALLED | {"Digits": "1"}) for _ in range(2)]
    pressed += await asyncio.gather(*(post(somebody, action(twiml), CALLED | {"Digits": "1"}) for _ in range(4)))
    assert {code for code, _ in pressed} == {200}
    [kept] = await answers(database, "voice")
    assert (kept["verb"], kept["task"], kept["address"]) == ("accept", shown.task, PHONE)
    assert all("Angekommen" in text for _, text in pressed)


async def test_a_call_about_what_somebody_else_has_taken_asks_nothing(somebody: Browser, database: Database) -> None:
    await queue(database, task=REPAIR)
    async with database.transaction() as session:
        task = await session.get_one(TaskRow, REPAIR)
        task.standing, task.person = "yours", TECHNICIAN
    _, twiml = await post(somebody, "/twilio/voice?key=msg_call", CALLED)
    assert "1" not in action(twiml).rpartition("keys=")[2]
    await post(somebody, action(twiml), CALLED | {"Digits": "1"})
    assert await answers(database, "voice") == []


async def test_c34_a_call_that_nobody_picks_up_is_a_failure_on_its_row(somebody: Browser, database: Database) -> None:
    await queue(database, state="sent", vendor_id=CALL)
    assert (await post(somebody, "/twilio/status?key=msg_call", CALLED | {"CallStatus": "no-answer"}))[0] == 200
    async with database.transaction() as session:
        row = await session.get_one(OutboxRow, "msg_call")
    assert row.state != "sent"
    assert "nobody picked up" in str(row.error)


async def test_whatsapp_opens_its_session_and_its_button_is_kept(somebody: Browser, database: Database) -> None:
    memory = StoreMemory(database)
    assert await memory.last_inbound(ChannelName.WHATSAPP, PHONE) is None
    made = stamp(TOKEN, PHONE, "accept", "tsk_x:1")
    fields = WRITTEN | {"Body": "Accept", "ButtonText": "Accept", "ButtonPayload": made}
    assert await post(somebody, "/twilio/inbound", fields) == (200, "<Response/>")
    [kept] = await answers(database, "whatsapp")
    assert (kept["verb"], kept["task"], kept["address"]) == ("accept", "tsk_x:1", PHONE)
    assert await memory.last_inbound(ChannelName.WHATSAPP, PHONE) is not None
    assert await memory.last_inbound(ChannelName.SMS, PHONE) is None


async def test_c32_memory_knows_whose_a_vendor_id_is(database: Database) -> None:
    await queue(database, vendor_id=CALL)
    memory = StoreMemory(database)
    assert await memory.claimed([CALL, "CA2"], "msg_other") == {CALL}
    assert await memory.claimed([CALL, "CA2"], "msg_call") == set()


KEYS = "/twilio/voice/answer?key=msg_call&round=1&task=tsk_x%3A1&keys=1.accept"


@pytest.mark.parametrize(
    "path, fields, url",
    [
        ("/twilio/voice?key=msg_call", CALLED, "https://evil.example"),
        (KEYS, CALLED | {"Digits": "1"}, "https://evil.example"),
        (KEYS, CALLED | {"Digits": "1", "AccountSid": "AC" + "f" * 32}, ""),
        (KEYS, CALLED | {"Digits": "1", "From": "+420999999999"}, ""),
        ("/twilio/inbound", WRITTEN | {"Body": "K7QP ok", "To": "whatsapp:+420999999999"}, ""),
        ("/twilio/inbound", WRITTEN | {"Body": "K7QP ok", "AccountSid": "AC" + "f" * 32}, ""),
        ("/twilio/inbound", WRITTEN | {"Body": "K7QP ok", "CallSid": CALL}, ""),
        ("/twilio/status?key=msg_call", CALLED | {"CallStatus": "completed"}, "https://evil.example"),
    ],
)
async def test_c4_c5_forged_and_foreign_callbacks_get_403(
    somebody: Browser, database: Database, path: str, fields: dict[str, str], url: str
) -> None:
    await queue(database)
    status, text = await post(somebody, path, fields, url)
    assert (status, text) == (403, "refused")
    assert await answers(database, "voice") == await answers(database, "whatsapp") == []


async def test_c16_getting_a_call_url_changes_nothing(somebody: Browser, database: Database) -> None:
    await queue(database)
    before = await fingerprint(database)
    for path in ("/twilio/voice?key=msg_call", KEYS):
        assert (await somebody.client.get(path)).status_code == 405
    assert await fingerprint(database) == before
