"""Shelving: by whom, of what, for how long; each with its audit record."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from sqlalchemy import select
from sqlmodel import col

from admin import shelving
from admin.actors import Actor, NotAllowedError
from admin.definitions.publish import import_roster, publish_definition, publish_site
from admin.shelving import AUTHORITY, Target
from domain.errors import ConfigError, ConflictError, InvalidPayloadError, MosError, NotFoundError
from domain.values import Json
from store.db import Database
from store.read import shelves as read
from store.tables import AuditRow
from tests.admin.conftest import NOW
from tests.support.plant import DEFINITIONS, SITE

SHELL = Actor("operator", signed_in=False)
PIA, MILO, OTTO = Actor("pia"), Actor("milo"), Actor("otto")
PEOPLE = {
    "shifts": [{"name": "late", "start": "14:00", "end": "22:00"}],
    "people": [
        {"id": "pia", "name": "Pia Lang", "roles": ["shift_lead"], "authorities": [AUTHORITY]},
        {"id": "milo", "name": "Milo Fin", "roles": ["shift_lead"], "authorities": [AUTHORITY], "areas": ["finishing"]},
        {"id": "otto", "name": "Otto Ohm", "roles": ["process_engineer"]},
    ],
}
LATHE = Target("breakdown", key="lathe-1")


@pytest.fixture
async def plant(published: Database) -> Database:
    await import_roster(published, PEOPLE, {}, author="admin", now=NOW)
    return published


async def shelve(
    database: Database,
    target: Target = LATHE,
    until: str = "1h",
    *,
    by: Actor = PIA,
    reason: str = "x",
    now: datetime = NOW,
) -> int:
    row = await shelving.shelve(database, target, until, reason=reason, by=by, now=now)
    return row.id or 0


async def standing(database: Database, now: datetime = NOW) -> list[tuple[str | None, str | None]]:
    return [(one.row.key, one.row.equipment) for one in (await read.shelved(database, now)).standing]


async def test_begun_seen_and_ended(plant: Database) -> None:
    shelf = await shelve(plant, reason="  the sensor is loose ")
    (one,) = (await read.shelved(plant, NOW)).standing
    assert (one.row.shelved_by, one.row.reason, one.row.until - NOW) == (
        "pia",
        "the sensor is loose",
        timedelta(hours=1),
    )
    await shelving.unshelve(plant, shelf, by=SHELL, now=NOW)
    assert await standing(plant) == []
    async with plant.transaction() as session:
        rows = list(
            await session.scalars(
                select(AuditRow).where(col(AuditRow.kind).startswith("shelf.")).order_by(col(AuditRow.id))
            )
        )
    told = [
        (row.kind, row.actor, row.subject, row.data["key"], row.data["reason"], row.data["evidence"]) for row in rows
    ]
    assert told == [
        ("shelf.begun", "pia", "breakdown", "lathe-1", "the sensor is loose", "signed in"),
        ("shelf.ended", "operator", "breakdown", "lathe-1", "the sensor is loose", "named by the operator"),
    ]


async def test_it_ends_by_itself(plant: Database) -> None:
    shelf = await shelve(plant)
    assert await standing(plant, NOW + timedelta(minutes=59, seconds=59)) == [("lathe-1", None)]
    assert await standing(plant, NOW + timedelta(hours=1)) == []
    with pytest.raises(ConflictError, match="over already"):
        await shelving.unshelve(plant, shelf, by=PIA, now=NOW + timedelta(hours=1))
    await shelve(plant, now=NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    "until, end",
    [
        ("90m", "2026-11-22T10:30:00Z"),
        ("24h", "2026-11-23T09:00:00Z"),
        ("12:15", "2026-11-22T11:15:00Z"),  # in Brno
        ("06:00", "2026-11-23T05:00:00Z"),
        ("shift.end", "2026-11-22T21:00:00Z"),
        ("2026-11-22T12:00:00+01:00", "2026-11-22T11:00:00Z"),
    ],
)
async def test_ends_as_people_say_them(plant: Database, until: str, end: str) -> None:
    await shelve(plant, until=until)
    (one,) = (await read.shelved(plant, NOW)).standing
    assert one.row.until == datetime.fromisoformat(end)


@pytest.mark.parametrize(
    "until, why",
    [
        ("24h1s", "24h at most"),
        ("2d", "24h at most"),
        ("0s", "over already"),
        ("2026-11-22T09:00:00Z", "over already"),
        ("2026-11-22 12:00", "is no end"),
        ("soon", "is no end"),
        ("", "is no end"),
        ("99999d", "24h at most"),
    ],
)
async def test_ends_that_are_none(plant: Database, until: str, why: str) -> None:
    with pytest.raises(InvalidPayloadError, match=why):
        await shelve(plant, until=until)
    assert await standing(plant) == []


async def test_a_day_that_has_25_hours_is_too_long(plant: Database) -> None:
    """Until six in the morning: 24 hours count as they pass, whatever the clock on the wall does."""
    six = datetime(2026, 10, 24, 4, 0, tzinfo=UTC)  # the clocks go back in the night that follows
    with pytest.raises(InvalidPayloadError, match="too long"):
        await shelve(plant, until="06:00", now=six)
    await shelve(plant, until="06:00", now=six + timedelta(hours=1))
    (one,) = (await read.shelved(plant, six + timedelta(hours=1))).standing
    assert one.row.until == datetime(2026, 10, 25, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize("said, fits", [("8h", False), ("10h", True)])
async def test_the_site_says_how_long(plant: Database, said: str, fits: bool) -> None:
    await with_parameter(plant, said)
    if fits:
        await shelve(plant, until="9h")
    else:
        with pytest.raises(InvalidPayloadError, match="8h at most"):
            await shelve(plant, until="9h")


async def test_a_limit_that_is_none(plant: Database) -> None:
    await with_parameter(plant, "long")
    with pytest.raises(ConfigError, match="at_most"):
        await shelve(plant)


async def with_parameter(database: Database, value: Json) -> None:
    site = yaml.safe_load((SITE / "site.yaml").read_text())
    site["parameters"]["shelving"] = {"at_most": value}
    await publish_site(database, site, author="eng", now=NOW)


@pytest.mark.parametrize(
    "target, reason, error, why",
    [
        (Target("breakdwn", key="lathe-1"), "x", NotFoundError, "did you mean 'breakdown'"),
        (Target("breakdown", equipment="lathe-9"), "x", NotFoundError, "did you mean 'lathe-"),
        (Target("breakdown"), "x", InvalidPayloadError, "one key, or one piece"),
        (Target("breakdown", key="lathe-1", equipment="lathe-1"), "x", InvalidPayloadError, "one key, or one piece"),
        (Target("breakdown", key="k" * 201), "x", InvalidPayloadError, "one key"),
        (LATHE, "  ", InvalidPayloadError, "say why"),
        (LATHE, "x" * 501, InvalidPayloadError, "say why"),
    ],
)
async def test_what_is_refused(plant: Database, target: Target, reason: str, error: type[MosError], why: str) -> None:
    with pytest.raises(error, match=why):
        await shelve(plant, target, reason=reason)
    assert await standing(plant) == []


async def test_safety_is_never_shelved(plant: Database) -> None:
    text = (DEFINITIONS / "breakdown.yaml").read_text().replace("opens:\n", "opens:\n  safety: true\n")
    await publish_definition(plant, text, "breakdown.yaml", author="eng", signed_off_by="sofia", now=NOW)
    with pytest.raises(InvalidPayloadError, match="about safety"):
        await shelve(plant)
    assert "breakdown" not in (await read.shelved(plant, NOW)).definitions


async def test_it_takes_the_authority(plant: Database) -> None:
    with pytest.raises(NotAllowedError, match="shelve_exceptions"):
        await shelve(plant, by=OTTO)
    shelf = await shelve(plant)
    with pytest.raises(NotAllowedError):
        await shelving.unshelve(plant, shelf, by=OTTO, now=NOW)
    assert await standing(plant) == [("lathe-1", None)]


@pytest.mark.parametrize(
    "target", [LATHE, Target("breakdown", equipment="machining"), Target("breakdown", equipment="turning")]
)
async def test_in_ones_own_areas_only(plant: Database, target: Target) -> None:
    with pytest.raises(NotAllowedError, match="finishing only"):
        await shelve(plant, target, by=MILO)
    await shelve(plant, Target("breakdown", equipment="press-1"), by=MILO)
    await shelve(plant, Target("breakdown", equipment="finishing"), by=MILO)


async def test_two_at_once(plant: Database) -> None:
    results = await asyncio.gather(*(shelve(plant) for _ in range(2)), return_exceptions=True)
    (lost,) = [result for result in results if isinstance(result, MosError)]
    assert isinstance(lost, ConflictError)
    assert lost.message == "Pia Lang has shelved it already, until 22 Nov 11:00: unshelve that first"
    await shelve(plant, Target("breakdown", equipment="lathe-1"))  # overlaps, but says something else
    assert len(await standing(plant)) == 2


async def test_ended_once(plant: Database) -> None:
    shelf = await shelve(plant)
    await shelving.unshelve(plant, shelf, by=PIA, now=NOW)
    with pytest.raises(ConflictError, match="Pia Lang has ended it"):
        await shelving.unshelve(plant, shelf, by=PIA, now=NOW)
    with pytest.raises(NotFoundError):
        await shelving.unshelve(plant, shelf + 1, by=PIA, now=NOW)
