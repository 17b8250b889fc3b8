"""Who lends whom their authority, what was shown, and what was signed."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Identity, Index, Text, text
from sqlmodel import Field, SQLModel

from domain.values import Json
from store.tables.columns import document, when


class DelegationRow(SQLModel, table=True):
    """A person's authority for some actions, lent to another for a time. Never changed but to end it earlier."""

    __tablename__ = "delegation"
    __table_args__: ClassVar[Any] = (
        Index("delegation_standing", "to_person", "ends_at", postgresql_where=text("ended_at IS NULL")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    from_person: str
    to_person: str
    actions: Json = document()
    starts_at: datetime = when(nullable=False)
    ends_at: datetime = when(nullable=False)
    reason: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = when(nullable=False)
    ended_by: str | None = None
    ended_at: datetime | None = when()


class ShownRow(SQLModel, table=True):
    """What people were shown when they were asked to decide, under its hash (`domain.authority.signing`).
    Written once."""

    __tablename__ = "shown"
    __table_args__: ClassVar[Any] = (Index("shown_task", "task_id"),)

    hash: str = Field(primary_key=True)
    task_id: str
    version: int
    content: Json = document()
    at: datetime = when(nullable=False)


class SignatureRow(SQLModel, table=True):
    """A signature given in the console (21 CFR 11.50): who, when, what it means, what was shown. `hash` is that of
    `statement`, which holds all of it; `decision` is filled in when the workflow took it. Of what is decided in the
    ledger `task_id` and `decision` are the transaction's id, `version` is 0."""

    __tablename__ = "signature"
    __table_args__: ClassVar[Any] = (
        Index("signature_exception", "exception_id"),
        Index("signature_press", "person", "press", unique=True),
    )

    id: str = Field(primary_key=True)
    exception_id: str
    task_id: str
    version: int
    press: str  # the answer that it signs
    verb: str
    person: str
    printed_name: str
    meaning: str
    method: str  # password | password+totp
    shown_hash: str
    statement: Json = document()
    hash: str
    at: datetime = when(nullable=False)
    decision: str = ""
