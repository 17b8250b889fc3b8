"""A breakdown that nobody answers, on the time-skipping server: days in a second, without Updates."""

import contextlib
import os
from collections.abc import AsyncIterator
from datetime import timedelta

from sqlalchemy import select
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from activities.world import World
from infra.processes.worker import load_rules, make_worker
from intake import signals
from intake.deliver import Deliverer
from intake.pump import Pump
from store.db import Database
from store.tables import ExceptionRow
from tests.support.eventually import eventually
from tests.support.plant import ABORTED, machine_state, publish_all, systems, utcnow
from tests.support.servers import program
from workflows.engine.generations import OPENS_WITH


@contextlib.asynccontextmanager
async def skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """A server on which time jumps from timer to timer while the environment sleeps."""
    environment = await WorkflowEnvironment.start_time_skipping(
        data_converter=pydantic_data_converter,
        test_server_existing_path=program("temporal-test-server"),
        identity="mos-test",
    )
    async with environment:
        yield environment


async def nobody_answers(database: Database, environment: WorkflowEnvironment) -> str:
    """Lathe 1 breaks down; how its exception ended."""
    await publish_all(database)
    client = environment.client
    world = World(database, systems(utcnow()), utcnow, os.urandom, "https://mos.example")
    async with make_worker(client, world):
        await signals.receive(database, [machine_state("lathe-1", ABORTED, 1, utcnow())], utcnow())
        pump = Pump(database, Deliverer(client, generation=OPENS_WITH), lambda: load_rules(database), utcnow)
        await pump.step()

        async def started() -> ExceptionRow | None:
            async with database.transaction() as session:
                row = (await session.scalars(select(ExceptionRow))).one()
            return row if row.started else None

        row = await eventually(started, "the workflow starts")
        assert row is not None
        await environment.sleep(timedelta(hours=73))  # past the 72 h of every definition
        ending: str = await client.get_workflow_handle(row.workflow_id, result_type=str).result()
    return ending
