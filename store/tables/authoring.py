"""Definitions: drafts, versions, where they are in force, and what is shelved."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Identity, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.values import Json
from store.tables.columns import document, when


class DefinitionRow(SQLModel, table=True):
    """A published version of a definition, addressed by its content hash. The database refuses to change it."""

    __tablename__ = "definition_version"
    __table_args__: ClassVar[Any] = (UniqueConstraint("definition", "number", name="version_number"),)

    version: str = Field(primary_key=True)
    definition: str = Field(index=True)
    number: int  # 1, 2, 3 ... of its definition; people say v3
    source_text: str = Field(sa_column=Column(Text, nullable=False))
    content: Json = document()
    base: str | None = None  # the version that it was made from
    draft: int | None = Field(default=None, sa_column=Column(BigInteger))
    author: str
    authors: Json = document()  # everybody who saved the draft
    signed_off_by: str
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    published_at: datetime = when(nullable=False)


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
    authors: Json = document()  # person ids, in the order of their first touch
    changed_by: str  # who made `rev`
    changed_at: datetime = when(nullable=False)
    created_at: datetime = when(nullable=False)
    submitted_by: str | None = None
    submitted_at: datetime | None = when()
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
    areas: Json = document()  # equipment ids; empty = everywhere
    share: int = 100  # percent of the correlation keys
    replaces: int | None = Field(default=None, sa_column=Column(BigInteger))  # to what a live one is rolled back
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    started_by: str
    started_at: datetime = when(nullable=False)
    ended_by: str | None = None
    ended_at: datetime | None = when()


class ShadowSignalRow(SQLModel, table=True):
    """A signal as a version in the shadow saw it: nothing is opened and nobody told; a replay reads it."""

    __tablename__ = "shadow_signal"

    version: str = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))  # in the inbox
    definition: str
    key: str | None = None  # None: it could not be told, see `error`
    held: bool  # did `opens.when` hold?
    error: str | None = Field(default=None, sa_column=Column(Text))
    at: datetime = when(nullable=False)


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
    shelved_at: datetime = when(nullable=False)
    until: datetime = when(nullable=False)
    ended_by: str | None = None
    ended_at: datetime | None = when()
