"""Pictures that people sent: each as it was named by a message, and each content once."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.tables.columns import when


class MediaRow(SQLModel, table=True):
    """A picture that came with an inbox row. pending -> kept; or refused, gone (at the vendor), too_many, expired.

    `exception_id` is set once it is known what the picture belongs to; `came` is the SHA-256 of what was fetched,
    `picture` that of what is kept.
    """

    __tablename__ = "media"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("inbox_seq", "place", name="media_once"),
        Index("media_due", "next_at", postgresql_where=text("state = 'pending'")),
        Index("media_exception", "exception_id"),
        Index("media_loose", "person", "received_at", postgresql_where=text("exception_id IS NULL")),
        Index("media_picture", "picture"),
    )

    id: str = Field(primary_key=True)
    inbox_seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    place: int
    channel: str
    person: str
    exception_id: str | None = None
    url: str = Field(sa_column=Column(Text, nullable=False))
    claimed_type: str
    caption: str = Field(sa_column=Column(Text, nullable=False))
    state: str = "pending"
    attempts: int = 0
    next_at: datetime = when(nullable=False)
    received_at: datetime = when(nullable=False)
    ended_at: datetime | None = when()
    error: str | None = Field(default=None, sa_column=Column(Text))
    came: str = ""
    picture: str = ""


class PictureRow(SQLModel, table=True):
    """A picture as it is kept: turned upright, without anything that the camera wrote beside it. `size` in bytes."""

    __tablename__ = "picture"

    sha256: str = Field(primary_key=True)
    kind: str
    width: int
    height: int
    size: int
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    small: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    kept_at: datetime = when(nullable=False)
