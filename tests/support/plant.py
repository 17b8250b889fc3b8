"""A whole product on real servers, with stand-ins only for the ERP, the MES and the vendors of messages."""

import asyncio
import contextlib
import itertools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import and_, not_, select
from sqlmodel import col
from temporalio.client import Client

from activities.sender import Sender
from activities.world import World
from admin.access.sessions import Login
from admin.books import signing
from admin.definitions import publish
from connectors.mqtt.mapping import uns_signal
from connectors.roles import InboundMessage
from connectors.webhook.mapping import CLOUDEVENT
from domain.rosters.people import ChannelName
from domain.signals import RawSignal
from domain.values import Json, iso
from infra import connect_agents
from infra.processes.worker import load_rules, make_worker
from intake import answers, signals
from intake.deliver import Deliverer
from intake.nudging import Nudger
from intake.pump import Pump
from store.db import ARRIVED, OUTGOING, Database
from store.listen import notifications
from store.read import site as site_read
from store.tables import ExceptionRow, InboxRow, LedgerRow, OutboxRow, TaskRow, TimelineRow
from tests.support.channels import FakeChannel
from tests.support.eventually import Value
from tests.support.plans import demand_answer, plan_answer, staging_answer
from tests.support.standing import until
from tests.support.systems import FakeSystem
from workflows.engine.generations import OPENS_WITH

ROOT = Path(__file__).resolve().parents[2]
DEFINITIONS = ROOT / "workflows" / "definitions"
SITE = ROOT / "infra" / "demo" / "site"
RUNNING, ABORTED = 6, 9
PEOPLE: dict[str, Any] = {
    person["id"]: person for person in yaml.safe_load((SITE / "people.yaml").read_text())["people"]
}


class _RightPassword:
    """A log-in whose password is right."""

    async def confirm(self, name: str, password: str, now: datetime, **_: str) -> None: ...


def utcnow() -> datetime:
    return datetime.now(UTC)


def address_of(person: str) -> str:
    """The person's first address, where messages go."""
    return str(PEOPLE[person]["contacts"][0]["address"])


def who(addresses: list[str]) -> set[str]:
    """The persons behind addresses."""
    owners = {contact["address"]: name for name, person in PEOPLE.items() for contact in person["contacts"]}
    return {owners[address] for address in addresses}


async def publish_all(
    database: Database, *, parameters: Mapping[str, Json] | None = None, edit: Callable[[str], str] = lambda text: text
) -> None:
    """The shipped definitions (each text through `edit`), the demo's site (with these parameters) and its people."""
    for path in sorted(DEFINITIONS.glob("*.yaml")):
        text = edit(path.read_text())
        await publish.publish_definition(database, text, path.name, author="eng", signed_off_by="sofia", now=utcnow())
    site = yaml.safe_load((SITE / "site.yaml").read_text())
    for definition, values in (parameters or {}).items():
        site["parameters"].setdefault(definition, {}).update(values)
    await publish.publish_site(database, site, author="eng", now=utcnow())
    await publish.import_roster(
        database, yaml.safe_load((SITE / "people.yaml").read_text()), {}, author="eng", now=utcnow()
    )


def systems(anchor: datetime) -> dict[str, FakeSystem]:
    """ERP and MES of the demo plant at its anchor."""
    plan = plan_answer(anchor)

    def job_orders(where: Mapping[str, Json]) -> Json:
        if "job_orders" in where:
            return [o for o in plan["job_orders"] if o["id"] in where["job_orders"]]
        return [o for o in plan["job_orders"] if any(s["equipment"] == where["equipment"] for s in o["segments"])]

    def lot(where: Mapping[str, Json]) -> Json:
        return {"lot": where["lot"], "job_orders": [o["id"] for o in plan["job_orders"] if where["lot"] in o["lots"]]}

    stock = {"covered": True, "components": [{"material": "BAR-40", "needed": 20, "free": 200}]}
    return {
        "mes": FakeSystem(
            "mes",
            {
                "mes.job_orders": job_orders,
                "mes.plan": lambda _: plan,
                "mes.staging": lambda _: staging_answer(anchor),
            },
        ),
        "erp": FakeSystem(
            "erp",
            {
                "erp.sales_demand": lambda where: demand_answer(anchor, where),
                "erp.lot": lot,
                "erp.material": lambda _: stock,
            },
        ),
    }


@dataclass
class Plant:
    """The product while it runs. Signals and answers go in as a connector hands them over; the tables tell the rest."""

    database: Database
    client: Client
    world: World
    erp: FakeSystem
    mes: FakeSystem
    slack: FakeChannel
    sms: FakeChannel
    pump: Pump
    sender: Sender
    anchor: datetime
    _numbers: Any = field(default_factory=itertools.count)

    # -- in -----------------------------------------------------------------------------------------------------------

    async def state(
        self, unit: str, state: int, *, reason: str = "Spindle overload", at: datetime | None = None
    ) -> str:
        """The gateway reports a PackML state; gives the event's id."""
        raw = machine_state(unit, state, next(self._numbers), at or utcnow(), reason)
        await signals.receive(self.database, [raw], utcnow())
        return raw.event_id

    async def break_machine(self, unit: str = "lathe-1") -> str:
        """It ran, then it aborted; the exception's id."""
        await self.state(unit, RUNNING)
        return await self.opened_by(await self.state(unit, ABORTED))

    async def event(self, kind: str, data: dict[str, Json]) -> str:
        """A CloudEvent of the MES, signature already checked; gives the event's id."""
        number = next(self._numbers)
        body = {"id": f"e{number}", "type": f"com.havel.mes.{kind}.v1", "time": iso(utcnow()), "data": data}
        raw = RawSignal(source="mes", event_id=body["id"], kind=CLOUDEVENT, body=body)
        await signals.receive(self.database, [raw], utcnow())
        return raw.event_id

    async def fail_inspection(self, lot: str = "L-BAR-502") -> str:
        data = {"lot": lot, "material": "BAR-40", "inspection": "i1", "characteristic": "Hardness", "value": 31.5}
        limits = {"low": 18, "high": 24, "unit": "HRC", "inspector": "qa"}
        return await self.opened_by(await self.event("inspection.failed", data | limits))

    async def rush(self, sale: str = "SO-9001") -> str:
        data = {"sales_order": sale, "customer": "vesta", "customer_title": "Vesta Rail", "customer_class": "key"}
        wanted = iso(self.anchor + timedelta(minutes=1440))
        more = {"material": "GS-40", "quantity": 20, "wanted": wanted}
        return await self.opened_by(await self.event("salesorder.rush", data | more))

    async def press(
        self, person: str, step: str, verb: str, channel: ChannelName = ChannelName.SLACK, **fields: Json
    ) -> dict[str, Any]:
        """Press a button of the step's message; gives what the workflow answered."""
        task = await self.task(step)
        key = f"press-{next(self._numbers)}"
        if channel is ChannelName.CONSOLE:
            if task.risk == "high":
                await self.sign(person, task, verb, answers.console_event(person, key))
            key = await answers.receive_console(
                self.database, person=person, task=f"{task.id}:{task.version}", verb=verb, fields=fields,
                press_id=key, now=utcnow(),
            )  # fmt: skip
        else:
            message = InboundMessage(
                channel, key, address_on(person, channel), verb=verb, task=f"{task.id}:{task.version}", fields=fields
            )
            await answers.receive(self.database, message, utcnow())
        return await self.outcome(key)

    async def sign(self, person: str, task: TaskRow, verb: str, press: str, shown: str = "") -> str:
        """Sign an answer as the console does when the password was right."""
        async with self.database.transaction() as session:
            known = await site_read.person(session, person)
        assert known is not None
        wish = signing.Wish(task.id, task.version, verb, press, shown or task.shown_hash, "approve")
        login, proof = Login(known, ""), signing.Components("right")
        return await signing.sign(self.database, _RightPassword(), login, wish, proof, utcnow())  # type: ignore[arg-type]

    async def text(self, person: str, verb: str, code: str = "", **fields: Json) -> dict[str, Any]:
        """A text message as the SMS connector understood it."""
        key = f"sms-{next(self._numbers)}"
        address = address_on(person, ChannelName.SMS)
        message = InboundMessage(ChannelName.SMS, key, address, verb=verb, task=code, fields=fields)
        await answers.receive(self.database, message, utcnow())
        return await self.outcome(key)

    # -- out ----------------------------------------------------------------------------------------------------------

    async def rows(self, statement: Any) -> list[Any]:
        async with self.database.transaction() as session:
            return list((await session.scalars(statement)).all())

    async def outcome(self, event_id: str) -> dict[str, Any]:
        async def settled() -> Any:
            return (await self.event_row(event_id)).outcome

        found: dict[str, Any] = await self._until(settled, f"an answer to {event_id}")
        return found

    async def opened_by(self, event_id: str) -> str:
        """The exception that this event opened or joined."""

        async def find() -> Any:
            row = await self.event_row(event_id)
            assert row.status not in ("ignored", "quarantined"), row.error
            return row.exception_id

        return str(await self._until(find, f"{event_id} opens an exception"))

    async def event_row(self, event_id: str) -> InboxRow:
        (row,) = await self.rows(select(InboxRow).where(col(InboxRow.event_id) == event_id))
        assert isinstance(row, InboxRow)
        return row

    async def exception(self, exception_id: str) -> ExceptionRow:
        (row,) = await self.rows(select(ExceptionRow).where(col(ExceptionRow.id) == exception_id))
        assert isinstance(row, ExceptionRow)
        return row

    async def closed(self, exception_id: str) -> ExceptionRow:
        async def find() -> Any:
            row = await self.exception(exception_id)
            return row if row.closed_at else None

        found: ExceptionRow = await self._until(find, f"{exception_id} closes")
        return found

    async def task(self, step: str) -> TaskRow:
        """The newest task of this step."""

        async def find() -> Any:
            return await self.rows(
                select(TaskRow).where(col(TaskRow.step) == step).order_by(col(TaskRow.opened_at).desc())
            )

        found: TaskRow = (await self._until(find, f"the task {step}"))[0]
        return found

    async def asked(self, step: str, person: str) -> None:
        """Until this person was asked."""

        async def find() -> bool:
            return person in (await self.task(step)).asked

        await self._until(find, f"{person} is asked for {step}")

    async def _until(self, condition: Callable[[], Awaitable[Value]], what: str) -> Value:
        return await until(condition, what, self.database, self.client)

    async def story(self, exception_id: str) -> list[TimelineRow]:
        timeline = select(TimelineRow).where(col(TimelineRow.exception_id) == exception_id)
        return await self.rows(timeline.order_by(col(TimelineRow.entry)))

    async def told(self, exception_id: str, kind: str, **data: Json) -> TimelineRow:
        """Until the story has such a line."""

        async def find() -> Any:
            lines = [line for line in await self.story(exception_id) if line.kind == kind]
            return next((line for line in lines if data.items() <= line.data.items()), None)

        found: TimelineRow = await self._until(find, f"{kind} {json.dumps(data)} in the story of {exception_id}")
        return found

    async def posted(self, *kinds: str) -> None:
        """Until the ERP has taken these outcomes."""

        async def find() -> bool:
            return all(kind in self.erp.kinds() for kind in kinds)

        await self._until(find, f"the ERP has {', '.join(kinds)}")
        await self.quiet()

    async def ledger(self) -> dict[str, LedgerRow]:
        return {row.step: row for row in await self.rows(select(LedgerRow))}

    async def quiet(self) -> None:
        """Until every message is on its way. One that only follows if nobody reacts is not waited for."""

        async def find() -> bool:
            unsent = select(OutboxRow).where(col(OutboxRow.state).in_(("pending", "sending")))
            planned = and_(col(OutboxRow.attempts) == 0, col(OutboxRow.next_at) > utcnow())
            return not await self.rows(unsent.where(not_(planned)))

        await self._until(find, "the outbox is empty")

    def reached(self) -> set[str]:
        """Who has got a message, on any channel."""
        return who(self.slack.addresses() + self.sms.addresses())


def address_on(person: str, channel: ChannelName) -> str:
    contacts = PEOPLE[person]["contacts"]
    return str(next(contact["address"] for contact in contacts if contact["channel"] == channel.value))


def machine_state(unit: str, state: int, number: int, at: datetime, reason: str = "") -> RawSignal:
    """An MQTT message of the Unified Namespace, as the connector reads it."""
    stop = {"code": 1101, "text": reason} if state == ABORTED else None
    payload = {"timestamp": iso(at), "state": state, "unit_mode": 1, "stop_reason": stop, "sequence": number}
    topic, data = f"havel/brno/{unit}/status", json.dumps(payload).encode()
    return uns_signal("uns", topic, data, equipment=unit, retained=False, planned=[])


@contextlib.asynccontextmanager
async def run_plant(database: Database, client: Client) -> AsyncIterator[Plant]:
    """Everything that `infra.processes.worker` runs, on these servers and what is published there."""
    anchor = utcnow().replace(second=0, microsecond=0)
    fakes = systems(anchor)
    slack, sms = FakeChannel(ChannelName.SLACK), FakeChannel(ChannelName.SMS, can_edit=False)
    agents = connect_agents.agents([], connect_agents.past_of(database, utcnow))
    world = World(database, fakes, utcnow, os.urandom, "https://mos.example", frozenset({"erp"}), agents)
    pump = Pump(database, Deliverer(client, generation=OPENS_WITH), lambda: load_rules(database), utcnow)
    sender = Sender(database, {ChannelName.SLACK: slack, ChannelName.SMS: sms}, utcnow)
    plant = Plant(database, client, world, fakes["erp"], fakes["mes"], slack, sms, pump, sender, anchor)
    async with (
        make_worker(client, world),
        _running(pump.run(), sender.run(), Nudger(database, client, utcnow).run(), _wake(database, pump, sender)),
    ):
        yield plant


async def _wake(database: Database, pump: Pump, sender: Sender) -> None:
    async for channel, _ in notifications(database.url, (ARRIVED, OUTGOING)):
        (pump if channel == ARRIVED else sender).wake()


@contextlib.asynccontextmanager
async def _running(*loops: Any) -> AsyncIterator[None]:
    """The loops run while the block does; one that breaks fails the test."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
        broken = [task for task in tasks if task.done()]
        assert not broken, broken
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
