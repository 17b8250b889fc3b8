"""The parts of a transaction whose system posts its outcomes one after the other."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from domain.values import Json
from store.tables.columns import document, when


class LedgerPartRow(SQLModel, table=True):
    """`status` is a domain.books.saga.PartState. `attempt`: how often the whole was begun; the parts of the last one
    count. `reversal`: the transaction that takes this part back."""

    __tablename__ = "ledger_part"
    __table_args__: ClassVar[Any] = (
        Index("ledger_part_of", "transaction", "attempt", "number"),
        Index("ledger_part_reversal", "reversal"),
    )

    key: str = Field(primary_key=True)
    transaction: str
    attempt: int
    number: int
    outcomes: Json = document()
    status: str = "waiting"
    preview: Json = document(nullable=True)  # domain.books.booking.Preview: what stood before it
    receipt: Json = document(nullable=True)
    documents: Json = document(nullable=True)
    error: str | None = Field(default=None, sa_column=Column(Text))
    sent_at: datetime | None = when()
    posted_at: datetime | None = when()
    reversal: str = ""
