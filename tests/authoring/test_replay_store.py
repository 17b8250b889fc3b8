"""What really happened, replayed with the version that did it, tells the same; another version tells the difference."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from admin.actors import Actor
from admin.definitions import publish, rollout
from admin.definitions.rollout import Move
from authoring.replay import comparing, console, recorded, running
from authoring.replay.answering import Model
from authoring.replay.model import Case, Place, Recording
from domain.errors import NotFoundError
from domain.language.definition_text import load
from store.db import Database
from store.read import site as site_read
from store.read.definitions import versions as definitions
from tests.support import stories
from tests.support.eventually import eventually
from tests.support.fixtures import database, database_url, postgres, published, published_template, temporal
from tests.support.plant import DEFINITIONS, ROOT, RUNNING, Plant, run_plant
from tests.support.servers import Postgres, Temporal

__all__ = ["database", "database_url", "postgres", "published", "published_template", "temporal"]


@pytest.fixture
async def plant(published: Database, temporal: Temporal) -> AsyncIterator[Plant]:
    async with run_plant(published, await temporal.client()) as running_plant:
        yield running_plant


async def recording_of(plant: Plant, definition: str) -> tuple[Recording, Place]:
    until = datetime.now(UTC) + timedelta(days=5)
    async with plant.database.transaction() as session:
        found = await recorded.read(session, definition, until - timedelta(days=6), until)
        return found, Place(await site_read.site(session), await site_read.roster(session))


async def runs_again(plant: Plant) -> None:
    """The machine reports that it runs, and intake has looked at it."""
    event = await plant.state("lathe-1", RUNNING)

    async def looked_at() -> bool:
        return (await plant.event_row(event)).status != "received"

    await eventually(looked_at, "intake looked at the state")


@dataclass(frozen=True)
class Lived:
    """What three exceptions left on record: by definition, and as a page of the console reads it."""

    told: dict[str, tuple[Recording, Place]]
    page: tuple[Recording, Place]


@pytest.fixture(scope="module")
def lived(postgres: Postgres, published_template: str, temporal: Temporal) -> Lived:
    """They take seconds to live through, and no replay changes what is on record."""

    async def live(url: str) -> Lived:
        database = Database(url, pool_size=5)
        async with run_plant(database, await temporal.client()) as plant:
            await stories.breakdown(plant)
            await runs_again(plant)
            await stories.quality_hold(plant)
            await stories.rush_order(plant)
            told = {name: await recording_of(plant, name) for name in ("breakdown", "quality_hold", "rush_order")}
            async with database.statements() as session:
                until = datetime.now(UTC) + timedelta(days=5)
                page = await console.read(session, "quality_hold", timedelta(days=9), until)
        await database.close()
        return Lived(told, page)

    with postgres.database(published_template) as url:
        return asyncio.run(live(url))


def shipped(name: str, *changes: tuple[str, str]) -> str:
    text = (DEFINITIONS / f"{name}.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def told(case: Case) -> dict[str, object]:
    """What must be the same: all but the moments, which the real one needs a little longer for."""
    return {
        "key": case.key,
        "signals": case.signals,
        "ending": case.ending,
        "pages": sorted((page.person, page.task, page.kind) for page in case.pages),
        "decisions": sorted((made.task, made.verdict, made.option, made.person) for made in case.decisions),
        "postings": sorted((posted.system, posted.outcomes, posted.status) for posted in case.postings),
    }


def test_the_live_version_replayed_tells_what_happened(lived: Lived) -> None:
    for name, (recording, place) in lived.told.items():
        side = running.replay(load(shipped(name)), recording, place, label="live")
        assert [told(case) for case in side.cases] == [told(case) for case in recording.happened or ()], name
        assert {basis for case in side.cases for basis in case.answered} <= {"recorded", "silent", "model"}
        assert not side.problems


async def test_the_shadow_is_replayed_on_what_it_saw(plant: Plant) -> None:
    """Only signals that came while it watched; an unknown version and an empty shadow are told."""
    await runs_again(plant)
    async with plant.database.transaction() as session:
        with pytest.raises(NotFoundError, match="no version 'v7'"):
            await definitions.find(session, "breakdown", "v7")
        with pytest.raises(NotFoundError, match="no version 'shadow'"):
            await definitions.find(session, "breakdown", "shadow")
    text = shipped("breakdown", ("repair_within: 24h", "repair_within: 12h"))
    now = datetime.now(UTC)
    version = await publish.publish_definition(
        plant.database, text, "breakdown.yaml", author="eng", signed_off_by="sofia", now=now
    )
    move = Move(Actor("operator", signed_in=False), now)
    await rollout.go_live(plant.database, "breakdown", "v1", move)
    await rollout.watch(plant.database, "breakdown", "v2", move)
    await stories.breakdown(plant, "lathe-2")
    recording, place = await recording_of(plant, "breakdown")
    async with plant.database.transaction() as session:
        seen = await recorded.as_seen_from_shadow(session, recording, version)
    assert len(seen.signals) < len(recording.signals)
    (case,) = running.replay(load(text), seen, place, label="shadow").cases
    assert told(case) == told((recording.happened or ())[0])


async def test_the_command_on_a_database(published: Database, tmp_path: Path) -> None:
    """Nothing was recorded yet: the report says so; a version that is not there is told in one line."""
    environment = {**os.environ, "MOS_DATABASE_URL": published.url, "MOS_DATA_DIR": str(tmp_path)}

    def mos(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "infra.cli", "replay", "breakdown", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    for against in ("happened", "live", "nothing", str(DEFINITIONS / "breakdown.yaml")):
        done = await asyncio.to_thread(mos, "--since", "7d", "--against", against, "--format", "json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["exceptions"]["after"] == 0
    wrong = await asyncio.to_thread(mos, "--version", "v9")
    assert (wrong.returncode, wrong.stderr) == (1, "'breakdown' has no version 'v9': there are v1\n")


async def test_a_page_gets_the_same_report(lived: Lived) -> None:
    recording, place = lived.page
    now = datetime.now(UTC) + timedelta(days=5)
    own = load(shipped("quality_hold"))
    report = await console.replay(console.Wanted((own, "v1")), recording, place, now)
    assert report["exceptions"]["both"] == 1
    assert report["sides"]["before"]["pages"] == report["sides"]["after"]["pages"] > 0


def test_another_version_on_what_happened(lived: Lived) -> None:
    """With a longer on-delay than it lasted it would have opened nothing; other people asked are other people paged."""
    recording, place = lived.told["breakdown"]
    slow = load(shipped("breakdown", ("one_per: [signal.equipment]", "one_per: [signal.equipment]\n  settle: 10m")))
    after = running.replay(slow, recording, place, label="slow")
    report = comparing.report(
        running.happened(recording), after, recording, place, comparing.About("breakdown", datetime.now(UTC), Model())
    )
    assert report["exceptions"]["only_before"] == 1
    assert report["exceptions"]["after"] == 0
    assert report["sides"]["before"]["postings"] == 3
    wide = load(shipped("breakdown", ("role: maintenance_technician", "role: planner")))
    (case,) = running.replay(wide, recording, place, label="wide").cases
    assert {page.person for page in case.pages if page.task == "repair"} == {"lena"}  # nobody recorded how she reacts
    assert "model" in case.answered
