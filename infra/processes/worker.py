"""The worker: pump, Temporal worker and sender on one client, so that eager starts work."""

import logging
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib.metadata import version

from temporalio.client import Client, TLSConfig
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.alive import AliveInterceptor
from activities.authorising import AuthorityActivities
from activities.choosing import RosterActivities
from activities.context import ContextActivities
from activities.errors import ErrorInterceptor
from activities.people import PeopleActivities
from activities.planning import PlanningActivities
from activities.posting import PostingActivities
from activities.proposing import AgentActivities
from activities.reconciling import Reconciliation
from activities.sender import Sender
from activities.watching import Watch
from activities.world import World
from connectors.roles import Channel
from connectors.webhook.mapping import is_informational
from domain.errors import ConfigError
from domain.rosters.people import ChannelName
from infra import connect, connect_agents, slack
from infra.processes import sealer
from infra.processes.feeds import Feeds
from infra.processes.published import is_published, until_published
from infra.run import first_of, now
from infra.settings import Settings
from infra.twilio import StoreMemory
from intake.correlate import Rules
from intake.deliver import TASK_QUEUE, Deliverer
from intake.nudging import Nudger
from intake.pictures import Gatherer
from intake.pump import Pump, reconcile
from store.db import ARRIVED, OUTGOING, Database
from store.listen import notifications
from store.read import site as site_read
from store.read.definitions import versions as definitions_read
from workflows.engine.generations import OPENS_WITH
from workflows.exception import ExceptionWorkflow
from workflows.transaction import TransactionWorkflow

log = logging.getLogger("mos.worker")
# Only a name in Temporal's records: what may replay what is decided by generation (ADR 0011). Left out, the SDK reads
# and hashes the code of every module that is loaded, for most of a second.
BUILD_ID = f"mos {version('mos-exception-router')}"
PURE = (
    "domain",
    "activities",
    "workflows.engine",
    "workflows.steps",
    "pydantic",
    "pydantic_core",
    "cel_expr_python",
    "yaml",
)


async def run(settings: Settings, database: Database, ready: Callable[[], None]) -> None:
    """Until cancelled. What is on record before anything is published is sealed too."""
    await first_of(_run(settings, database, ready), sealer.run(settings, database), Feeds(database).run())


async def _run(settings: Settings, database: Database, ready: Callable[[], None]) -> None:
    client = await connect_temporal(settings)
    if not await is_published(database):
        ready()
        log.warning("nothing is published yet: run 'mos push FOLDER'")
        await until_published(database)
    world, channels = await make_world(settings, database), await make_channels(settings, database)
    try:
        await serve(client, world, channels, ready, settings.engine_generation or OPENS_WITH)
    finally:
        await connect.close(channels.values())


async def serve(
    client: Client,
    world: World,
    channels: Mapping[ChannelName, Channel],
    ready: Callable[[], None],
    generation: int = OPENS_WITH,
) -> None:
    """The worker proper, whatever systems and channels it is given."""
    database = world.database
    sender = Sender(database, channels, now)
    deliverer = Deliverer(client, generation=generation)
    pump = Pump(database, deliverer, lambda: load_rules(database), now)
    async with make_worker(client, world):
        restarted = await reconcile(database, deliverer, timedelta(seconds=0), now())
        if restarted:
            log.warning("started again what Temporal had lost: %s", ", ".join(restarted))
        ready()
        nudger = Nudger(database, client, now)
        books, gatherer = Reconciliation(world), Gatherer(database, channels, now)
        loops = (pump.run(), sender.run(), nudger.run(), books.run(), gatherer.run(), Watch(world).run())
        await first_of(*loops, *slack.chores(database, channels), _wake(database, pump, sender))


async def _wake(database: Database, pump: Pump, sender: Sender) -> None:
    async for channel, _ in notifications(database.url, (ARRIVED, OUTGOING)):
        (pump if channel == ARRIVED else sender).wake()


async def make_channels(settings: Settings, database: Database) -> dict[ChannelName, Channel]:
    """How people are reached, by the settings and what the published connectors document adds to them."""
    async with database.transaction() as session:
        document = await site_read.document(session, "connectors")
    return connect.channels(settings, connect.read_connections(document), StoreMemory(database))


async def make_world(settings: Settings, database: Database) -> World:
    """What the activities work with, from the published connectors document."""
    async with database.transaction() as session:
        document = await site_read.document(session, "connectors")
    connections = connect.read_connections(document)
    systems, atomic = connect.systems(connections), connect.atomic(connections)
    agents = connect_agents.agents(connections, connect_agents.past_of(database, now))
    return World(database, systems, now, os.urandom, settings.public_url or "", atomic, agents)


async def load_rules(database: Database) -> Rules:
    """What is in force now."""
    async with database.transaction() as session:
        site = await site_read.site(session)
        definitions = await definitions_read.in_force(session)
    return Rules(site, definitions, connect.normalisers(), is_informational, os.urandom)


async def connect_temporal(settings: Settings) -> Client:
    """A client for the configured server; pydantic models travel as JSON."""
    if settings.temporal_address is None:
        raise ConfigError("No Temporal server: start the stack with `mos up`, or set MOS_TEMPORAL_ADDRESS")
    tls: TLSConfig | bool = False
    if settings.temporal_tls_cert and settings.temporal_tls_key:
        ca = settings.temporal_tls_ca
        tls = TLSConfig(
            client_cert=settings.temporal_tls_cert.read_bytes(),
            client_private_key=settings.temporal_tls_key.read_bytes(),
            server_root_ca_cert=ca.read_bytes() if ca else None,
        )
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=pydantic_data_converter,
        tls=tls,
    )


def make_worker(client: Client, world: World) -> Worker:
    """The sandbox is on; our pure modules are passed through, since a fresh import a workflow would cost a third."""
    context, people, posting = ContextActivities(world), PeopleActivities(world), PostingActivities(world)
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PURE)
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        build_id=BUILD_ID,
        workflows=[ExceptionWorkflow, TransactionWorkflow],
        activities=[
            context.gather,
            context.record,
            context.close,
            people.tell,
            people.settle,
            AuthorityActivities(world).authorise,
            RosterActivities(world).who,
            PlanningActivities(world).propose,
            AgentActivities(world).agent,
            posting.post,
            posting.await_posting,
        ],
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
        interceptors=[ErrorInterceptor(), AliveInterceptor()],
        max_cached_workflows=2000,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=4),  # so long a killed worker's workflows wait
        graceful_shutdown_timeout=timedelta(seconds=5),
    )
