"""The OPC UA machines, seen by a real asyncua client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua import uaerrors
from asyncua.ua.object_ids import ObjectIds

from tests.plant.peers import PATIENCE_S, Peer, anchor, opcua_client, patient_client, plant_post, running

CONDITION = "ns=2;s={}.Alarm.Fault"
# asyncua re-exports its errors by star imports, which a strict type checker does not follow.
errors: Any = uaerrors
EVENT_TYPES = [ObjectIds.AlarmConditionType, ObjectIds.RefreshStartEventType, ObjectIds.RefreshEndEventType]


class Plant:
    """The machines process and how to reach it."""

    def __init__(self, peer: Peer, data: Path) -> None:
        self.data = data
        self.url = peer.address["machines"]
        self._control = peer.address["machines-control"]
        self.password = (data / "opcua.password").read_text().strip()

    async def do(self, unit: str, verb: str, body: dict[str, Any] | None = None) -> int:
        path = f"/work-units/{unit}/{verb}"
        return (await asyncio.to_thread(plant_post, self._control, self.data, path, body)).status_code


def _arguments(data: Path) -> list[str]:
    ports = ["--port", "0", "--control-port", "0", "--pace", "0.05", "--allow-none"]
    return [*ports, "--anchor", anchor(), "--data", str(data)]


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    data = tmp_path_factory.mktemp("machines")
    with running("machines", *_arguments(data), expect=2) as peer:
        yield Plant(peer, data)


@pytest.fixture
async def client(plant: Plant, tmp_path: Path) -> AsyncIterator[Client]:
    async with opcua_client(plant.url, tmp_path, plant.password) as connected:
        yield connected


class Seen:
    """Collects what a subscription delivers, in order."""

    def __init__(self) -> None:
        self.values: asyncio.Queue[Any] = asyncio.Queue()
        self.events: asyncio.Queue[Any] = asyncio.Queue()

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        self.values.put_nowait(value)

    def event_notification(self, event: Any) -> None:
        self.events.put_nowait(event)

    async def states_to(self, last: int) -> list[int]:
        states = [await self._next(self.values)]
        while states[-1] != last:
            states.append(await self._next(self.values))
        return states

    async def event(self) -> Any:
        return await self._next(self.events)

    async def _next(self, source: asyncio.Queue[Any]) -> Any:
        return await asyncio.wait_for(source.get(), PATIENCE_S)


def _id(number: int) -> ua.NodeId:
    return ua.NodeId(ua.Int32(number))


async def _watch(client: Client, unit: str) -> tuple[Seen, Any]:
    seen = Seen()
    subscription = await client.create_subscription(50, seen)
    state = client.get_node(f"ns=2;s={unit}.Status.StateCurrent")
    await subscription.subscribe_data_change(state, queuesize=1000)
    await subscription.subscribe_alarms_and_conditions(client.nodes.server, EVENT_TYPES)
    assert await seen.states_to(6) == [6]
    return seen, subscription


async def test_a_fault_aborts_raises_the_condition_and_a_clear_runs_again(plant: Plant, client: Client) -> None:
    seen, _ = await _watch(client, "lathe-1")
    assert await plant.do("lathe-1", "break", {"reason": 1203}) == 200
    assert await seen.states_to(9) == [8, 9]
    assert await client.get_node("ns=2;s=lathe-1.Admin.StopReason").read_value() == 1203
    assert await client.get_node("ns=2;s=lathe-1.Admin.StopReasonText").read_value() == "Tool breakage"
    assert await client.get_node("ns=2;s=lathe-1.Status.CurMachSpeed").read_value() == 0

    raised = await seen.event()
    assert (getattr(raised, "ActiveState/Id"), getattr(raised, "AckedState/Id"), raised.Retain) == (True, False, True)
    assert (raised.SourceName, raised.ConditionName, raised.Severity) == ("lathe-1", "lathe-1.Fault", 800)
    assert raised.NodeId.to_string() == CONDITION.format("lathe-1")
    assert raised.Message.Text == "Tool breakage"

    assert await plant.do("lathe-1", "clear") == 200
    assert await seen.states_to(6) == [1, 2, 15, 4, 3, 6]
    acked, cleared = await seen.event(), await seen.event()
    assert (getattr(acked, "ActiveState/Id"), getattr(acked, "AckedState/Id"), acked.Retain) == (True, True, True)
    assert (getattr(cleared, "ActiveState/Id"), cleared.Retain) == (False, False)
    assert await client.get_node("ns=2;s=lathe-1.Admin.StopReason").read_value() == 0


async def test_acknowledge_takes_only_the_newest_event_and_only_once(plant: Plant, client: Client) -> None:
    seen, _ = await _watch(client, "mill-1")
    await plant.do("mill-1", "break", {"reason": 1101})
    raised = await seen.event()
    condition = client.get_node(raised.NodeId)
    comment = ua.LocalizedText("On my way")
    with pytest.raises(errors.BadEventIdUnknown):
        await condition.call_method("0:Acknowledge", b"another", comment)

    await condition.call_method("0:Acknowledge", raised.EventId, comment)
    acked = await seen.event()
    assert (getattr(acked, "ActiveState/Id"), getattr(acked, "AckedState/Id"), acked.Retain) == (True, True, True)
    with pytest.raises(errors.BadConditionBranchAlreadyAcked):
        await condition.call_method("0:Acknowledge", acked.EventId, comment)
    await plant.do("mill-1", "clear")
    assert getattr(await seen.event(), "ActiveState/Id") is False


async def test_condition_refresh_replays_what_is_retained(plant: Plant, client: Client) -> None:
    await plant.do("press-1", "break", {"reason": 1102})
    seen, subscription = await _watch(client, "furnace-1")
    number = ua.Variant(subscription.subscription_id, ua.VariantType.UInt32)
    await client.get_node(_id(ObjectIds.ConditionType)).call_method(
        _id(ObjectIds.ConditionType_ConditionRefresh), number
    )
    start, replayed, end = [await seen.event() for _ in range(3)]
    assert start.EventType == _id(ObjectIds.RefreshStartEventType)
    assert (replayed.SourceName, getattr(replayed, "ActiveState/Id"), replayed.Retain) == ("press-1", True, True)
    assert end.EventType == _id(ObjectIds.RefreshEndEventType)
    await plant.do("press-1", "clear")


async def test_a_planned_stop_is_maintenance_and_no_fault(plant: Plant, client: Client) -> None:
    seen, _ = await _watch(client, "furnace-1")
    await plant.do("furnace-1", "break", {"reason": 2001})
    assert await seen.states_to(2) == [7, 2]
    assert await client.get_node("ns=2;s=furnace-1.Status.UnitModeCurrent").read_value() == 2
    await plant.do("furnace-1", "clear")
    assert await seen.states_to(6) == [15, 4, 3, 6]
    assert await client.get_node("ns=2;s=furnace-1.Status.UnitModeCurrent").read_value() == 1
    assert seen.events.empty()


async def test_counters_move_while_in_execute(client: Client) -> None:
    seen = Seen()
    subscription = await client.create_subscription(50, seen)
    await subscription.subscribe_data_change(client.get_node("ns=2;s=press-1.Admin.ProdProcessedCount"), queuesize=1000)
    first, second = await seen._next(seen.values), await seen._next(seen.values)
    assert second == first + 1


async def test_a_machine_is_broken_and_cleared_once(plant: Plant) -> None:
    assert await plant.do("press-1", "break") == 200
    assert await plant.do("press-1", "break") == 409
    assert await plant.do("press-1", "clear") == 200
    assert await plant.do("press-1", "clear") == 409
    assert await plant.do("lathe-2", "break") == 404
    assert await plant.do("press-1", "break", {"reason": 9999}) == 422


@pytest.mark.parametrize(
    "username,password,refusal",
    [
        (None, "", errors.BadIdentityTokenRejected),
        ("mos", "wrong", errors.BadUserAccessDenied),
    ],
)
async def test_strangers_are_refused(
    plant: Plant, tmp_path: Path, username: str | None, password: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        async with opcua_client(plant.url, tmp_path, password, username=username):
            pass


async def test_the_endpoint_without_security_wants_the_password_too(plant: Plant) -> None:
    open_client = patient_client(plant.url)
    open_client.set_user("mos")
    open_client.set_password(plant.password)
    async with open_client:
        assert await open_client.get_node("ns=2;s=lathe-1.Status.StateCurrent").read_value() == 6


async def test_a_broken_machine_is_still_broken_after_a_kill(tmp_path: Path) -> None:
    since: datetime | None = None
    for life in (1, 2):
        with running("machines", *_arguments(tmp_path), expect=2) as peer:
            plant = Plant(peer, tmp_path)
            if life == 1:
                await plant.do("lathe-1", "break", {"reason": 1101})
            async with opcua_client(plant.url, tmp_path, plant.password) as client:
                data = await client.get_node("ns=2;s=lathe-1.Status.StateCurrent").read_data_value()
                assert data.Value is not None
                assert data.SourceTimestamp is not None
                assert data.Value.Value == 9
                assert data.SourceTimestamp < datetime.now(UTC)
                since = since or data.SourceTimestamp
                assert data.SourceTimestamp == since
                retain = client.get_node(CONDITION.format("lathe-1") + ".Retain")
                assert await retain.read_value() is True
