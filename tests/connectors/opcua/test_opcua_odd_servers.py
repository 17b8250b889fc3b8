"""Servers that the plant's machines are not: without a clock, forgetful, late. Each is asyncua's, in this process."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from connectors.opcua.config import MachineItems, OpcUaConfig
from connectors.opcua.connector import OpcUaSource, build
from infra.plant.opcua_space import CACHE, StandardSpaceServer
from infra.plant.process import free_port
from tests.conformance.source.proxy import Proxy
from tests.conformance.source.suite import Inbox, reporting

SPACE = "urn:odd"
AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
IDLE, RUNNING, ABORTED = 4, 6, 9


class Anyone(UserManager):
    """Lets everybody in."""

    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User:
        return User(role=UserRole.User)


class Odd:
    """A server with one machine, or none yet."""

    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        self.port = port
        self.subscriptions: Any = server.iserver.subscription_service

    def source(self, *, port: int = 0, conditions: bool = False) -> OpcUaSource:
        settings = {
            "url": f"opc.tcp://127.0.0.1:{port or self.port}/odd",
            "machines": [MachineItems(equipment="m", state=f"nsu={SPACE};s=m.State")],
            **{"policy": "None", "insecure": True, "conditions": conditions},
            **{"publishing_ms": 20, "look_every": 0.1, "reconnect_max_delay": 0.2, "companion_timeout": 30},
        }
        return build(OpcUaConfig.model_validate(settings), {})

    async def add(self, state: int) -> None:
        space = await self.server.register_namespace(SPACE)
        self._node = ua.NodeId(ua.String("m.State"), ua.Int16(space))
        await self.server.nodes.objects.add_variable(self._node, "m.State", state, ua.VariantType.Int32)
        await self.write(state)

    async def set_clock(self, to: datetime) -> None:
        """The server's own time, for good."""
        node = self.server.get_node(ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_CurrentTime)))
        await node.write_value(ua.DataValue(ua.Variant(to, ua.VariantType.DateTime)))
        space = self.server.iserver.aspace
        space.set_attribute_value_setter(node.nodeid, AttributeIds.Value, lambda *_: ua.DataValue())

    async def write(self, state: int, at: datetime = AT, status: int = 0) -> None:
        value = ua.Variant(state, ua.VariantType.Int32)
        data = ua.DataValue(value, ua.StatusCode(ua.UInt32(status)), SourceTimestamp=ua.DateTime.fromisoformat(str(at)))
        await self.server.write_attribute_value(self._node, data)


@contextlib.asynccontextmanager
async def odd(state: int | None = IDLE) -> AsyncIterator[Odd]:
    server = Server(iserver=StandardSpaceServer(Anyone(), CACHE))
    await server.init()
    port = free_port()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/odd")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    it = Odd(server, port)
    if state is not None:
        await it.add(state)
    async with server:
        yield it


def _told(inbox: Inbox) -> list[int]:
    """The states in order; what is offered again under its id counts once, as intake counts it."""
    return list({raw.event_id: raw.body["state"] for raw in inbox.signals}.values())


def _lost(inbox: Inbox) -> list[str]:
    return [state.detail for state in inbox.states if not state.connected]


async def test_under_a_clock_that_stands_still_the_second_fault_is_one_too() -> None:
    inbox = Inbox()
    async with odd() as server, reporting(server.source(), inbox):
        await inbox.until(lambda: inbox.signals)
        for state in (ABORTED, RUNNING, ABORTED):
            await server.write(state)
        await inbox.until(lambda: _told(inbox) == [IDLE, ABORTED, RUNNING, ABORTED])
    times = list({raw.event_id: raw.occurred_at or AT for raw in inbox.signals}.values())
    assert times == sorted(set(times))
    assert times[0] == AT


async def test_times_of_a_server_whose_clock_is_wrong_are_not_used() -> None:
    inbox, begun = Inbox(), datetime.now(UTC)
    async with odd() as server:
        await server.set_clock(begun - timedelta(hours=2))
        async with reporting(server.source(), inbox):
            await inbox.until(lambda: _told(inbox) == [IDLE])
            await server.write(ABORTED, AT + timedelta(minutes=1))
            await inbox.until(lambda: _told(inbox) == [IDLE, ABORTED])
    assert all(raw.occurred_at and raw.occurred_at >= begun for raw in inbox.signals)
    assert [state.connected for state in inbox.states if state.source == "opcua/server-clock"] == [False]


async def test_a_state_that_is_good_again_is_offered_again_under_its_id() -> None:
    inbox = Inbox()
    async with odd() as server, reporting(server.source(), inbox):
        await inbox.until(lambda: inbox.signals)
        await server.write(IDLE, status=StatusCodes.BadCommunicationError)
        await inbox.until(lambda: "m.State: BadCommunicationError" in str(_lost(inbox)))
        await server.write(IDLE)
        await inbox.until(lambda: len(inbox.signals) > 1)
        await server.write(ABORTED, AT + timedelta(minutes=1))
        await inbox.until(lambda: ABORTED in _told(inbox))
    assert _told(inbox) == [IDLE, ABORTED]
    assert [state.connected for state in inbox.states if state.source == "opcua/m"] == [False, True]


async def test_after_an_outage_what_was_missed_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox, empty = Inbox(), list[int]()
    async with odd() as server, Proxy(server.port) as proxy, reporting(server.source(port=proxy.port), inbox):
        await inbox.until(lambda: inbox.signals)
        republish = server.subscriptions.republish

        def counted(params: ua.RepublishParameters) -> ua.NotificationMessage:
            message: ua.NotificationMessage = republish(params)
            empty.extend([params.RetransmitSequenceNumber] if not message.SequenceNumber else [])
            return message

        monkeypatch.setattr(server.subscriptions, "republish", counted)
        await proxy.cut()
        await inbox.until(lambda: _lost(inbox))
        await server.write(ABORTED, AT + timedelta(minutes=1))
        await proxy.restore()
        await inbox.until(lambda: ABORTED in _told(inbox))
        await server.write(IDLE, AT + timedelta(minutes=2))
        await inbox.until(lambda: _told(inbox) == [IDLE, ABORTED, IDLE])
    assert len(empty) <= len(_lost(inbox)) + 1  # asking ends with the first that is not there


async def test_a_subscription_that_the_server_dropped_is_made_again() -> None:
    inbox = Inbox()
    async with odd() as server, reporting(server.source(), inbox):
        await inbox.until(lambda: inbox.signals)
        await server.subscriptions.delete_subscriptions(list(server.subscriptions.subscriptions))
        await server.write(ABORTED, AT + timedelta(minutes=1))
        await inbox.until(lambda: _told(inbox) == [IDLE, ABORTED])
    assert _lost(inbox), "what was not heard in between is told"


async def test_a_machine_that_comes_after_its_server_is_heard() -> None:
    inbox = Inbox()
    async with odd() as first, Proxy(first.port) as proxy, reporting(first.source(port=proxy.port), inbox):
        await inbox.until(lambda: inbox.signals)
        await proxy.cut()
        await inbox.until(lambda: _lost(inbox))
        async with odd(state=None) as second:
            await proxy.restore(second.port)
            await inbox.until(lambda: "opcua/m" in [state.source for state in inbox.states if not state.connected])
            await second.add(ABORTED)
            await inbox.until(lambda: _told(inbox) == [IDLE, ABORTED])
            await inbox.until(lambda: "opcua/m" in [state.source for state in inbox.states if state.connected])


async def test_a_connection_that_breaks_while_we_subscribe_is_made_again() -> None:
    inbox = Inbox()
    async with odd() as server, Proxy(server.port) as proxy:
        create, asked = server.subscriptions.create_monitored_items, []

        async def breaking(params: ua.CreateMonitoredItemsParameters) -> list[ua.MonitoredItemCreateResult]:
            asked.append(params)
            if len(asked) == 2:  # the alarms, after the states
                await proxy.cut()
            return list(await create(params))

        server.subscriptions.create_monitored_items = breaking
        async with reporting(server.source(port=proxy.port, conditions=True), inbox):
            await inbox.until(lambda: _lost(inbox))
            await proxy.restore()
            await inbox.until(lambda: _told(inbox) == [IDLE])
            await server.write(ABORTED, AT + timedelta(minutes=1))
            await inbox.until(lambda: _told(inbox) == [IDLE, ABORTED])
