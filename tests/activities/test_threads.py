"""What follows a task's message on Slack goes into that message's thread; other channels know none."""

from sqlalchemy import select

from activities.sender import Sender
from domain.rosters.people import ChannelName
from store.db import Database
from store.tables import OutboxRow
from tests.activities.test_sending import Clock, add, row
from tests.support.channels import FakeChannel


async def test_a_reminder_is_in_the_thread_of_its_prompt(published: Database) -> None:
    slack = FakeChannel(ChannelName.SLACK)
    sender = Sender(published, {ChannelName.SLACK: slack}, Clock())
    await add(published, row("prompt", "U1"), row("other_task", "U1", 1, task_id="tsk_2"))
    await add(published, row("reminder", "U1", 2), row("elsewhere", "U2", 3), row("told", "U1", 4, task_id=None))
    while await sender.step():
        pass
    threads = {message.key: message.payload.get("thread_ts") for message in slack.sent}
    none = {"prompt": None, "other_task": None, "elsewhere": None, "told": None}
    assert threads == {**none, "reminder": "v-prompt"}
    async with published.transaction() as session:
        rows = (await session.scalars(select(OutboxRow))).all()
    assert {found.state for found in rows} == {"sent"}


async def test_a_text_message_has_no_thread(published: Database) -> None:
    sms = FakeChannel(ChannelName.SMS)
    sender = Sender(published, {ChannelName.SMS: sms}, Clock())
    await add(published, row("prompt", "+44", channel="sms"), row("reminder", "+44", 1, channel="sms"))
    while await sender.step():
        pass
    assert {name for message in sms.sent for name in message.payload} == {"body"}
