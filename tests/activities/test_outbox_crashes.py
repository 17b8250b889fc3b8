"""A sender that dies at any commit of a failover: the next one takes the same way, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlmodel import col

from activities import reaching
from activities.sender import Sender
from connectors.roles import ChannelMessage, SentMessage
from domain.asking.messages import Message, MessageKind
from domain.errors import MosError, OutcomeUnknownError, RejectedError, TransientError
from domain.rosters.people import ChannelName, Person
from store.db import Database
from store.tables import OutboxRow, PersonRow
from store.write.messages import outbox
from tests.support.channels import FakeChannel

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
EVA = Person.model_validate(
    {
        "id": "eva",
        "name": "Eva",
        "roles": [],
        "contacts": [{"channel": "slack", "address": "UEVA"}, {"channel": "sms", "address": "+420601000001"}],
    }
)


class Dying(Database):
    """A database whose n-th commit kills the caller, before it or after."""

    def __init__(self, inner: Database) -> None:
        self._inner, self.url = inner, inner.url
        self.commits, self.at, self.after = 0, -1, False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        self.commits += 1
        mine = self.commits == self.at
        async with self._inner.transaction() as session:
            yield session
            if mine and not self.after:
                raise asyncio.CancelledError
        if mine:
            raise asyncio.CancelledError


class Broken(FakeChannel):
    says: MosError | None = None

    async def send(self, message: ChannelMessage) -> SentMessage:
        if self.says is not None:
            raise self.says
        return await super().send(message)

    async def find(self, message: ChannelMessage, since: datetime) -> SentMessage | None:
        if isinstance(self.says, TransientError | OutcomeUnknownError):
            raise TransientError("away")
        return await super().find(message, since)


REFUSED = RejectedError("no", code="slack.channel_not_found")
AWAY, IN_DOUBT = TransientError("away"), OutcomeUnknownError("no answer")


@pytest.mark.parametrize(
    "trouble, after, commits",
    [(REFUSED, False, 5), (REFUSED, True, 5), (AWAY, False, 13), (IN_DOUBT, False, 12)],
    ids=["refused", "refused_after", "away", "in_doubt"],
)
async def test_killed_at_each_commit_of_a_failover(
    published: Database, trouble: MosError, commits: int, *, after: bool
) -> None:
    died = [await _killed_at(published, trouble, number, after=after) for number in range(1, commits + 1)]
    assert all(died), "every commit on the way was one to die at"


async def _killed_at(database: Database, trouble: MosError, number: int, *, after: bool) -> bool:
    """One message whose Slack has this trouble; whether the sender came to its n-th commit and died there."""
    now = AT + timedelta(days=number)
    slack, sms = Broken(ChannelName.SLACK), Broken(ChannelName.SMS, can_edit=False)
    slack.says = trouble
    channels = {ChannelName.SLACK: slack, ChannelName.SMS: sms}
    await _queue(database, number, now)
    dying = Dying(database)
    dying.at, dying.after = number, after
    first, died = Sender(dying, channels, lambda: now), False
    for _ in range(5):
        now += timedelta(seconds=3)
        try:
            await first.step()
        except asyncio.CancelledError:
            died = True
            break
    second = Sender(database, channels, lambda: now)
    for _ in range(4):
        now += timedelta(seconds=10)
        await second.step()
    assert sms.addresses() == ["+420601000001"], f"once by SMS, killed at {number}"
    slack.says = None
    now += timedelta(seconds=70)
    await second.step()
    await second.step()
    states = await _states(database, number)
    assert len(slack.sent) <= 1 and not {"pending", "sending"} & set(states), (number, states)  # noqa: PT018
    return died


async def _queue(database: Database, number: int, now: datetime) -> None:
    said = {"kind": MessageKind.NOTIFY, "definition": "b", "exception_id": "exc_1", "title": "Look", "priority": "high"}
    terms: dict[str, Any] = {"task_id": f"n{number}", "purpose": "notify", "rung": "0", "zone": ZoneInfo("UTC")}
    async with database.transaction() as session:
        await session.merge(PersonRow(id="eva", data=EVA.model_dump(mode="json")))
        await outbox.add(session, reaching.rows(EVA, Message.model_validate(said), now=now, **terms))


async def _states(database: Database, number: int) -> list[str]:
    async with database.transaction() as session:
        mine = select(col(OutboxRow.state)).where(col(OutboxRow.task_id) == f"n{number}")
        return list((await session.scalars(mine)).all())
