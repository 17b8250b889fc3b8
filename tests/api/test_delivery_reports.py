"""What Twilio says became of a text: on its row and on the console, in whatever order and however often it comes."""

import asyncio
import itertools
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from activities.sender import Sender
from domain.asking.messages import MessageKind
from domain.rosters.people import ChannelName
from domain.values import iso
from store.db import Database
from store.tables import ExceptionRow, InboxRow, OutboxRow
from tests.api.seeding import HOLD, NOW, QUALITY, message
from tests.api.site import ACCOUNT, OURS, PUBLIC, Browser, application, browser, dependencies
from tests.api.test_api_doors import twilio_signature
from tests.support.channels import FakeChannel
from tests.support.eventually import eventually

SID, PHONE = "SM" + "c3" * 16, "+420601000001"


async def queue(database: Database, key: str = "msg_sms", **more: Any) -> None:
    """A text that asks somebody about the held lot."""
    shown = message(MessageKind.TASK, "tsk_x", HOLD, "look", "Look at the lot")
    values: dict[str, Any] = {"exception_id": HOLD, "purpose": "task", "channel": "sms", "person": QUALITY}
    values |= {"address": PHONE, "payload": shown.model_dump(mode="json"), "state": "sent", "vendor_id": SID}
    values |= {"next_at": NOW, "created_at": NOW, "sent_at": NOW}
    async with database.transaction() as session:
        session.add(OutboxRow(id=key, **(values | more)))


async def tell(somebody: Browser, status: str, key: str = "msg_sms", **more: str) -> int:
    """Twilio's callback; the status of our answer."""
    fields = {"AccountSid": ACCOUNT, "From": OURS, "To": PHONE, "MessageSid": SID, "MessageStatus": status} | more
    path = f"/twilio/status?key={key}"
    headers = {"x-twilio-signature": twilio_signature(PUBLIC + path, fields)}
    answer = await somebody.client.post(path, data=fields, headers=headers)
    assert answer.headers["content-type"].startswith("text/xml") or answer.status_code != 200
    return answer.status_code


async def row(database: Database, key: str = "msg_sms") -> OutboxRow:
    async with database.transaction() as session:
        return await session.get_one(OutboxRow, key)


ORDERS = [
    (("queued", "sent", "delivered"), "sent", True),
    (("delivered", "sent", "queued"), "sent", True),
    (("sent", "undelivered"), "failed", False),
    (("undelivered", "sent", "undelivered"), "failed", False),
    (("undelivered", "delivered"), "sent", True),
    (("delivered", "undelivered", "failed"), "sent", True),
    (("queued", "sent"), "sent", False),
    (("something_new",), "sent", False),
]


@pytest.mark.parametrize("statuses, state, delivered", ORDERS, ids=["-".join(one[0]) for one in ORDERS])
async def test_delivered_is_the_last_word(
    somebody: Browser, database: Database, statuses: tuple[str, ...], state: str, delivered: bool
) -> None:
    await queue(database)
    for status in statuses:
        code = {"ErrorCode": "30003"} if status in ("undelivered", "failed") else {}
        assert await tell(somebody, status, **code) == 200
    found = await row(database)
    assert (found.state, found.delivered_at is not None) == (state, delivered)
    why = "Not delivered: the phone is off or out of reach (Twilio: undelivered 30003)."
    assert found.error == (why if state == "failed" else None)


async def test_the_first_delivery_counts(database: Database) -> None:
    times = itertools.count()
    app = application(dependencies(database, now=lambda: NOW + timedelta(seconds=next(times))))
    await queue(database)
    async with browser(app) as somebody:
        await tell(somebody, "delivered")
        first = (await row(database)).delivered_at
        await tell(somebody, "delivered")
        await tell(somebody, "read")
    assert (await row(database)).delivered_at == first


@pytest.mark.parametrize("key, sid", [("msg_unknown", SID), ("", SID), ("msg_sms", "SM" + "d4" * 16), ("msg_1", SID)])
async def test_a_report_of_a_message_that_is_not_ours_changes_nothing_and_is_kept_once(
    somebody: Browser, database: Database, key: str, sid: str
) -> None:
    """Another key, another id, another channel."""
    await queue(database)
    for _ in range(2):
        assert await tell(somebody, "undelivered", key, MessageSid=sid) == 200
    assert (await row(database)).state == "sent"
    async with database.transaction() as session:
        kept = (await session.scalars(select(InboxRow).where(col(InboxRow.category) == "report"))).all()
    assert [(found.status, found.error) for found in kept] == [("ignored", "no message of ours has this key and id")]
    await somebody.sign_in(QUALITY)
    assert "no message of ours has this key and id" in (await somebody.get("/inbox")).text


async def test_a_callback_without_a_status_is_no_report(somebody: Browser, database: Database) -> None:
    await queue(database)
    assert await tell(somebody, "") == 403
    assert (await row(database)).delivered_at is None


@pytest.mark.parametrize("status, state", [("delivered", "sent"), ("undelivered", "failed")])
async def test_a_report_before_our_own_record_of_the_send_is_not_lost(
    somebody: Browser, database: Database, status: str, state: str
) -> None:
    await queue(database, state="pending", vendor_id=None, sent_at=None)
    sms = SlowToAnswer(ChannelName.SMS, can_edit=False)
    sending = asyncio.create_task(Sender(database, {ChannelName.SMS: sms}, lambda: NOW).step())
    await eventually(lambda: sms.taken(), "the vendor has it")
    await tell(somebody, status, MessageSid="v-msg_sms")
    sms.answered.set()
    await sending
    found = await row(database)
    assert (found.state, found.vendor_id, found.delivered_at is not None) == (state, "v-msg_sms", status == "delivered")


class SlowToAnswer(FakeChannel):
    """Takes a message, and answers when `answered` is set."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.answered = asyncio.Event()

    async def send(self, message: Any) -> Any:
        sent = await super().send(message)
        await self.answered.wait()
        return sent

    async def taken(self) -> bool:
        return bool(self.sent)


async def test_a_sender_that_died_after_the_send_learns_of_it_by_the_report(
    somebody: Browser, database: Database
) -> None:
    """Twilio has no key to look for: without the report the text itself would have to be found."""
    left = NOW - timedelta(minutes=1)
    await queue(database, state="sending", vendor_id=None, sent_at=None, claimed_at=left, next_at=left)
    await tell(somebody, "sent")
    sms = FakeChannel(ChannelName.SMS, can_edit=False)
    await Sender(database, {ChannelName.SMS: sms}, lambda: NOW).step()
    found = await row(database)
    assert (found.state, found.vendor_id, sms.sent, sms.looked_up) == ("sent", SID, [], [])


async def test_the_console_shows_the_first_delivery_as_a_milestone(somebody: Browser, database: Database) -> None:
    async with database.transaction() as session:
        held = await session.get_one(ExceptionRow, HOLD)
        held.milestones = {"opened": iso(NOW - timedelta(minutes=90)), "sent": iso(NOW - timedelta(minutes=1))}
    await queue(database)
    await queue(database, "msg_told", purpose="notify", delivered_at=NOW - timedelta(seconds=30))
    await somebody.sign_in(QUALITY)
    assert "no message delivered yet" in (await somebody.get("/")).text
    assert "The first to be reached" not in (await somebody.get(f"/exceptions/{HOLD}")).text

    await tell(somebody, "delivered")

    page = (await somebody.get(f"/exceptions/{HOLD}")).text
    strip = page[page.index('class="milestones"') : page.index("</ol>")]
    assert "<b>delivered</b>" in strip
    assert strip.index("<b>sent</b>") < strip.index("<b>delivered</b>") < strip.index("<b>accepted</b>")
    assert "The first to be reached" in page
    assert "no message delivered yet" not in (await somebody.get("/")).text


async def test_a_failed_text_is_told_on_board_and_page(somebody: Browser, database: Database) -> None:
    await queue(database)
    await tell(somebody, "failed", ErrorCode="21610")
    await somebody.sign_in(QUALITY)
    assert "opted out by STOP" in (await somebody.get(f"/exceptions/{HOLD}")).text
    assert (await somebody.get("/")).text.count("could not be reached") == 2
