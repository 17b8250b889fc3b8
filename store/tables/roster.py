"""Schedules, overrides, swaps, absences, calendar feeds out and in, and the roster's version."""

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


class ScheduleFeedRow(SQLModel, table=True):
    """A feed in: schedules of another system that are looked at by its address, and how that goes. `kind`, `host`,
    `minutes`, `stale_after` (hours) and `version` (of its settings) are as published; `schedules` came from it.
    `error` and `advice` are of the last look, empty when it was good; `notes` what it could not take over.
    `claimed_at`: a worker is at it."""

    __tablename__ = "schedule_feed"

    name: str = Field(primary_key=True)
    kind: str
    host: str
    version: str
    minutes: int
    stale_after: int
    added_at: datetime = when(nullable=False)
    next_at: datetime = when(nullable=False)
    asked_at: datetime | None = when()
    claimed_at: datetime | None = when()
    tried_at: datetime | None = when()
    good_at: datetime | None = when()
    changed_at: datetime | None = when()
    error: str = ""
    advice: str = ""
    notes: Json = document()
    schedules: Json = document()
