"""The audit (ADR 0016). Triggers of migration 0010 refuse to change or remove any of it, but for what is said there."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Identity, Index, Text
from sqlmodel import Field, SQLModel

from domain.values import Json
from store.tables.columns import document, when


class AuditRow(SQLModel, table=True):
    """A fact for the auditor, written in the transaction of the fact. `data`: with commitments for personal values."""

    __tablename__ = "audit"
    __table_args__: ClassVar[Any] = (
        Index("audit_subject", "subject"),
        Index("audit_actor", "actor"),
        Index("audit_kind", "kind"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    at: datetime = when(nullable=False)
    kind: str
    actor: str
    subject: str
    data: Json = document()


class AuditPendingRow(SQLModel, table=True):
    """A record that waits for the sealer. A trigger adds it with the record; sealing removes it."""

    __tablename__ = "audit_pending"

    record_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))


class AuditSealRow(SQLModel, table=True):
    """A record's place in the chain. Written by the sealer alone."""

    __tablename__ = "audit_seal"

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    record_id: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    digest: str
    hash: str
    sealed_at: datetime = when(nullable=False)


class AuditHeadRow(SQLModel, table=True):
    """A signature on everything up to `number`; one a batch of the sealer."""

    __tablename__ = "audit_head"

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    hash: str
    at: datetime = when(nullable=False)
    after: int = Field(sa_column=Column(BigInteger, nullable=False))
    key: str
    signature: str


class PersonalRow(SQLModel, table=True):
    """A personal value, beside the record that holds its commitment. Erasing a person removes their rows."""

    __tablename__ = "audit_personal"

    commitment: str = Field(primary_key=True)
    person: str = Field(index=True)
    value: str = Field(sa_column=Column(Text, nullable=False))
    salt: str


class AuditHoldRow(SQLModel, table=True):
    """A legal hold: while it stands, nothing from number `since` on is dropped, and nothing of `subject` (everybody's,
    when empty) is erased."""

    __tablename__ = "audit_hold"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    subject: str = ""
    since: int = Field(sa_column=Column(BigInteger, nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    placed_by: str
    placed_at: datetime = when(nullable=False)
    lifted_by: str | None = None
    lifted_at: datetime | None = when()


class AuditCheckpointRow(SQLModel, table=True):
    """Everything up to `number` was exported to a file with this SHA-256, and may be dropped; the chain goes on from
    `hash`. Signed like a head."""

    __tablename__ = "audit_checkpoint"

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    hash: str
    at: datetime = when(nullable=False)
    after: int = Field(sa_column=Column(BigInteger, nullable=False))
    key: str
    signature: str
    file_hash: str
    records: int = Field(sa_column=Column(BigInteger, nullable=False))
    by: str
