"""Schedules, overrides, swaps, absences, calendar feeds, and the roster's version."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from domain.values import Json
from store.tables.columns import document, when


class RosterVersionRow(SQLModel, table=True):
    """One row. Triggers give it a new `version`, never used before, in every transaction that changes a person, a
    shift, a schedule, an override, a swap or an absence: whoever read the roster under a version has all of it."""

    __tablename__ = "roster_version"

    id: int = Field(default=1, primary_key=True)
    version: str


class ScheduleRow(SQLModel, table=True):
    """A schedule as `domain.rosters.model.Schedule`, without its overrides."""

    __tablename__ = "schedule"

    id: str = Field(primary_key=True)
    data: Json = document()


class OverrideRow(SQLModel, table=True):
    """Who is on for once, as `domain.rosters.model.Override`."""

    __tablename__ = "schedule_override"

    id: str = Field(primary_key=True)
    schedule: str = Field(index=True)
    ends: datetime = when(nullable=False)
    data: Json = document()
    entered_by: str
    entered_at: datetime = when(nullable=False)


class SwapRow(SQLModel, table=True):
    """Somebody asks somebody to take over, as `domain.rosters.model.Swap`."""

    __tablename__ = "shift_swap"

    id: str = Field(primary_key=True)
    asker: str = Field(index=True)
    taker: str = Field(index=True)
    standing: str
    ends: datetime = when(nullable=False)
    data: Json = document()
    asked_at: datetime = when(nullable=False)
    answered_by: str | None = None
    answered_at: datetime | None = when()


class AbsenceRow(SQLModel, table=True):
    """When somebody is away, as `domain.rosters.model.Absence`."""

    __tablename__ = "absence"

    id: str = Field(primary_key=True)
    person: str = Field(index=True)
    ends: datetime | None = when()
    data: Json = document()
    entered_by: str
    entered_at: datetime = when(nullable=False)


class FeedRow(SQLModel, table=True):
    """A secret address under which a calendar program reads somebody's times: the hash of its token."""

    __tablename__ = "roster_feed"

    token_hash: str = Field(primary_key=True)
    kind: str  # person or schedule
    subject: str = Field(index=True)
    made_by: str
    made_at: datetime = when(nullable=False)
