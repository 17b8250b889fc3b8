"""Schedules that come from another system by its address: taken over as an import by file is, in one transaction with
its record; what is as it was leaves none. Whatever goes wrong, the last good schedule stays in force."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor, may
from admin.roster.importing import compare_schedule
from admin.roster.people import AUTHORITY, audit
from admin.roster.schedules import override_row, plain
from domain.errors import (
    AuthError,
    ConfigError,
    InvalidPayloadError,
    MosError,
    NotFoundError,
    RejectedError,
    TransientError,
)
from domain.rosters.imported import Imported
from domain.rosters.model import Entry, Override, Schedule
from domain.rosters.when import from_now
from domain.values import Json, iso
from store.db import Database
from store.read.rosters import feeds as feeds_read
from store.read.rosters import roster as read
from store.tables import OverrideRow, ScheduleFeedRow, ScheduleRow
from store.write.rosters import feeds
from store.write.rosters import roster as write

_SHOWN = 20
_TOLD = 5
_AHEAD = timedelta(days=365)  # a calendar's end comes nearer every day: what is later is looked at later
_ADVICE: tuple[tuple[type[MosError], str], ...] = (
    (ConfigError, "Mend the feed in connectors.yaml and push it."),
    (AuthError, "Give the feed a new secret: the other system refuses this one."),
    (NotFoundError, "Look the address up in the other system: it may have been made anew."),
    (RejectedError, "If this is the right address: allow the host or the redirect in connectors.yaml."),
    (InvalidPayloadError, "Open the address: does it still give the export that the feed is set for?"),
    (TransientError, "It is tried again by itself. If it stays: is the other system up, and does it know our address?"),
)
_MEND = "Mend the names here or there, or let the feed take the rest despite_problems."


@dataclass(frozen=True)
class Look:
    """One look at a feed by a worker. `schedules`: those here that it may replace although they are not its own."""

    name: str
    claimed_at: datetime
    schedules: Sequence[str] = ()
    despite_problems: bool = False

    @property
    def actor(self) -> Actor:
        return Actor(f"feed:{self.name}", signed_in=False)


@dataclass
class _Change:
    """One schedule that differs. `gone`: overrides that the feed tells of no more."""

    schedule: Schedule
    before: ScheduleRow | None
    line: str
    gone: list[OverrideRow] = field(default_factory=list)


async def ask(database: Database, name: str, *, by: Actor, now: datetime) -> None:
    """Look at a feed as soon as a worker is free. Raises NotAllowedError, NotFoundError."""
    async with database.transaction() as session:
        await may(session, by, AUTHORITY)
        if not await feeds.ask(session, name, now):
            raise NotFoundError(f"no feed '{name}': feeds are in connectors.yaml")
        await audit(session, "schedule_feed.asked", name, {}, by, now)


async def failed(database: Database, look: Look, error: MosError, now: datetime) -> None:
    """The look came to nothing."""
    advice = next((told for kind, told in _ADVICE if isinstance(error, kind)), "")
    async with database.transaction() as session:
        row = await feeds.held(session, look.name, look.claimed_at)
        if row is not None:
            feeds.ended(row, now, f"{error.message} {error.detail}".strip(), advice)


async def take_over(database: Database, look: Look, found: Imported, now: datetime) -> list[str]:
    """Everything that the feed says, or nothing; gives what changed, a line each."""
    async with database.transaction() as session:
        await write.one_at_a_time(session)
        row = await feeds.held(session, look.name, look.claimed_at)
        if row is None:
            return []
        hard, changes = await _compare(session, row, look, found.schedules, now)
        problems = [*hard, *found.problems]
        if hard or (problems and not look.despite_problems):
            feeds.ended(row, now, _several(problems), _MEND if not hard else "")
            return []
        for change in changes:
            await _write(session, change, look, now)
        told = {schedule.id for schedule in found.schedules}
        lost = [
            f"{name} is no more in the feed: it stays until you remove it" for name in row.schedules if name not in told
        ]
        row.notes = [*found.problems[:_SHOWN], *lost[:_SHOWN]]
        row.schedules = sorted(told.union(row.schedules))
        row.changed_at = now if changes else row.changed_at
        feeds.ended(row, now, "", "")
        return [change.line for change in changes]


def _several(problems: Sequence[str]) -> str:
    more = f"; and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
    return "; ".join(problem[:200] for problem in problems[:_TOLD]) + more


async def _compare(
    session: AsyncSession, feed: ScheduleFeedRow, look: Look, schedules: Sequence[Schedule], now: datetime
) -> tuple[list[str], list[_Change]]:
    """What must not be, and what changes."""
    hard, changes = list[str](), list[_Change]()
    for told in schedules:
        before = await read.schedule_row(session, told.id)
        hard += await _refused(session, feed, look, told, before, now)
        schedule = _settled(told, before, now)
        gone = await _gone(session, schedule, look)
        line = await compare_schedule(session, schedule)
        if line or gone:
            changes.append(_Change(schedule, before, line or f"~ schedule {told.id}: {len(gone)} overrides less", gone))
    return hard, changes


async def _refused(
    session: AsyncSession, feed: ScheduleFeedRow, look: Look, told: Schedule, before: ScheduleRow | None, now: datetime
) -> list[str]:
    """A feed changes its own schedules only, no override that somebody entered here, and never empties a schedule."""
    other = await feeds_read.of_schedule(session, told.id)
    if other is not None and other.name != feed.name:
        return [f"'{told.id}' comes from the feed '{other.name}' already: leave it to one of them"]
    if before is not None and told.id not in (*feed.schedules, *look.schedules):
        return [f"'{told.id}' is a schedule of this site: if the feed may replace it, name it in its 'schedules'"]
    for one in told.overrides:
        row = await read.override_row(session, one.id)
        if row is not None and (row.entered_by, row.schedule) != (look.actor.id, told.id):
            return [f"the override '{one.id}' was not entered by this feed: remove it here first"]
    if before is not None and _is_on(Schedule.model_validate(before.data), now) and not _is_on(told, now):
        return [f"'{told.id}' is empty in the feed: if nobody is to be on call, remove the feed and the schedule here"]
    return []


def _is_on(schedule: Schedule, now: datetime) -> bool:
    """Does it name anybody from now on?"""
    ahead = from_now(schedule, now, _AHEAD)
    return bool(ahead.entries) or any(group for layer in ahead.layers for group in layer.turns)


def _settled(told: Schedule, before: ScheduleRow | None, now: datetime) -> Schedule:
    """As it is kept already when both say the same from now on, else as it is told; without overrides that are over."""
    overrides = [one for one in told.overrides if one.ends > now]
    if before is not None:
        kept = Schedule.model_validate(before.data)
        if from_now(kept, now, _AHEAD) == from_now(told, now, _AHEAD):
            return kept.model_copy(update={"overrides": overrides})
    return told.model_copy(update={"overrides": overrides})


async def _gone(session: AsyncSession, schedule: Schedule, look: Look) -> list[OverrideRow]:
    """Overrides that came from this feed, are not over, and are told no more."""
    told = {one.id for one in schedule.overrides}
    rows = await read.overrides_of(session, schedule.id)
    return [row for row in rows if row.entered_by == look.actor.id and row.id not in told]


async def _write(session: AsyncSession, change: _Change, look: Look, now: datetime) -> None:
    schedule = change.schedule
    data = _told(change, look, now)
    await write.put_schedule(session, schedule.id, plain(schedule))
    for row in change.gone:
        await write.remove(session, row)
    for override in schedule.overrides:
        await _put_override(session, schedule.id, override, look, now)
    await audit(session, "schedule.imported", schedule.id, data, look.actor, now)


async def _put_override(session: AsyncSession, schedule: str, override: Override, look: Look, now: datetime) -> None:
    """The later entered wins: one that is as it was keeps its place."""
    row = await read.override_row(session, override.id)
    if row is not None and row.data == override.model_dump(mode="json"):
        return
    await write.drop_override(session, override.id)
    await write.add(session, override_row(schedule, override, look.actor, now))


def _told(change: _Change, look: Look, now: datetime) -> Json:
    """For the audit: which parts differ, and who is on, or no more, from when to when (the first of them)."""
    before: Json = change.before.data if change.before else {}
    after = plain(change.schedule)
    kept = Schedule.model_validate(before).entries if before else []
    old, new = ({_entry(one) for one in entries if one.ends > now} for entries in (kept, change.schedule.entries))
    came, went = sorted(new - old), sorted(old - new)
    return {
        "feed": look.name,
        "changed": [name for name in after if after[name] != before.get(name)],
        "layers": len(change.schedule.layers),
        "entries_new": {"count": len(came), "first": [list(one) for one in came[:_SHOWN]]},
        "entries_gone": {"count": len(went), "first": [list(one) for one in went[:_SHOWN]]},
        "overrides": [one.id for one in change.schedule.overrides][:_SHOWN],
        "overrides_gone": [row.id for row in change.gone][:_SHOWN],
    }


def _entry(one: Entry) -> tuple[str, str, str]:
    """Begin, end, people."""
    return iso(one.begins), iso(one.ends), ", ".join(one.people)
