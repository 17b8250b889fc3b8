"""The MQTT gateway of the plant: `python -m infra.plant.gateway`. Topics and payloads: README.md."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any
from urllib.parse import SplitResult, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from infra.plant.catalogue import Catalogue
from infra.plant.clock import real_now
from infra.plant.files import PLANT_TOKEN, secret
from infra.plant.machine import STATE_NAMES, AlarmRecord, Machine, MachinePark
from infra.plant.machine_control import control_app
from infra.plant.process import (
    HOST,
    listen,
    plant_parser,
    port_of,
    read_catalogue,
    ready,
    run,
    serving,
    until_told_to_stop,
)

_COUNTERS_EVERY_S = 5


class MqttDisplay:
    """Shows every machine of a park as retained Unified Namespace topics (MQTT 3.1.1, paho)."""

    def __init__(self, catalogue: Catalogue, park: MachinePark, url: SplitResult) -> None:
        self._catalogue = catalogue
        self._park = park
        self._url = url
        self._loop: asyncio.AbstractEventLoop | None = None
        site = catalogue.site
        self._life_topic = f"{site.enterprise}/{site.site}/_gateways/gateway-1/status"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"{site.site}-gateway-1")
        self._client.on_connect = self._on_connect
        self._client.reconnect_delay_set(min_delay=1, max_delay=5)
        self._client.will_set(self._life_topic, _life(online=False), qos=1, retain=True)
        if url.username:
            self._client.username_pw_set(url.username, url.password)
        for machine in park.machines.values():
            machine.display = self

    def start(self) -> None:
        """Connect in the background, as often as it takes: the broker may start later or go away."""
        self._loop = asyncio.get_running_loop()
        self._client.connect_async(self._url.hostname or HOST, self._url.port or 1883, keepalive=10)
        self._client.loop_start()

    def stop(self) -> None:
        """Say that the gateway leaves, and leave."""
        if self._client.is_connected():
            self._client.publish(self._life_topic, _life(online=False), qos=1, retain=True).wait_for_publish(2)
        self._client.disconnect()
        self._client.loop_stop()

    async def show_state(self, machine: Machine) -> None:
        """Save, then publish: a sequence number that was seen is never used again."""
        self._park.save()
        if self._client.is_connected():
            self._publish_state(machine)

    async def show_counters(self, machine: Machine) -> None:
        """Counters have their own rhythm on this protocol."""

    async def show_alarm(self, machine: Machine, alarm: AlarmRecord, *, active: bool) -> None:
        """This protocol has no alarms: the state and its stop reason say it."""
        self._park.save()

    def publish_counters(self) -> None:
        """Publish every machine's counters once; lost ones are of no interest, the next are near."""
        if not self._client.is_connected():
            return
        for machine in self._park.machines.values():
            record = machine.record
            body = {"timestamp": real_now().isoformat(), "processed": record.processed, "defective": record.defective}
            self._client.publish(self._topic(machine, "counters"), json.dumps(body | {"speed": machine.speed}), qos=0)

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        # Called in paho's thread: records are read in the event loop only, or an older state could be sent last.
        if self._loop is not None and not reason.is_failure:
            self._loop.call_soon_threadsafe(self._publish_everything)

    def _publish_everything(self) -> None:
        # What changed while the broker was away is published now. Older changes in between are gone, as with any
        # gateway that keeps only the last state; `sequence` shows the gap.
        self._client.publish(self._life_topic, _life(online=True), qos=1, retain=True)
        for machine in self._park.machines.values():
            self._publish_state(machine)

    def _publish_state(self, machine: Machine) -> None:
        self._client.publish(self._topic(machine, "status"), json.dumps(state_payload(machine)), qos=1, retain=True)

    def _topic(self, machine: Machine, leaf: str) -> str:
        return f"{self._catalogue.path_of(machine.unit.id)}/{leaf}"


def state_payload(machine: Machine) -> dict[str, Any]:
    """The status message: the timestamp is when the state was taken on, not when it is sent."""
    record = machine.record
    reason = record.reason
    return {
        "timestamp": record.state_since.isoformat(),
        "state": record.state,
        "state_name": STATE_NAMES[record.state],
        "unit_mode": record.unit_mode,
        "stop_reason": {"code": reason.code, "text": reason.text} if reason else None,
        "sequence": record.sequence,
    }


def _life(*, online: bool) -> str:
    return json.dumps({"timestamp": real_now().isoformat(), "online": online})


async def work(park: MachinePark, display: MqttDisplay) -> None:
    """Let the machines work, for ever; publish counters every 5 s."""
    seconds = 0
    while True:
        await asyncio.sleep(1)
        for machine in park.machines.values():
            await machine.tick()
        seconds += 1
        if seconds % _COUNTERS_EVERY_S == 0:
            display.publish_counters()
            park.save()


async def serve(options: argparse.Namespace) -> None:
    """Run the gateway until told to stop."""
    options.data.mkdir(parents=True, exist_ok=True)
    catalogue = read_catalogue(options.catalogue)
    units = catalogue.units_speaking("mqtt")
    park = MachinePark(catalogue, units, options.data / "gateway.json", seed=options.seed, pace_s=options.pace)
    control = listen(options.control_port)
    display = MqttDisplay(catalogue, park, options.mqtt_url)
    for machine in park.machines.values():
        await machine.resume()
    display.start()
    async with serving(control_app(park, secret(options.data, PLANT_TOKEN)), control):
        ready("gateway-control", f"http://{HOST}:{port_of(control)}")
        working = asyncio.create_task(work(park, display))
        await until_told_to_stop()
        working.cancel()
    display.stop()
    park.save()


def _broker_url(text: str) -> SplitResult:
    url = urlsplit(text)
    if url.scheme != "mqtt" or not url.hostname:
        raise argparse.ArgumentTypeError("give the broker as mqtt://host:port")
    return url


def main() -> None:
    """Command line of the gateway."""
    parser = plant_parser("gateway", "The machines that report by MQTT.")
    parser.add_argument("--mqtt-url", type=_broker_url, required=True, help="mqtt://host:port")
    parser.add_argument("--control-port", type=int, required=True, help="HTTP control port, 0 = a free one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pace", type=float, default=0.2, help="seconds between two steps of a transition")
    run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
