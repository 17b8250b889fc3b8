"""Runs of the reconciliation, and the differences that they found."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Column, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from domain.values import Json
from store.tables.columns import document, when


class ReconciliationRow(SQLModel, table=True):
    """One run over one system. `status`: waiting, running, done, failed (the system was away) or impossible (it can't
    be read back)."""

    __tablename__ = "reconciliation"
    __table_args__: ClassVar[Any] = (
        Index("reconciliation_waiting", "status", postgresql_where=text("status IN ('waiting', 'running')")),
        Index("reconciliation_when", "system", "asked_at"),
    )

    id: str = Field(primary_key=True)
    system: str
    asked_by: str = ""  # a person; empty: by the schedule
    asked_at: datetime = when(nullable=False)
    since: datetime = when(nullable=False)  # what was posted from then on is compared
    status: str = "waiting"
    started_at: datetime | None = when()
    alive_at: datetime | None = when()  # a run that is not alive any more is begun again by somebody else
    ended_at: datetime | None = when()
    compared: int = 0  # transactions of the ledger that were read back
    unread: int = 0  # that could not be, though the system answered
    booked: int = 0  # postings in the system's own tables
    found: Json = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))  # kind -> how many
    error: str = Field(default="", sa_column=Column(Text, nullable=False))


class DifferenceRow(SQLModel, table=True):
    """A domain.books.reconciliation.Difference. `state`: open, gone (a later look did not find it) or explained (a
    person said what it is)."""

    __tablename__ = "difference"
    __table_args__: ClassVar[Any] = (
        Index("difference_open", "system", "kind", "key", unique=True, postgresql_where=text("state = 'open'")),
        Index("difference_first", "first_at"),
    )

    id: str = Field(primary_key=True)
    system: str
    kind: str
    key: str
    digest: str
    transaction_id: str = Field(default="", index=True)
    exception_id: str = ""
    documents: Json = document()
    fields: Json = document()
    booked_at: datetime | None = when()
    first_at: datetime = when(nullable=False)
    first_run: str = ""  # empty: found when it was read back soon after posting
    last_at: datetime = when(nullable=False)
    last_run: str = ""
    state: str = "open"
    settled_at: datetime | None = when()
    settled_by: str = ""  # a person; empty: a run
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
