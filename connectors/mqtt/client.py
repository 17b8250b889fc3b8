"""The only place that knows paho: its network thread hands messages to our event loop."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from connectors.mqtt.config import MqttConfig

_QOS = 1


@dataclass(frozen=True)
class Message:
    """One message; `connection` counts our connects: packet ids of an older one are no longer ours to acknowledge."""

    topic: str
    payload: bytes
    retained: bool
    qos: int
    mid: int
    connection: int


@dataclass(frozen=True)
class Link:
    """The connection came or went. `resumed`: the broker kept our session; `refused`: it does not want us."""

    connected: bool
    detail: str = ""
    resumed: bool = True
    refused: bool = False


class MqttClient:
    """One broker connection with a durable session (MQTT 3.1.1 clean session off; MQTT 5 clean start off with expiry).

    A message is acknowledged by `done` only: until then the broker keeps it and sends it again. At most `in_flight` are
    taken and not done; then the network thread waits, and the broker with it.
    """

    def __init__(self, config: MqttConfig, password: str, topics: Sequence[str]) -> None:
        self._config = config
        self._topics = list(topics)
        self._connection = 0
        self._stopped = threading.Event()
        self._slots = threading.Semaphore(config.in_flight)
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[Message | Link] = asyncio.Queue()  # bounded by the slots
        self._client = self._make(password)

    def _make(self, password: str) -> paho.Client:
        five = self._config.version == "5"
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._config.client_id,
            clean_session=None if five else False,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        if self._config.user:
            client.username_pw_set(self._config.user, password)
        if self._config.tls:
            client.tls_set(ca_certs=str(self._config.ca_file) if self._config.ca_file else None)
        client.reconnect_delay_set(1, self._config.reconnect_max_delay)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def start(self) -> None:
        """Connect in the background and keep connected."""
        properties: Properties | None = None
        if self._config.version == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = self._config.session_expiry
        self._client.connect_async(
            self._config.host,
            self._config.port,
            self._config.keepalive,
            clean_start=False if properties else paho.MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )
        self._client.loop_start()

    async def stop(self) -> None:
        """Leave without ending the session: the broker keeps what comes meanwhile."""
        self._stopped.set()
        self._slots.release()
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def arrivals(self, limit: int) -> AsyncIterator[list[Message | Link]]:
        """Batches of up to `limit` in the order of arrival."""
        while True:
            batch = [await self._arrived.get()]
            while len(batch) < limit and not self._arrived.empty():
                batch.append(self._arrived.get_nowait())
            yield batch

    def done(self, message: Message) -> None:
        """The message is safe with us: acknowledge it, unless its connection is gone (it comes again)."""
        self._slots.release()
        if message.qos and message.connection == self._connection:
            self._client.ack(message.mid, message.qos)

    def _hand_over(self, item: Message | Link) -> None:
        if not self._stopped.is_set() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrived.put_nowait, item)

    def _on_connect(self, client: paho.Client, _: object, flags: Any, code: ReasonCode, __: object) -> None:
        if code.is_failure:
            self._hand_over(Link(connected=False, detail=str(code), refused=code.getName() in _REFUSED))
            return
        self._connection += 1
        if self._topics:
            client.subscribe([(topic, _QOS) for topic in self._topics])  # the broker sends retained states again
        self._hand_over(Link(connected=True, resumed=bool(flags.session_present)))

    def _on_connect_fail(self, _: paho.Client, __: object) -> None:
        self._hand_over(Link(connected=False, detail="the broker cannot be reached"))

    def _on_disconnect(self, _: paho.Client, __: object, ___: object, code: ReasonCode, ____: object) -> None:
        self._hand_over(Link(connected=False, detail=str(code)))

    def _on_message(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        self._slots.acquire()  # waits in paho's own thread, so the socket fills and the broker slows down
        item = Message(
            message.topic, bytes(message.payload), message.retain, message.qos, message.mid, self._connection
        )
        self._hand_over(item)


_REFUSED = frozenset({"Bad user name or password", "Not authorized", "Client identifier not valid", "Banned"})
