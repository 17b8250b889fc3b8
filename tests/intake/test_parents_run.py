"""A parent that closes for good, on a real Temporal: what still stands has a workflow of its own then."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from store.db import Database
from tests.intake.opening import HELD, LINE, UNDER, breakdown, publish_one
from tests.support.eventually import eventually
from tests.support.fixtures import database_url, postgres, published, published_template, temporal
from tests.support.plant import ABORTED, RUNNING, Plant, run_plant
from tests.support.servers import Temporal

__all__ = ["database_url", "postgres", "published", "published_template", "temporal"]
UNTIL_IT_RUNS = """  - task: look
    to: {role: planner}
    title: The line stands
    ask: {cause: {kind: text, label: Cause}}
    buttons: [done]
    authority: reschedule
    within: 1h
closes: {when: machine.state == 'running'}
"""


@pytest.fixture
async def plant(published: Database, temporal: Temporal) -> AsyncIterator[Plant]:
    await publish_one(published, breakdown(UNDER))
    await publish_one(published, LINE.split("  - notify")[0] + UNTIL_IT_RUNS)
    async with run_plant(published, await temporal.client()) as running:
        yield running


async def test_the_line_runs_and_a_machine_stands_still(plant: Plant) -> None:
    line = await plant.opened_by(await plant.state("lathe-1", HELD))
    child = await plant.state("lathe-2", ABORTED)
    assert await plant.opened_by(child) == line
    await plant.state("lathe-1", RUNNING)
    assert (await plant.closed(line)).handling == "closed"

    async def own() -> Any:
        found = (await plant.event_row(child)).exception_id
        return found if found not in (None, line) else None

    row = await plant.exception(await eventually(own, "the machine has an exception of its own"))
    assert (row.definition, row.key, row.closed_at) == ("breakdown", "lathe-2", None)
    assert (await plant.task("repair")).exception_id == row.id
