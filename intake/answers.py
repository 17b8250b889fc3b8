"""People's answers come in: a press, a text or a form, committed once each before the channel is told 'received'."""

from datetime import datetime

from connectors.roles import InboundMessage
from domain.rosters.people import ChannelName
from domain.values import Json
from store.db import Database
from store.write import inbox


async def receive(database: Database, message: InboundMessage, now: datetime, status: str = "received") -> bool:
    """Commit what somebody did on a channel; False when this very press or text is there already."""
    body: dict[str, Json] = {
        "channel": message.channel.value,
        "address": message.address,
        "verb": message.verb,
        "task": message.task,
        "text": message.text,
        "fields": dict(message.fields),
        "reply_to": dict(message.reply_to),
    }
    if message.media:
        body["media"] = [{"url": one.url, "type": one.claimed_type} for one in message.media]
    source = message.channel.value
    async with database.transaction() as session:
        return await inbox.add_answer(
            session,
            source=source,
            event_id=message.dedupe_key,
            kind=source,
            body=body,
            received_at=now,
            status=status,
        )


def console_event(person: str, press_id: str) -> str:
    """The id of an answer given on the console: a form sent twice is one answer of this person."""
    return f"{person}:{press_id}"


async def receive_console(
    database: Database, *, person: str, task: str, verb: str, fields: dict[str, Json], press_id: str, now: datetime
) -> str:
    """Commit the answer of a logged-in person; `press_id` is the form's own number, so that a second press is the same
    answer. Gives the event id under which the outcome can be read."""
    source = ChannelName.CONSOLE.value
    event_id = console_event(person, press_id)
    body = {"channel": source, "person": person, "verb": verb, "task": task, "text": "", "fields": fields}
    async with database.transaction() as session:
        await inbox.add_answer(session, source=source, event_id=event_id, kind=source, body=body, received_at=now)
    return event_id
