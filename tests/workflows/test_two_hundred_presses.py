"""C17: ten people press on each of several tasks, all at once, on real servers; at full size twenty tasks."""

import asyncio
from collections import Counter
from typing import Any

import pytest
import yaml
from sqlalchemy import select
from sqlmodel import col

from admin.definitions import publish
from connectors.roles import InboundMessage
from domain.rosters.people import ChannelName, Person
from intake import answers, own_signals, signals
from store.db import Database
from store.tables import InboxRow, OutboxRow, TaskRow
from tests.support.eventually import eventually
from tests.support.plant import SITE, Plant, publish_all, run_plant, utcnow
from tests.support.servers import Temporal

PEOPLE = [f"lead{number}" for number in range(10)]


async def crowded(database: Database) -> None:
    """The demo's site with ten leads, who all are asked for every report."""
    await publish_all(database)
    roster = yaml.safe_load((SITE / "people.yaml").read_text())
    for person in roster["people"]:
        person["roles"] = [role for role in person["roles"] if role != "maintenance_lead"] or ["guest"]
    for person in PEOPLE:
        contacts = [{"channel": "slack", "address": f"U{person.upper()}"}]
        roster["people"].append(
            {"id": person, "name": person.title(), "roles": ["maintenance_lead"], "contacts": contacts}
        )
    await publish.import_roster(database, roster, {}, author="eng", now=utcnow())


async def reported(plant: Plant, number: int) -> list[TaskRow]:
    """So many reports, and all ten asked for each."""
    mei = Person(id="mei", name="Mei Tanaka", roles=[])
    raws = [own_signals.report(mei, f"noise {nth}", None, nth, utcnow()) for nth in range(number)]
    await signals.receive(plant.database, raws, utcnow())

    async def asked() -> Any:
        rows = await plant.rows(select(TaskRow).where(col(TaskRow.step) == "triage"))
        return rows if len(rows) == number and all(set(row.asked) >= set(PEOPLE) for row in rows) else None

    found: list[TaskRow] = await eventually(asked, "everybody is asked for everything")
    await plant.quiet()
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [4, pytest.param(20, marks=pytest.mark.full)])
async def test_c17_presses_at_once_have_one_winner_each(database: Database, temporal: Temporal, number: int) -> None:
    await crowded(database)
    async with run_plant(database, await temporal.client()) as plant:
        tasks = await reported(plant, number)
        paged = await asking(plant)
        presses = [
            InboundMessage(
                ChannelName.SLACK, f"{task.id}/{person}", f"U{person.upper()}", verb="answer:verdict:goes_on",
                task=f"{task.id}:1",
            )
            for task in tasks
            for person in PEOPLE
        ]  # fmt: skip
        await asyncio.gather(*(answers.receive(database, press, utcnow()) for press in presses))
        outcomes = await taken(plant, {press.dedupe_key for press in presses})
        winners = {key.split("/")[0]: key.split("/")[1] for key, outcome in outcomes.items() if outcome["accepted"]}
        assert Counter(key.split("/")[0] for key, outcome in outcomes.items() if outcome["accepted"]) == Counter(
            task.id for task in tasks
        )
        for key, outcome in outcomes.items():
            task, person = key.split("/")
            if not outcome["accepted"]:
                assert (outcome["code"], outcome["by"]) == ("done", winners[task].title()), person
        await plant.quiet()
        replies = await plant.rows(select(OutboxRow).where(col(OutboxRow.purpose) == "reply"))
        told = Counter(reply.person for reply in replies)
        lost = Counter(key.split("/")[1] for key, outcome in outcomes.items() if not outcome["accepted"])
        assert told == lost, "every loser is told"
        assert await asking(plant) == paged, "nobody is asked once more after somebody has it"


async def taken(plant: Plant, keys: set[str]) -> dict[str, Any]:
    """The outcome of each press; patient as long as there come more of them."""
    outcomes: dict[str, Any] = {}

    async def more() -> Any:
        rows = await plant.rows(select(InboxRow).where(col(InboxRow.event_id).in_(keys)))
        found = {row.event_id: row.outcome for row in rows if row.outcome}
        return found if len(found) > len(outcomes) else None

    while len(outcomes) < len(keys):
        outcomes = await eventually(more, "another press has an outcome")
    return outcomes


async def asking(plant: Plant) -> int:
    """How many messages of the vendor asked for these tasks."""
    rows = select(OutboxRow).where(col(OutboxRow.purpose) == "task", col(OutboxRow.edits).is_(None))
    return len([row for row in await plant.rows(rows) if row.state in ("sent", "pending", "sending")])
