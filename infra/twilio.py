"""Twilio put together: what its channels must know of the past, what a call says, and its door."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from connectors.roles import Channel
from domain.asking.messages import Message, Standing
from domain.rosters.people import ChannelName
from domain.values import Json
from intake.gate import Gate
from intake.twilio_door import Script, TwilioDoor
from store.db import Database
from store.read.messages import reached
from store.tables import TaskRow
from templates.render import render

if TYPE_CHECKING:
    from connectors.twilio.desk import Line  # twilio is loaded only where it is used

LINES = (ChannelName.SMS, ChannelName.WHATSAPP, ChannelName.VOICE)


class StoreMemory:
    """See connectors.twilio.memory.Memory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last_inbound(self, channel: ChannelName, address: str) -> datetime | None:
        async with self._database.transaction() as session:
            return await reached.last_inbound(session, channel.value, address)

    async def claimed(self, vendor_ids: Sequence[str], key: str) -> Collection[str]:
        async with self._database.transaction() as session:
            return await reached.claimed(session, vendor_ids, key)


def door(database: Database, channels: Mapping[ChannelName, Channel]) -> TwilioDoor | None:
    """Twilio's door of one site; None when no channel of Twilio's is connected."""
    lines: list[Line] = [channels[name] for name in LINES if name in channels]  # type: ignore[misc]
    if not lines:
        return None
    from connectors.twilio.desk import Desk

    return TwilioDoor(Gate(database), Desk(lines), script(database))


def script(database: Database) -> Script:
    """What a call says: its message as it was queued, or how the task stands if it is over by now."""

    async def say(key: str) -> Mapping[str, Json] | None:
        async with database.transaction() as session:
            found = await reached.message(session, key, ChannelName.VOICE.value)
        if found is None:
            return None
        row, task = found
        return render(_as_it_stands(Message.model_validate(row.payload), task, row.person), ChannelName.VOICE)

    return say


def _as_it_stands(message: Message, task: TaskRow | None, person: str) -> Message:
    """Nobody is asked by phone for what somebody else has taken since the call was queued, or what is closed."""
    if task is None or message.standing not in (Standing.OPEN, Standing.YOURS):
        return message
    standing = Standing(task.standing)
    if standing is Standing.YOURS and task.person != person:
        return message.model_copy(update={"standing": Standing.TAKEN})
    return message if standing in (Standing.OPEN, Standing.YOURS) else message.model_copy(update={"standing": standing})
