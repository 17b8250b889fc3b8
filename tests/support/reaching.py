"""A person with contacts, channels that fail as a test wants, and a sender with a clock."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlmodel import col

from activities import reaching
from activities.sender import Sender
from connectors.roles import ChannelMessage, SentMessage
from domain.asking.messages import Choice, Message, MessageKind, OptionCard
from domain.errors import MosError, OutcomeUnknownError, TransientError
from domain.rosters.people import ChannelName, Person
from intake import delivery
from store.db import Database
from store.read.messages import reach
from store.tables import OutboxRow, PersonRow, TaskRow
from store.write.messages import outbox
from tests.support.channels import FakeChannel

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PRAGUE = ZoneInfo("Europe/Prague")
PHONE = "+420601000001"
SLACK, SMS, EMAIL = ChannelName.SLACK, ChannelName.SMS, ChannelName.EMAIL


class Vendor(FakeChannel):
    """Takes everything, or answers each call with `says`; `now` is the moment of each call."""

    says: MosError | None = None

    async def send(self, message: ChannelMessage) -> SentMessage:
        if self.says is not None:
            raise self.says
        return await super().send(message)

    async def find(self, message: ChannelMessage, since: datetime) -> SentMessage | None:
        if isinstance(self.says, TransientError | OutcomeUnknownError):
            raise TransientError("away")
        return await super().find(message, since)


class Ground:
    """A person `eva` with Slack, SMS and a phone; every channel; a clock."""

    def __init__(self, database: Database) -> None:
        self.database, self.now = database, AT
        self.slack, self.sms = Vendor(SLACK), Vendor(SMS, can_edit=False)
        self.email = Vendor(EMAIL, can_edit=False, can_find=False)
        channels = {SLACK: self.slack, SMS: self.sms, EMAIL: self.email}
        self.sender = Sender(database, channels, lambda: self.now)

    async def enrol(self, **more: Any) -> Person:
        contacts = [{"channel": "slack", "address": "UEVA"}, {"channel": "sms", "address": PHONE}]
        data = {"id": "eva", "name": "Eva", "roles": ["maintenance_technician"], "contacts": contacts} | more
        person = Person.model_validate(data)
        async with self.database.transaction() as session:
            await session.execute(delete(PersonRow).where(col(PersonRow.id) == "eva"))
            session.add(PersonRow(id="eva", data=person.model_dump(mode="json")))
        return person

    async def ask(self, person: Person, number: int = 1, priority: str = "high", **more: Any) -> None:
        """A task for this person, as `tell` queues it."""
        message = asking(number, priority)
        task = f"tsk_{number}"
        terms: dict[str, Any] = {"purpose": "task", "rung": "0", "zone": PRAGUE, "expires_at": None} | more
        async with self.database.transaction() as session:
            session.add(TaskRow(**task_row(task)))
            await outbox.add(session, reaching.rows(person, message, task_id=task, now=self.now, **terms))

    async def turn(self, seconds: float = 0, *, rounds: int = 1) -> None:
        """`rounds` steps of the sender, so far apart."""
        for _ in range(rounds):
            self.now += timedelta(seconds=seconds)
            await self.sender.step()

    async def rows(self) -> list[OutboxRow]:
        async with self.database.transaction() as session:
            ordered = select(OutboxRow).order_by(col(OutboxRow.created_at), col(OutboxRow.next_at), col(OutboxRow.id))
            return list((await session.scalars(ordered)).all())

    async def states(self, person: str = "eva") -> dict[str, str]:
        return {row.channel: row.state for row in await self.rows() if row.person == person}

    async def report(self, row: OutboxRow, code: str) -> None:
        await delivery.receive(
            self.database, ChannelName(row.channel), Report(row.id, row.vendor_id or "v", code), self.now
        )

    async def down(self) -> list[str]:
        return [row.channel for row in (await reach.outage(self.database)).down]


class Report:
    """The vendor says that it failed."""

    delivered, status, failure = False, "undelivered", "Not delivered."

    def __init__(self, key: str, vendor_id: str, code: str) -> None:
        self.key, self.vendor_id, self.error_code = key, vendor_id, code


def asking(number: int, priority: str) -> Message:
    choices = [Choice(verb="accept"), Choice(verb="decline")]
    return Message(
        kind=MessageKind.TASK, definition="breakdown", exception_id="exc_1", title=f"Repair lathe {number}",
        priority=priority, task=f"tsk_{number}:1", code=f"ABC{number}", choices=choices, options=list[OptionCard](),
    )  # fmt: skip


def task_row(task: str) -> dict[str, Any]:
    row = {"id": task, "exception_id": "exc_1", "step": "repair", "kind": "task", "code": task.upper()}
    return row | {"asked": ["eva"], "shown": {}, "opened_at": AT}


def somebody(channel: str, address: str) -> Person:
    contacts = [{"channel": channel, "address": address}]
    return Person.model_validate({"id": "amy", "name": "Amy", "roles": [], "contacts": contacts})
