"""The MQTT source against a real broker (iotcore) and the plant's gateway process."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from iotcore.broker import Broker
from paho.mqtt.enums import CallbackAPIVersion

from connectors.mqtt.config import MqttConfig
from connectors.mqtt.connector import MqttSource, build
from connectors.mqtt.mapping import read_state
from domain.errors import InvalidPayloadError
from infra.plant.process import free_port
from tests.conformance.source.suite import Inbox, SourceConformance, reporting
from tests.plant.peers import Peer, anchor, plant_post, running

UNIT = "lathe-2"
TOPIC = f"havel/brno/machining/turning/{UNIT}/status"
STATES = "havel/brno/{area}/{work_center}/{equipment}/status"
GATEWAYS = "havel/brno/_gateways/{gateway}/status"


class MqttMachine:
    """lathe-2 of the plant, behind its gateway."""

    def __init__(self, broker: Broker, peer: Peer, data: Path) -> None:
        self.peer = peer
        self._data = data
        self.port = broker.port
        self.secret = "broker-password-7261"
        self.normaliser = read_state
        self._down = False

    def config(self, port: int, **changes: object) -> MqttConfig:
        settings = {
            "host": "127.0.0.1",
            "port": port,
            "client_id": "mos-test",
            "user": "mos",
            "states": STATES,
            "gateways": GATEWAYS,
            "planned_reasons": [2001],
            "reconnect_max_delay": 1,
        }
        return MqttConfig.model_validate(settings | changes)

    def source(self, port: int, *, fresh: bool = False) -> MqttSource:
        return build(self.config(port, client_id="mos-fresh" if fresh else "mos-test"), {"password": self.secret})

    async def change(self) -> str:
        self._down = not self._down
        await self.do("break" if self._down else "clear")
        return "aborted" if self._down else "running"

    async def do(self, verb: str, **body: object) -> None:
        control = self.peer.address["gateway-control"]
        answer = await asyncio.to_thread(plant_post, control, self._data, f"/work-units/{UNIT}/{verb}", body)
        assert answer.status_code == 200, answer.text


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker(port=free_port(), listen="127.0.0.1") as started:
        yield started


@pytest.fixture
def machine(broker: Broker, tmp_path: Path) -> Iterator[MqttMachine]:
    url = f"mqtt://127.0.0.1:{broker.port}"
    options = [
        "--mqtt-url",
        url,
        "--control-port",
        "0",
        "--data",
        str(tmp_path),
        "--pace",
        "0.02",
        "--anchor",
        anchor(),
    ]
    with running("gateway", *options) as peer:
        yield MqttMachine(broker, peer, tmp_path)


class TestMqttConformance(SourceConformance):
    """The suite, on a real broker."""


async def test_a_fault_is_read_with_its_reason(machine: MqttMachine) -> None:
    early, inbox = Inbox(), Inbox()
    async with reporting(machine.source(machine.port, fresh=True), early):
        await early.until(lambda: early.signals)  # the gateway has told it, so that the broker retains it
    async with reporting(machine.source(machine.port), inbox):
        await inbox.until(lambda: UNIT in [raw.body["equipment"] for raw in inbox.signals])
        await machine.do("break", reason=1203)
        await inbox.until(lambda: "aborted" in inbox.named(read_state))
    fault = next(signal for signal in map(read_state, inbox.signals) if signal.state == "aborted")
    assert (fault.equipment, fault.facts["packml"], fault.facts["unit_mode"]) == (UNIT, 9, 1)
    assert (fault.facts["stop_code"], fault.facts["stop_reason"]) == (1203, "Tool breakage")
    assert fault.facts["planned_stop"] is False
    assert inbox.signals[0].body["retained"] is True
    assert inbox.signals[-1].body["retained"] is False


async def test_a_planned_stop_says_so(machine: MqttMachine) -> None:
    inbox = Inbox()
    async with reporting(machine.source(machine.port), inbox):
        await machine.do("break", reason=2001)
        await inbox.until(lambda: "stopped" in inbox.named(read_state))
    stopped = next(signal for signal in map(read_state, inbox.signals) if signal.state == "stopped")
    assert stopped.facts["planned_stop"] is True


async def test_what_is_published_while_nobody_listens_waits_in_the_session(broker: Broker) -> None:
    config = MqttConfig(host="127.0.0.1", port=broker.port, client_id="mos-test", states=STATES)
    async with reporting(build(config, {}), Inbox()):
        pass
    await asyncio.to_thread(_publish, broker.port, [_state(number) for number in range(200)])
    inbox = Inbox()
    async with reporting(build(config, {}), inbox):
        await inbox.until(lambda: len(inbox.signals) >= 200)
    assert [raw.body["payload"]["sequence"] for raw in inbox.signals] == list(range(200))


async def test_what_was_not_committed_is_sent_again(broker: Broker) -> None:
    """A listener that ends between taking a message and committing it must get it again."""
    config = MqttConfig(host="127.0.0.1", port=broker.port, client_id="mos-test", states=STATES)
    lost = Inbox()
    lost.away = 1_000_000
    async with reporting(build(config, {}), lost):
        await asyncio.to_thread(_publish, broker.port, [_state(number) for number in range(5)])
        async with asyncio.timeout(60):
            while lost.away == 1_000_000:
                await asyncio.sleep(0.01)
    inbox = Inbox()
    async with reporting(build(config, {}), inbox):
        await inbox.until(lambda: len({raw.event_id for raw in inbox.signals}) == 5)


async def test_an_unreadable_message_is_kept_and_refused_by_the_normaliser(broker: Broker) -> None:
    config = MqttConfig(host="127.0.0.1", port=broker.port, client_id="mos-test", states=STATES)
    inbox = Inbox()
    async with reporting(build(config, {}), inbox):
        await asyncio.to_thread(_publish, broker.port, [b"\xff not json"])
        await inbox.until(lambda: inbox.signals)
    with pytest.raises(InvalidPayloadError):
        read_state(inbox.signals[0])


async def test_a_gateway_that_goes_is_a_lost_source_of_its_own(machine: MqttMachine) -> None:
    inbox = Inbox()
    async with reporting(machine.source(machine.port), inbox):
        await inbox.until(lambda: [state for state in inbox.states if state.source == "mqtt/gateway-1"])
        machine.peer.kill()
        await inbox.until(lambda: inbox.states[-1].source == "mqtt/gateway-1" and not inbox.states[-1].connected)


def _state(number: int) -> bytes:
    body = {
        "timestamp": "2026-11-22T08:15:03+00:00",
        "state": 6,
        "unit_mode": 1,
        "stop_reason": None,
        "sequence": number,
    }
    return json.dumps(body).encode()


def _publish(port: int, payloads: list[bytes]) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for payload in payloads:
        client.publish(TOPIC, payload, qos=1).wait_for_publish(60)
    client.disconnect()
    client.loop_stop()
