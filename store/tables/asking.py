"""Tasks, messages to people, decisions, and transactions."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Column, Index, Text, text
from sqlmodel import Field, SQLModel

from domain.values import Json
from store.tables.columns import document, when


class TaskRow(SQLModel, table=True):
    """A task or approval as asked: what was shown, to whom, under which code and version."""

    __tablename__ = "task"
    __table_args__: ClassVar[Any] = (
        Index("task_exception", "exception_id"),
        Index("task_code", "code", unique=True, postgresql_where=text("closed_at IS NULL")),
    )

    id: str = Field(primary_key=True)
    exception_id: str
    step: str
    kind: str  # task | approve
    version: int = 1
    standing: str = "open"
    code: str
    risk: str = "low"
    authority: str = ""
    asked: Json = document()  # person ids
    shown: Json = document()
    shown_hash: str = ""
    person: str | None = None
    deadline_at: datetime | None = when()
    opened_at: datetime = when(nullable=False)
    closed_at: datetime | None = when()


class OutboxRow(SQLModel, table=True):
    """A message to a person. pending -> sending -> sent; or withdrawn, failed, expired, or moved (to another channel
    of the same person). The sender alone moves it on."""

    __tablename__ = "outbox"
    __table_args__: ClassVar[Any] = (
        Index("outbox_due", "next_at", postgresql_where=text("state IN ('pending', 'sending')")),
        Index("outbox_task", "task_id"),
        Index("outbox_exception", "exception_id"),
        Index("outbox_reach", "reach"),
        Index("outbox_vendor", "vendor_id", "conversation"),
        Index("outbox_bundle", "bundle", postgresql_where=text("bundle IS NOT NULL")),
        Index(
            "outbox_told",
            "channel",
            "address",
            "sent_at",
            postgresql_where=text("purpose = 'notify' AND state = 'sent'"),
        ),
    )

    id: str = Field(primary_key=True)
    exception_id: str | None = None
    task_id: str | None = None
    person: str
    channel: str
    address: str
    purpose: str  # task | notify | approve | reply | edit | update
    edits: str | None = None  # the outbox id of the message that this one replaces
    payload: Json = document()  # a domain.asking.messages.Message
    rendered: Json = document(nullable=True)  # what the channel was given
    state: str = "pending"
    attempts: int = 0
    next_at: datetime = when(nullable=False)
    created_at: datetime = when(nullable=False)
    claimed_at: datetime | None = when()
    sent_at: datetime | None = when()
    delivered_at: datetime | None = when()
    vendor_id: str | None = None
    conversation: str = ""
    error: str | None = Field(default=None, sa_column=Column(Text))
    priority: str = "medium"
    reach: str | None = None  # the messages of one ask to one person: when one fails, the next is due
    expires_at: datetime | None = when()  # not sent any more from here on
    bundle: str | None = None  # the outbox id of the message whose text carries this one too (its own: it carries)
    unwanted: bool = False  # withdrawn while it was being sent: not tried again
    elsewhere_at: datetime | None = when()  # in doubt, so another channel was given it too
    ended_at: datetime | None = when()  # when it failed, expired or was moved


class ChannelHealthRow(SQLModel, table=True):
    """A channel that does not work now, or did not; `down_since` empty = it works. Kept by the sender."""

    __tablename__ = "channel_health"

    channel: str = Field(primary_key=True)
    failures: int = 0  # one after the other
    down_since: datetime | None = when()
    probe_at: datetime | None = when()  # when one message may try whether it works again
    error: str = ""
    changed_at: datetime = when(nullable=False)


class StoppedRow(SQLModel, table=True):
    """An address whose owner wants no more of this channel (STOP, or the vendor's word of it), until START."""

    __tablename__ = "stopped_address"

    channel: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    person: str = ""
    reason: str = ""
    stopped_at: datetime = when(nullable=False)


class DecisionRow(SQLModel, table=True):
    """A validated, authorised answer: what was shown (hash), who, by which channel, under which authority."""

    __tablename__ = "decision"

    id: str = Field(primary_key=True)
    exception_id: str = Field(index=True)
    step: str
    task_id: str
    person: str
    channel: str
    verdict: str
    option: str = ""
    comment: str = ""
    authority: str
    shown_hash: str
    at: datetime = when(nullable=False)
    granted: Json = document(nullable=True)  # one a vote: person, grant, limits, risk, what was shown ...
    signature: str = Field(default="", sa_column_kwargs={"server_default": ""})
