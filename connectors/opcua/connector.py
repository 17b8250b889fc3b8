"""OPC UA as a Source: machine states with their companions, conditions, lost connections, bad quality."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from connectors.opcua.changes import Change, ConditionChange, RefreshMark, ValueChange
from connectors.opcua.client import OpcUaClient
from connectors.opcua.clocks import Clocks, Told, far_off
from connectors.opcua.config import MachineItems, OpcUaConfig
from connectors.opcua.mapping import condition_signal, gone, state_signal
from connectors.roles import Accept, SourceState
from domain.errors import TransientError
from domain.signals import RawSignal
from domain.values import Json

Report = Callable[[SourceState], Awaitable[None]]
_CURRENT_TIME = "i=2258"  # of the server
_COMPANIONS = ("unit_mode", "stop_code", "stop_reason", "blocked", "starved")


class OpcUaSource:
    """Reports until cancelled. Raises AuthError or ConfigError when an operator has to change a setting."""

    def __init__(self, config: OpcUaConfig, password: str) -> None:
        self.name = config.name
        self._config = config
        self._password = password
        self._machines = {machine.state: machine for machine in config.machines}
        self._poor: set[str] = set()
        self._standing: dict[str, RawSignal] = {}  # conditions with Retain, by condition id
        self._refreshed: set[str] | None = None  # seen since RefreshStart; None outside a refresh
        self._clocks = Clocks()
        self._clock_off = ""

    async def run(self, accept: Accept, report: Report) -> None:
        while True:
            await self._serve(await self._opened(report), accept, report)

    async def _serve(self, client: OpcUaClient, accept: Accept, report: Report) -> None:
        """While the server keeps our subscription, and until what it had sent by then is accepted."""
        pumping = asyncio.create_task(self._pump(client, accept, report))
        tasks = [asyncio.create_task(client.follow(self._lost(report), self._back(client, report))), pumping]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await pumping
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.close()

    async def _opened(self, report: Report) -> OpcUaClient:
        delay = 0.5
        while True:
            client = OpcUaClient(self._config, self._password)
            try:
                await client.connect()
                await report(SourceState(self.name, connected=True))
                await self._subscribe(client, report)
                return client
            except TransientError as error:
                await client.close()
                await report(SourceState(self.name, connected=False, detail=error.message))
            await asyncio.sleep(delay)
            delay = min(delay * 2, self._config.reconnect_max_delay)

    async def _subscribe(self, client: OpcUaClient, report: Report) -> None:
        await self._look_at_clock(client, report)
        refused = await client.watch(list(self._machines))
        for node, reason in refused.items():
            await self._quality(self._machines[node], False, f"{node}: {reason}", report)
        if self._config.conditions and await client.watch_conditions():
            await client.refresh_conditions()

    async def _look_at_clock(self, client: OpcUaClient, report: Report) -> None:
        """A server whose clock is wrong is told as a lost source of its own, and its times are not used."""
        before = self._clock_off
        self._clock_off = far_off((await client.read([_CURRENT_TIME]))[0], datetime.now(UTC))
        if bool(before) != bool(self._clock_off):
            source = f"{self.name}/server-clock"
            await report(SourceState(source, connected=not self._clock_off, detail=self._clock_off))

    def _moment(self, key: str, change: ValueChange | ConditionChange, value: Json, *, present: bool) -> datetime:
        at = None if self._clock_off else change.at
        return self._clocks.moment(key, Told(at, value, present, change.replayed), datetime.now(UTC))

    def _lost(self, report: Report) -> Callable[[str], Awaitable[None]]:
        return lambda detail: report(SourceState(self.name, connected=False, detail=detail))

    def _back(self, client: OpcUaClient, report: Report) -> Callable[[], Awaitable[None]]:
        async def back() -> None:
            await report(SourceState(self.name, connected=True))
            if self._config.conditions:
                await client.refresh_conditions()

        return back

    async def _pump(self, client: OpcUaClient, accept: Accept, report: Report) -> None:
        async for changes in client.changes(self._config.batch):
            signals: list[RawSignal] = []
            for change in changes:
                signals += await self._signals(change, client, report)
            if signals:
                await self._commit(accept, signals)

    async def _commit(self, accept: Accept, signals: list[RawSignal]) -> None:
        """Held until the inbox has them; meanwhile the subscription's queue fills, never silently."""
        delay = 0.2
        while True:
            try:
                return await accept(signals)
            except TransientError:
                await asyncio.sleep(delay)
                delay = min(delay * 2, self._config.reconnect_max_delay)

    async def _signals(self, change: Change, client: OpcUaClient, report: Report) -> list[RawSignal]:
        if isinstance(change, ValueChange):
            return await self._state(change, client, report)
        if isinstance(change, ConditionChange):
            return self._condition(change)
        return self._refresh(change)

    async def _state(self, change: ValueChange, client: OpcUaClient, report: Report) -> list[RawSignal]:
        machine = self._machines[change.node]
        await self._quality(machine, change.good, f"{change.node}: {change.status}", report)
        if not change.good:
            return []  # Bad and Uncertain say something about the signal, nothing about the machine
        companions = await self._companions(machine, client)
        planned = companions["stop_code"] in self._config.planned_reasons
        body = {
            "equipment": machine.equipment,
            "state": change.value,
            "status": change.status,
            "planned_reason": planned,
        }
        at = self._moment(change.node, change, change.value, present=change.present)
        return [state_signal(self.name, change.node, at, body | companions)]

    async def _companions(self, machine: MachineItems, client: OpcUaClient) -> dict[str, Json]:
        named = {name: str(getattr(machine, name)) for name in _COMPANIONS}
        asked = [name for name in _COMPANIONS if named[name]]
        values = await client.read([named[name] for name in asked]) if asked else []
        return dict.fromkeys(_COMPANIONS) | dict(zip(asked, values, strict=True))

    async def _quality(self, machine: MachineItems, good: bool, detail: str, report: Report) -> None:
        """Poor quality is told once for each machine, as a lost source of its own name."""
        if good == (machine.equipment not in self._poor):
            return
        (self._poor.discard if good else self._poor.add)(machine.equipment)
        source = f"{self.name}/{machine.equipment}"
        await report(SourceState(source, connected=good, detail="" if good else detail))

    def _condition(self, change: ConditionChange) -> list[RawSignal]:
        equipment = self._config.machine_of(change.source_node) or str(change.fields["source_name"])
        key = str(change.fields["condition_id"])
        at = self._moment(f"#{key}", change, change.fields["event_id"], present=self._refreshed is not None)
        signal = condition_signal(self.name, at, {"equipment": equipment, **change.fields})
        if self._refreshed is not None:
            self._refreshed.add(key)
        if change.fields["retain"]:
            self._standing[key] = signal
        else:
            self._standing.pop(key, None)
        return [signal]

    def _refresh(self, mark: RefreshMark) -> list[RawSignal]:
        if mark.started:
            self._refreshed = set()
            return []
        missing = [key for key in self._standing if key not in (self._refreshed or set())]
        self._refreshed = None
        return [gone(self._standing.pop(key), datetime.now(UTC)) for key in missing]


def build(config: OpcUaConfig, secrets: Mapping[str, str]) -> OpcUaSource:
    """`secrets`: password of `config.user` (may be absent without one)."""
    return OpcUaSource(config, secrets.get("password", ""))
