"""Transactions to the ERP or MES, what holds for their systems, and views that people keep of them."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from domain.values import Json
from store.tables.columns import document, when


class LedgerRow(SQLModel, table=True):
    """A transaction to the ERP or MES; `status` is a domain.books.ledger.State. Its own workflow drives it."""

    __tablename__ = "ledger"
    __table_args__: ClassVar[Any] = (
        Index("ledger_objects", "objects", postgresql_using="gin"),
        Index("ledger_status", "system", "status"),
        Index("ledger_sent", "system", "sent_at"),
        Index("ledger_posted", "system", "posted_at"),
        Index("ledger_nudge", "nudge_at", postgresql_where=text("nudge_at IS NOT NULL")),
        Index("ledger_trouble", "system", "trouble", postgresql_where=text("trouble <> ''")),
        Index("ledger_standing", "definition", "drafted_at", postgresql_where=text("standing_version <> ''")),
    )

    id: str = Field(primary_key=True)
    seq: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), unique=True, nullable=False))
    key: str = Field(unique=True)
    exception_id: str = Field(index=True)
    step: str
    system: str
    definition: str = ""
    outcomes: Json = document()
    objects: Json = Field(default_factory=list, sa_column=Column(JSONB, nullable=False))  # that it touches
    decision: str = ""
    standing_version: str = ""
    standing_grantor: str = ""
    status: str = "drafted"
    attempts: int = 0
    documents: Json = document(nullable=True)
    receipt: Json = document(nullable=True)
    error: str | None = Field(default=None, sa_column=Column(Text))
    drafted_at: datetime = when(nullable=False)
    posted_at: datetime | None = when()
    preview: Json = document(nullable=True)  # domain.books.booking.Preview: what whoever answers for it was shown
    previewed_at: datetime | None = when()
    drift: Json = document(nullable=True)  # what has changed since, and the Preview of now
    held: Json = document(nullable=True)  # domain.books.ledger.Held
    sent_at: datetime | None = when()
    nudge_at: datetime | None = when()  # its workflow is to be started or woken
    read_back: Json = document(nullable=True)  # domain.books.booking.ReadBack
    read_back_at: datetime | None = when()
    reverses: str = ""  # the transaction that it takes back
    reversed_by: str = ""
    requested_by: str = ""  # of a reversal; of another: who mended it, until somebody decides that again
    approved_by: str = ""
    reason: str = ""
    trouble: str = ""  # one of domain.signals.TROUBLES that somebody was told of and that is not over
    troubles: int = 0  # how often
    free_since: datetime | None = when()  # nothing of ours keeps it back: no gate, line or approval
    impact: Json = document(nullable=True)  # domain.authority.matrix.Impact: what it moves


class PostingControlRow(SQLModel, table=True):
    """What holds for a system or definition: a domain.books.ledger.Control, changed in the console."""

    __tablename__ = "posting_control"

    scope: str = Field(primary_key=True)
    data: Json = document()
    changed_by: str
    changed_at: datetime = when(nullable=False)


class LedgerViewRow(SQLModel, table=True):
    """A search of the ledger that somebody keeps under a name."""

    __tablename__ = "ledger_view"

    person: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    query: str
