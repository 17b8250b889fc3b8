"""Column shapes that the tables share."""

from typing import Any

from sqlalchemy import Column, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field


def when(*, nullable: bool = True, index: bool = False) -> Any:
    """TIMESTAMPTZ, aware UTC."""
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=nullable, index=index))


def document(*, nullable: bool = False) -> Any:
    """JSONB."""
    return Field(default=None, sa_column=Column(JSONB, nullable=nullable))
