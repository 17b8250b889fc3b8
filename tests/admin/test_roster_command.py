"""`mos roster` at the machine, against a database: out as CSV, in again, and who is on."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col
from typer.testing import CliRunner

from domain.errors import ConfigError, InvalidPayloadError, NotFoundError
from infra.commands import roster
from infra.commands.roster import app
from infra.commands.roster_sources import read_apart
from store.db import Database
from store.tables import AuditRow, PersonRow, ScheduleFeedRow
from tests.admin.test_schedule_feeds import JONAS, calendar
from tests.support.servers import Postgres

NEW = "ada,Ada Novak,maintenance_technician"


@pytest.fixture
def url(postgres: Postgres, published_template: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    with postgres.database(published_template) as url:
        monkeypatch.setenv("MOS_DATABASE_URL", url)
        monkeypatch.setenv("MOS_DATA_DIR", str(tmp_path))
        yield url


def mos(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def kept(url: str) -> tuple[dict[str, str], list[str]]:
    """Names by id, and who is on record as having changed people."""

    async def read() -> tuple[dict[str, str], list[str]]:
        database = Database(url, pool_size=1)
        async with database.transaction() as session:
            people = {row.id: row.data["name"] for row in await session.scalars(select(PersonRow))}
            actors = await session.scalars(select(col(AuditRow.actor)).where(col(AuditRow.kind) == "person.added"))
            found = people, list(actors)
        await database.close()
        return found

    return asyncio.run(read())


def test_what_is_exported_is_imported_again_and_changes_nobody(url: str, tmp_path: Path) -> None:
    sheet = tmp_path / "people.csv"
    mos("export", str(sheet))
    assert sheet.read_text().splitlines()[0].startswith("userName,displayName,")
    assert mos("import", str(sheet), "--format", "csv", "--by", "piotr") == "0 changed, 0 problems\n"
    assert mos("export") == sheet.read_text()


def test_somebody_new_is_shown_first_and_then_taken_over_on_record(url: str, tmp_path: Path) -> None:
    sheet = tmp_path / "people.csv"
    sheet.write_text(f"userName,displayName,roles\n{NEW}\n")
    shown = mos("import", str(sheet), "--format", "csv", "--dry-run")
    assert "+ " in shown
    assert "1 would change, 0 problems" in shown
    assert "ada" not in kept(url)[0]
    with pytest.raises(InvalidPayloadError, match="--by"):
        mos("import", str(sheet), "--format", "csv")
    with pytest.raises(ConfigError, match=r"missing\.csv can't be read"):
        mos("import", str(tmp_path / "missing.csv"), "--format", "csv")
    assert "1 changed, 0 problems" in mos("import", str(sheet), "--format", "csv", "--by", "piotr")
    people, actors = kept(url)
    assert (people["ada"], actors) == ("Ada Novak", ["piotr"])
    assert "ada,Ada Novak" in mos("export")


def test_with_a_problem_nothing_is_taken_over_unless_it_is_wanted(url: str, tmp_path: Path) -> None:
    sheet = tmp_path / "people.csv"
    sheet.write_text(f"userName,displayName,roles,timezone\n{NEW},\nbob,Bob Dub,planner,Mars/Base\n")
    words = ("import", str(sheet), "--format", "csv", "--by", "piotr")
    with pytest.raises(InvalidPayloadError, match="Mars/Base"):
        mos(*words)
    assert "ada" not in kept(url)[0]
    mos(*words, "--despite-problems", code=1)
    assert kept(url)[0].keys() & {"ada", "bob"} == {"ada"}


def test_a_file_that_is_read_for_ever_is_left(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child reads it, like what comes by an address."""
    file = tmp_path / "hall.ics"
    file.write_bytes(calendar(JONAS, more="RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30\r\n"))
    monkeypatch.setattr(roster, "read_apart", partial(read_apart, seconds=2))
    with pytest.raises(InvalidPayloadError, match="repeat without end"):
        mos("import", str(file), "--format", "ical", "--schedule", "hall", "--by", "piotr")


def test_who_is_on_at_any_time(url: str) -> None:
    told = mos("who", "--at", "2026-11-23T03:00+01:00").splitlines()
    assert told[0].startswith("at 23 Nov 03:00 Europe/")
    on_shift = next(line for line in told if line.startswith("on shift: "))
    assert "Amira Haddad" in on_shift
    with pytest.raises(InvalidPayloadError):
        mos("who", "--at", "soon")


def test_how_feeds_are_and_one_that_is_not_there(url: str) -> None:
    old = datetime(2026, 11, 1, tzinfo=UTC)
    row: dict[str, Any] = {
        "name": "theirs",
        "kind": "roster_ical",
        "host": "calendar.example.com",
        "version": "",
        "minutes": 15,
    }
    row |= {"stale_after": 24, "added_at": old, "next_at": old, "error": "HTTP 404", "advice": "Look."}

    async def put() -> None:
        database = Database(url, pool_size=1)
        async with database.transaction() as session:
            session.add(ScheduleFeedRow(**(row | {"notes": [], "schedules": ["hall"]})))
        await database.close()

    assert mos("feed") == ""
    asyncio.run(put())
    told = mos("feed", code=1).splitlines()
    assert told == ["theirs: hall from calendar.example.com; never good yet; STALE", "  ! HTTP 404", "  ! Look."]
    with pytest.raises(NotFoundError, match="nobodys"):
        mos("feed", "nobodys", "--by", "piotr")
    with pytest.raises(InvalidPayloadError, match="--by"):
        mos("feed", "theirs")
