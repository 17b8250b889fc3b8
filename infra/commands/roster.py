"""`mos roster`: take people and schedules over from elsewhere, write them out, say who is on."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import typer

from admin.actors import Actor
from admin.roster import followed as roster_feeds
from admin.roster import importing as roster_import
from connectors.roster_csv.manifest import build as csv_roster
from domain.errors import ConfigError, InvalidPayloadError, TransientError
from domain.rosters.people import Roster
from domain.values import Json, local_text, parse_time
from infra.commands.roster_sources import read_apart
from infra.commands.who import By, acting, asked
from infra.run import database_url, now
from infra.settings import load_settings
from store.db import Database
from store.read import site as site_read
from store.read.rosters import feeds as feeds_read
from store.tables import ScheduleFeedRow

app = typer.Typer(no_args_is_help=True, help="People and schedules: import, export, who is on.")
Answer = TypeVar("Answer")
_WAIT_S = 90.0
_BACK = timedelta(days=1)  # an event that runs now began before


class Format(StrEnum):
    """Where a file comes from."""

    CSV = "csv"
    ICAL = "ical"
    GRAFANA = "grafana"
    GOALERT = "goalert"
    PAGERDUTY = "pagerduty"


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="What was exported; the connector's README says how.")],
    format: Annotated[Format, typer.Option(help="Which system it is from.")],
    schedule: Annotated[str, typer.Option(help="Of an iCalendar file: the schedule's id here.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    despite_problems: Annotated[bool, typer.Option("--despite-problems", help="Import what can be read.")] = False,
    by: By = "",
) -> None:
    """Show what changes (+ new, ~ changed), then take all of it over, or nothing."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}") from None
    if not dry_run:
        asked(by)

    async def run(database: Database) -> roster_import.Difference:
        async with database.transaction() as session:
            people = (await site_read.roster(session)).people
            zone = (await site_read.site(session)).timezone
        who = Actor(by, signed_in=False) if dry_run else await acting(database, by)
        found = await read_apart(format.value, _settings(format, schedule, zone), data, people)
        return await roster_import.take_over(
            database, found, by=who, now=now(), dry_run=dry_run, despite=despite_problems
        )

    difference = _run(run)
    for line in [*difference.lines, *(f"! {problem}" for problem in difference.problems)]:
        typer.echo(line)
    done = "would change" if dry_run else "changed"
    typer.echo(f"{len(difference.lines)} {done}, {len(difference.problems)} problems")
    raise typer.Exit(1 if difference.problems else 0)


def _settings(format: Format, schedule: str, zone: str) -> dict[str, Json]:
    if format is not Format.ICAL:
        return {}
    return {"begins": now() - _BACK, "schedule": schedule, "timezone": zone}


@app.command()
def feed(
    name: Annotated[str, typer.Argument(help="As connectors.yaml calls it; left out: how all of them are.")] = "",
    by: By = "",
) -> None:
    """Look at a feed now, and say how that went. Exit code 1 when something is wrong with it."""
    if name:
        asked(by)

    async def run(database: Database) -> list[ScheduleFeedRow]:
        if name:
            await roster_feeds.ask(database, name, by=await acting(database, by), now=now())
            await _looked_at(database, name)
        async with database.transaction() as session:
            return [row for row in await feeds_read.every(session) if name in ("", row.name)]

    rows = _run(run)
    for row in rows:
        typer.echo(_feed_line(row))
    raise typer.Exit(1 if any(row.error or feeds_read.is_stale(row, now()) for row in rows) else 0)


async def _looked_at(database: Database, name: str) -> None:
    """A worker does it, where the feed's secrets are. Raises TransientError when none does."""
    try:
        async with asyncio.timeout(_WAIT_S):
            while True:
                async with database.transaction() as session:
                    row = await feeds_read.one(session, name)
                if row is None or row.asked_at is None:
                    return
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise TransientError("No worker has looked at it yet: does one run? 'mos roster feed' shows it later") from None


def _feed_line(row: ScheduleFeedRow) -> str:
    good = f"last good {row.good_at:%Y-%m-%d %H:%M} UTC" if row.good_at else "never good yet"
    stale = "; STALE" if feeds_read.is_stale(row, now()) else ""
    told = f"{row.name}: {', '.join(row.schedules) or 'no schedule'} from {row.host or '?'}; {good}{stale}"
    return "\n".join([told, *(f"  ! {one}" for one in (row.error, row.advice, *row.notes) if one)])


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Left out: print it.")] = None,
) -> None:
    """People as CSV, which `mos roster import --format csv` reads again. No cell is a formula."""
    text = csv_roster({}).written(_run(_roster).people)
    if file is None:
        sys.stdout.write(text)
        return
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigError(f"{file} can't be written: {error.strerror}") from None


@app.command()
def who(
    at: Annotated[str, typer.Option(help="A time with zone, such as 2026-12-24T22:00+01:00; left out: now.")] = "",
) -> None:
    """Who is on call by each schedule, who is on shift, and who is away."""
    try:
        moment = parse_time(at) if at else now()
    except ValueError:
        raise InvalidPayloadError(f"--at '{at}' is no time with zone: write 2026-12-24T22:00+01:00") from None

    async def ask(database: Database) -> tuple[Roster, ZoneInfo]:
        async with database.transaction() as session:
            return await site_read.roster(session), ZoneInfo((await site_read.site(session)).timezone)

    roster, zone = _run(ask)
    for line in _lines(roster, zone, moment):
        typer.echo(line)


def _lines(roster: Roster, zone: ZoneInfo, moment: datetime) -> list[str]:
    found = [f"at {local_text(moment, zone)} {zone.key}"]
    for schedule in roster.schedules:
        on = ", ".join(roster.by_id[one].name for one in roster.on_call(schedule.id, moment))
        found.append(f"{schedule.title}: {on or 'nobody'}")
    active = [person for person in roster.people if person.active]
    away = [person.name for person in active if roster.absent(person.id, moment)]
    there = [person.name for person in active if roster.on_shift(person, moment, zone) and person.name not in away]
    return [*found, f"on shift: {', '.join(there) or 'nobody'}", *([f"away: {', '.join(away)}"] if away else [])]


async def _roster(database: Database) -> Roster:
    async with database.transaction() as session:
        return await site_read.roster(session)


def _run(act: Callable[[Database], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        database = Database(database_url(load_settings(running=True)), pool_size=1)
        try:
            return await act(database)
        finally:
            await database.close()

    return asyncio.run(run())
