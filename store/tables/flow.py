"""What comes in, and the exceptions that it becomes."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Identity, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.values import Json
from store.tables.columns import document, when


class InboxRow(SQLModel, table=True):
    """Every way in: a signal, a person's answer or command, committed before it is acknowledged.

    status: received -> settling | correlated -> delivered; or ignored (nobody wants it), quarantined (unreadable). A
    press on Slack is `unvouched` before it is received, while Slack can't say what account it is of.
    """

    __tablename__ = "inbox"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("source", "event_id", name="inbox_once"),
        Index("inbox_open", "status", "seq", postgresql_where=text("status IN ('received', 'settling', 'correlated')")),
        Index("inbox_exception", "exception_id"),
        Index("inbox_unvouched", "seq", postgresql_where=text("status = 'unvouched'")),
        Index(
            "inbox_wrote",
            "source",
            text("(body ->> 'address')"),
            "received_at",
            postgresql_where=text("category = 'answer'"),
        ),
    )

    seq: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    category: str  # signal | answer | command
    source: str
    event_id: str
    kind: str
    body: Json = document()
    status: str = "received"
    occurred_at: datetime | None = when()
    received_at: datetime = when(nullable=False)
    due_at: datetime | None = when()
    exception_id: str | None = None
    definition: str | None = None
    key: str | None = None  # with `definition`: what it would open; while it waits, and while it is with a parent
    signal: Json = document(nullable=True)
    outcome: Json = document(nullable=True)
    error: str | None = Field(default=None, sa_column=Column(Text))
    attempts: int = 0


class RefusedCall(SQLModel, table=True):
    """A call that was turned away at the door (bad signature, too large, unreadable): kept for the console, bounded."""

    __tablename__ = "refused_call"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    at: datetime = when(nullable=False, index=True)
    door: str
    reason: str
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SourceStateRow(SQLModel, table=True):
    """The last state that a source reported for a thing, so that a repeat after a reconnect is no news."""

    __tablename__ = "source_state"

    key: str = Field(primary_key=True)
    state: str
    occurred_at: datetime = when(nullable=False)
    facts: Json = document()


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
    state: Json = document()
    milestones: Json = document()
    opened_at: datetime = when(nullable=False)
    closed_at: datetime | None = when()


class TimelineRow(SQLModel, table=True):
    """One line of an exception's story. `entry` is the workflow's own number; `mark` is what the same line is known by,
    and written once; empty for a line of a release before marks."""

    __tablename__ = "timeline"
    __table_args__: ClassVar[Any] = (
        Index("timeline_mark", "exception_id", "mark", unique=True, postgresql_where=text("mark <> ''")),
    )

    exception_id: str = Field(primary_key=True)
    entry: int = Field(primary_key=True)
    mark: str = Field(default="", primary_key=True, sa_column_kwargs={"server_default": ""})
    at: datetime = when(nullable=False)
    kind: str
    step: str = ""
    person: str | None = None
    data: Json = document()


class ContextFactRow(SQLModel, table=True):
    """What a system answered to an exception, or the decision layer proposed (`planning.<planner>`): the first answer
    to each question. A replay asks it again; nothing else reads it."""

    __tablename__ = "context_fact"

    exception_id: str = Field(primary_key=True)
    source: str = Field(primary_key=True)  # the query: erp.lot, mes.job_orders ...
    asked_hash: str = Field(primary_key=True)
    asked: Json = document()
    value: Json = document(nullable=True)
    at: datetime = when(nullable=False)
