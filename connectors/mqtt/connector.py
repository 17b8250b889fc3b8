"""MQTT as a Source: machine states from a Unified Namespace, acknowledged to the broker after they are committed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from connectors.mqtt.client import Link, Message, MqttClient
from connectors.mqtt.config import MqttConfig
from connectors.mqtt.mapping import gateway_online, match, topic_filter, uns_signal
from connectors.roles import Accept, SourceState
from domain.errors import AuthError, TransientError
from domain.signals import RawSignal

Report = Callable[[SourceState], Awaitable[None]]


class MqttSource:
    """Reports until cancelled. Raises AuthError when the broker refuses our user."""

    def __init__(self, config: MqttConfig, password: str) -> None:
        self.name = config.name
        self._config = config
        self._password = password
        self._seen = False  # connected once: a lost session is then a gap

    async def run(self, accept: Accept, report: Report) -> None:
        topics = [topic_filter(pattern) for pattern in (self._config.states, self._config.gateways) if pattern]
        client = MqttClient(self._config, self._password, topics)
        client.start()
        try:
            async for batch in client.arrivals(self._config.batch):
                await self._take(batch, client, accept, report)
        finally:
            await client.stop()

    async def _take(self, batch: Sequence[Message | Link], client: MqttClient, accept: Accept, report: Report) -> None:
        messages = [item for item in batch if isinstance(item, Message)]
        signals = [signal for signal in map(self._signal, messages) if signal is not None]
        if signals:
            await self._commit(accept, signals)
        for item in batch:
            if isinstance(item, Link):
                await self._link(item, report)
            else:
                await self._gateway(item, report)
                client.done(item)

    async def _commit(self, accept: Accept, signals: list[RawSignal]) -> None:
        """Held until the inbox has them; the broker waits with us."""
        delay = 0.2
        while True:
            try:
                return await accept(signals)
            except TransientError:
                await asyncio.sleep(delay)
                delay = min(delay * 2, self._config.reconnect_max_delay)

    def _signal(self, message: Message) -> RawSignal | None:
        named = match(self._config.states, message.topic)
        if named is None:
            return None
        return uns_signal(
            self.name,
            message.topic,
            message.payload,
            equipment=named["equipment"],
            retained=message.retained,
            planned=self._config.planned_reasons,
        )

    async def _gateway(self, message: Message, report: Report) -> None:
        named = match(self._config.gateways, message.topic) if self._config.gateways else None
        online = gateway_online(message.payload) if named else None
        if named and online is not None:
            detail = "" if online else "the gateway went offline; the states of its machines are stale"
            await report(SourceState(f"{self.name}/{named['gateway']}", connected=online, detail=detail))

    async def _link(self, link: Link, report: Report) -> None:
        detail = link.detail
        if link.connected:
            detail = "" if link.resumed or not self._seen else "possible loss: the broker had no session of ours"
            self._seen = True
        await report(SourceState(self.name, connected=link.connected, detail=detail))
        if link.refused:
            raise AuthError("The MQTT broker refused our user: correct user and password.", detail=link.detail)


def build(config: MqttConfig, secrets: Mapping[str, str]) -> MqttSource:
    """`secrets`: password of `config.user` (may be absent without one)."""
    return MqttSource(config, secrets.get("password", ""))
