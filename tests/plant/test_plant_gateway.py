"""The MQTT gateway, seen by a subscriber on a real broker (iotcore)."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from iotcore.broker import Broker
from paho.mqtt.enums import CallbackAPIVersion

from infra.plant.process import free_port
from tests.plant.peers import PATIENCE_S, Peer, anchor, plant_post, running

LATHE = "havel/brno/machining/turning/lathe-2/status"
LIFE = "havel/brno/_gateways/gateway-1/status"


class Subscriber:
    """A client of the broker that keeps what it receives, in order, per topic. What is published while it subscribes
    comes twice, as retained and as it happens: once is kept."""

    def __init__(self, port: int) -> None:
        self._got: queue.Queue[tuple[str, dict[str, Any], bool]] = queue.Queue()
        self._last: dict[str, tuple[dict[str, Any], bool]] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._keep
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("havel/#", qos=1)
        self._client.loop_start()

    def next(self, topic: str) -> tuple[dict[str, Any], bool]:
        """The next message of this topic, and whether it was retained."""
        while True:
            got, payload, retained = self._got.get(timeout=PATIENCE_S)
            if got == topic:
                return payload, retained

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _keep(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        payload = json.loads(message.payload)
        if self._last.get(message.topic) != (payload, not message.retain):
            self._last[message.topic] = (payload, message.retain)
            self._got.put((message.topic, payload, message.retain))


@contextmanager
def subscribed(port: int) -> Iterator[Subscriber]:
    subscriber = Subscriber(port)
    try:
        yield subscriber
    finally:
        subscriber.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker(port=free_port(), listen="127.0.0.1") as started:
        yield started


def _gateway(broker: Broker, data: Path) -> list[str]:
    url = f"mqtt://127.0.0.1:{broker.port}"
    timing = ["--pace", "0.02", "--anchor", anchor()]
    return ["--mqtt-url", url, "--control-port", "0", "--data", str(data), *timing]


def _do(peer: Peer, data: Path, verb: str, body: dict[str, Any] | None = None) -> None:
    answer = plant_post(peer.address["gateway-control"], data, f"/work-units/lathe-2/{verb}", body)
    assert answer.status_code == 200


def test_a_fault_and_its_clearing_are_published_in_order(broker: Broker, tmp_path: Path) -> None:
    with subscribed(broker.port) as subscriber, running("gateway", *_gateway(broker, tmp_path)) as peer:
        first, _ = subscriber.next(LATHE)
        assert (first["state"], first["state_name"], first["unit_mode"], first["stop_reason"]) == (
            6,
            "Execute",
            1,
            None,
        )
        _do(peer, tmp_path, "break", {"reason": 1203})
        aborting, aborted = subscriber.next(LATHE)[0], subscriber.next(LATHE)[0]
        assert (aborting["state"], aborted["state"]) == (8, 9)
        assert aborted["stop_reason"] == {"code": 1203, "text": "Tool breakage"}
        assert aborted["sequence"] == aborting["sequence"] + 1 == first["sequence"] + 2
        _do(peer, tmp_path, "clear")
        states = [subscriber.next(LATHE)[0]["state"] for _ in range(6)]
        assert states == [1, 2, 15, 4, 3, 6]


def test_a_later_subscriber_finds_the_state_retained_with_its_own_time(broker: Broker, tmp_path: Path) -> None:
    with running("gateway", *_gateway(broker, tmp_path)) as peer:
        with subscribed(broker.port) as early:
            early.next(LATHE)
            _do(peer, tmp_path, "break", {"reason": 1101})
            live = _aborted(early)
        with subscribed(broker.port) as late:
            assert late.next(LATHE) == (live, True)


def test_counters_come_by_themselves(broker: Broker, tmp_path: Path) -> None:
    with subscribed(broker.port) as subscriber, running("gateway", *_gateway(broker, tmp_path)):
        counters, _ = subscriber.next(LATHE.replace("status", "counters"))
        assert counters["processed"] >= 1
        assert counters["speed"] > 0


def _aborted(subscriber: Subscriber) -> dict[str, Any]:
    """What is said once it has come to rest."""
    while (told := subscriber.next(LATHE)[0])["state"] != 9:
        pass
    return dict(told)


def test_after_a_broker_restart_the_state_is_published_again_unchanged(tmp_path: Path) -> None:
    port = free_port()
    first = Broker(port=port, listen="127.0.0.1").start()
    with running("gateway", *_gateway(first, tmp_path)) as peer:
        with subscribed(port) as subscriber:
            subscriber.next(LATHE)
            _do(peer, tmp_path, "break", {"reason": 1101})
            before = _aborted(subscriber)
        first.stop()
        with Broker(port=port, listen="127.0.0.1"), subscribed(port) as subscriber:
            assert subscriber.next(LATHE)[0] == before


def test_a_killed_gateway_is_announced_and_comes_back_with_the_same_state(broker: Broker, tmp_path: Path) -> None:
    with subscribed(broker.port) as subscriber:
        with running("gateway", *_gateway(broker, tmp_path)) as peer:
            assert subscriber.next(LIFE)[0]["online"] is True
            _do(peer, tmp_path, "break", {"reason": 1101})
            broken = _aborted(subscriber)
        assert subscriber.next(LIFE)[0]["online"] is False
        with running("gateway", *_gateway(broker, tmp_path)) as peer:
            assert subscriber.next(LATHE)[0] == broken
            _do(peer, tmp_path, "clear")
            assert subscriber.next(LATHE)[0]["sequence"] == broken["sequence"] + 1
