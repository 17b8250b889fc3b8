"""The tables. Times are TIMESTAMPTZ (aware UTC); documents are JSONB. Who writes which truth: docs/architecture.md."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from domain.values import Json


def _when(*, nullable: bool = True, index: bool = False) -> Any:
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=nullable, index=index))


def _document(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(JSONB, nullable=nullable))


class InboxRow(SQLModel, table=True):
    """Every way in: a signal, a person's answer or command, committed before it is acknowledged.

    status: received -> settling | correlated -> delivered; or ignored (nobody wants it), quarantined (unreadable).
    """

    __tablename__ = "inbox"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("source", "event_id", name="inbox_once"),
        Index("inbox_open", "status", "seq", postgresql_where=text("status IN ('received', 'settling', 'correlated')")),
        Index("inbox_exception", "exception_id"),
    )

    seq: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    category: str  # signal | answer | command
    source: str
    event_id: str
    kind: str
    body: Json = _document()
    status: str = "received"
    occurred_at: datetime | None = _when()
    received_at: datetime = _when(nullable=False)
    due_at: datetime | None = _when()
    exception_id: str | None = None
    definition: str | None = None
    key: str | None = None  # with `definition`: what it would open; while it waits, and while it is with a parent
    signal: Json = _document(nullable=True)
    outcome: Json = _document(nullable=True)
    error: str | None = Field(default=None, sa_column=Column(Text))
    attempts: int = 0


class RefusedCall(SQLModel, table=True):
    """A call that was turned away at the door (bad signature, too large, unreadable): kept for the console, bounded."""

    __tablename__ = "refused_call"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    at: datetime = _when(nullable=False, index=True)
    door: str
    reason: str
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SourceStateRow(SQLModel, table=True):
    """The last state that a source reported for a thing, so that a repeat after a reconnect is no news."""

    __tablename__ = "source_state"

    key: str = Field(primary_key=True)
    state: str
    occurred_at: datetime = _when(nullable=False)
    facts: Json = _document()


class ExceptionRow(SQLModel, table=True):
    """An exception's identity (made by intake) and the projection of its workflow's state (a higher `rev` wins)."""

    __tablename__ = "plant_exception"
    __table_args__: ClassVar[Any] = (
        Index(
            "one_open_exception", "site", "definition", "key", unique=True, postgresql_where=text("closed_at IS NULL")
        ),
        Index("exception_opened", "opened_at"),
    )

    id: str = Field(primary_key=True)
    site: str
    definition: str
    version: str
    key: str
    workflow_id: str
    title: str
    priority: str
    equipment: str | None = None
    handling: str = "open"  # open | acknowledged | decided | posting | closed | cancelled
    condition: str = "active"  # the source's: active | returned
    started: bool = False
    rev: int = 0
    state: Json = _document()
    milestones: Json = _document()
    opened_at: datetime = _when(nullable=False)
    closed_at: datetime | None = _when()


class TimelineRow(SQLModel, table=True):
    """One line of an exception's story. `entry` is the workflow's own number: the same entry is written once."""

    __tablename__ = "timeline"

    exception_id: str = Field(primary_key=True)
    entry: int = Field(primary_key=True)
    at: datetime = _when(nullable=False)
    kind: str
    step: str = ""
    person: str | None = None
    data: Json = _document()


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
    asked: Json = _document()  # person ids
    shown: Json = _document()
    shown_hash: str = ""
    person: str | None = None
    deadline_at: datetime | None = _when()
    opened_at: datetime = _when(nullable=False)
    closed_at: datetime | None = _when()


class OutboxRow(SQLModel, table=True):
    """A message to a person. pending -> sending -> sent; or withdrawn, failed. The sender alone moves it on."""

    __tablename__ = "outbox"
    __table_args__: ClassVar[Any] = (
        Index("outbox_due", "next_at", postgresql_where=text("state IN ('pending', 'sending')")),
        Index("outbox_task", "task_id"),
        Index("outbox_exception", "exception_id"),
    )

    id: str = Field(primary_key=True)
    exception_id: str | None = None
    task_id: str | None = None
    person: str
    channel: str
    address: str
    purpose: str  # task | notify | approve | reply | edit | update
    edits: str | None = None  # the outbox id of the message that this one replaces
    payload: Json = _document()  # a domain.messages.Message
    rendered: Json = _document(nullable=True)  # what the channel was given
    state: str = "pending"
    attempts: int = 0
    next_at: datetime = _when(nullable=False)
    created_at: datetime = _when(nullable=False)
    claimed_at: datetime | None = _when()
    sent_at: datetime | None = _when()
    delivered_at: datetime | None = _when()
    vendor_id: str | None = None
    conversation: str = ""
    error: str | None = Field(default=None, sa_column=Column(Text))


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
    at: datetime = _when(nullable=False)


class LedgerRow(SQLModel, table=True):
    """A transaction to the ERP or MES. drafted -> posting -> posted | unknown | rejected; a workflow drives it."""

    __tablename__ = "ledger"

    id: str = Field(primary_key=True)
    key: str = Field(unique=True)
    exception_id: str = Field(index=True)
    step: str
    system: str
    outcomes: Json = _document()
    decision: str = ""
    standing_version: str = ""
    standing_grantor: str = ""
    status: str = "drafted"
    attempts: int = 0
    documents: Json = _document(nullable=True)
    receipt: Json = _document(nullable=True)
    error: str | None = Field(default=None, sa_column=Column(Text))
    drafted_at: datetime = _when(nullable=False)
    posted_at: datetime | None = _when()


class DefinitionRow(SQLModel, table=True):
    """A published version of a definition, addressed by its content hash. The database refuses to change it."""

    __tablename__ = "definition_version"
    __table_args__: ClassVar[Any] = (UniqueConstraint("definition", "number", name="version_number"),)

    version: str = Field(primary_key=True)
    definition: str = Field(index=True)
    number: int  # 1, 2, 3 ... of its definition; people say v3
    source_text: str = Field(sa_column=Column(Text, nullable=False))
    content: Json = _document()
    base: str | None = None  # the version that it was made from
    draft: int | None = Field(default=None, sa_column=Column(BigInteger))
    author: str
    authors: Json = _document()  # everybody who saved the draft
    signed_off_by: str
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    published_at: datetime = _when(nullable=False)


class DraftRow(SQLModel, table=True):
    """A definition being written. draft -> submitted -> published; sent back to draft; or discarded.

    `rev` counts what people did to it: who did not see the newest one is refused.
    """

    __tablename__ = "definition_draft"
    __table_args__: ClassVar[Any] = (
        Index("draft_open", "definition", postgresql_where=text("status IN ('draft', 'submitted')")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    definition: str
    base: str | None = None  # the newest version when it was begun: a newer one has to be taken into account first
    source_text: str = Field(sa_column=Column(Text, nullable=False))
    rev: int = 1
    status: str = "draft"
    authors: Json = _document()  # person ids, in the order of their first touch
    changed_by: str  # who made `rev`
    changed_at: datetime = _when(nullable=False)
    created_at: datetime = _when(nullable=False)
    submitted_by: str | None = None
    submitted_at: datetime | None = _when()
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    comment: str = Field(default="", sa_column=Column(Text, nullable=False))  # of whoever sent it back
    version: str | None = None  # what it was published as


class RolloutRow(SQLModel, table=True):
    """From when until when a version was in a slot. live: everywhere; trial: for areas or a share; shadow: watches.

    One of each is open for a definition at most. A definition without an open one opens nothing: it is retired.
    """

    __tablename__ = "rollout"
    __table_args__: ClassVar[Any] = (
        Index("one_rollout", "definition", "slot", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    definition: str = Field(index=True)
    version: str
    slot: str  # live | trial | shadow
    areas: Json = _document()  # equipment ids; empty = everywhere
    share: int = 100  # percent of the correlation keys
    replaces: int | None = Field(default=None, sa_column=Column(BigInteger))  # to what a live one is rolled back
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    started_by: str
    started_at: datetime = _when(nullable=False)
    ended_by: str | None = None
    ended_at: datetime | None = _when()


class ShadowSignalRow(SQLModel, table=True):
    """A signal as a version in the shadow saw it: nothing is opened and nobody told; a replay reads it."""

    __tablename__ = "shadow_signal"

    version: str = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))  # in the inbox
    definition: str
    key: str | None = None  # None: it could not be told, see `error`
    held: bool  # did `opens.when` hold?
    error: str | None = Field(default=None, sa_column=Column(Text))
    at: datetime = _when(nullable=False)


class ContextFactRow(SQLModel, table=True):
    """What a system answered to an exception, or the decision layer proposed (`planning.<planner>`): the first answer
    to each question. A replay asks it again; nothing else reads it."""

    __tablename__ = "context_fact"

    exception_id: str = Field(primary_key=True)
    source: str = Field(primary_key=True)  # the query: erp.lot, mes.job_orders ...
    asked_hash: str = Field(primary_key=True)
    asked: Json = _document()
    value: Json = _document(nullable=True)
    at: datetime = _when(nullable=False)


class ShelfRow(SQLModel, table=True):
    """What a person silenced for a limited time (ISA-18.2): a definition under one key, or at one piece of equipment
    and all below it. It stands until `until`, or until somebody ended it."""

    __tablename__ = "shelf"
    __table_args__: ClassVar[Any] = (
        Index("shelf_standing", "definition", "until", postgresql_where=text("ended_at IS NULL")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    definition: str
    key: str | None = None
    equipment: str | None = None
    reason: str = Field(sa_column=Column(Text, nullable=False))
    shelved_by: str
    shelved_at: datetime = _when(nullable=False)
    until: datetime = _when(nullable=False)
    ended_by: str | None = None
    ended_at: datetime | None = _when()


class DocumentRow(SQLModel, table=True):
    """A version of a site document: `site`, `roster` or `connectors`. The newest of a kind is in force."""

    __tablename__ = "site_document"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    kind: str = Field(index=True)
    version: str
    content: Json = _document()
    author: str
    published_at: datetime = _when(nullable=False)


class PersonRow(SQLModel, table=True):
    """A person of the roster, as `domain.people.Person`, with the console's log-in."""

    __tablename__ = "person"

    id: str = Field(primary_key=True)
    data: Json = _document()
    password_hash: str | None = None


class ContactRow(SQLModel, table=True):
    """A verified address of a person: the only way from a Slack user id or a phone number to a person."""

    __tablename__ = "contact"

    channel: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    person: str = Field(index=True)


class SessionRow(SQLModel, table=True):
    """A console log-in: the hash of its cookie's token."""

    __tablename__ = "console_session"

    token_hash: str = Field(primary_key=True)
    person: str
    csrf: str
    created_at: datetime = _when(nullable=False)
    expires_at: datetime = _when(nullable=False)


class AuditRow(SQLModel, table=True):
    """A fact for the auditor, written in the transaction of the fact."""

    __tablename__ = "audit"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    at: datetime = _when(nullable=False)
    kind: str
    actor: str
    subject: str
    data: Json = _document()
