"""What every Source keeps to. A connector's test subclasses SourceConformance and gives a `machine` fixture."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol, TypeVar

import pytest

from connectors.roles import Normaliser, Source, SourceState
from domain.errors import TransientError
from domain.signals import RawSignal, SignalType
from tests.conformance.source.proxy import Proxy

T = TypeVar("T")


class Machine(Protocol):
    """A real peer with one machine whose state can be changed."""

    port: int
    secret: str
    normaliser: Normaliser

    def source(self, port: int, *, fresh: bool = False) -> Source:
        """A new source that connects to this port; `fresh`: the peer remembers nothing of an earlier one."""
        ...

    async def change(self) -> str:
        """Let the machine take on another state, and give its name in lower case."""
        ...


class Inbox:
    """Keeps what is accepted; can be away for some calls, as a database is."""

    def __init__(self) -> None:
        self.signals: list[RawSignal] = []
        self.states: list[SourceState] = []
        self.away = 0
        self._news = asyncio.Condition()

    async def accept(self, signals: Sequence[RawSignal]) -> None:
        if self.away:
            self.away -= 1
            raise TransientError("the database is away")
        async with self._news:
            self.signals.extend(signals)
            self._news.notify_all()

    async def report(self, state: SourceState) -> None:
        async with self._news:
            self.states.append(state)
            self._news.notify_all()

    async def until(self, look: Callable[[], T]) -> T:
        """Wait until it is true; the test's own timeout ends it."""
        async with self._news, asyncio.timeout(60):
            await self._news.wait_for(lambda: bool(look()))
            return look()

    def named(self, normaliser: Normaliser) -> list[str]:
        """The machine states seen, in order."""
        return [name for name, _ in self.states_seen(normaliser)]

    def ids_of(self, normaliser: Normaliser, name: str) -> set[str]:
        """The ids under which this machine state was offered."""
        return {event_id for seen, event_id in self.states_seen(normaliser) if seen == name}

    def states_seen(self, normaliser: Normaliser) -> list[tuple[str, str]]:
        """(name, id) of each machine state seen, in order; what else a peer reports beside them is left out."""
        signals = [(normaliser(raw), raw.event_id) for raw in self.signals]
        return [
            (str(signal.state), event_id)
            for signal, event_id in signals
            if signal.type is SignalType.MACHINE_STATE and signal.state
        ]


@contextlib.asynccontextmanager
async def reporting(source: Source, inbox: Inbox) -> AsyncIterator[None]:
    """The source runs while the block lasts, and has connected before it begins."""
    task = asyncio.create_task(source.run(inbox.accept, inbox.report))
    waiting = asyncio.create_task(inbox.until(lambda: any(state.connected for state in inbox.states)))
    try:
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        await waiting
        yield
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)


class SourceConformance:
    """Connects, reports, survives: the same for every protocol."""

    async def test_a_state_is_reported_with_its_time(self, machine: Machine) -> None:
        inbox = Inbox()
        source = machine.source(machine.port)
        async with reporting(source, inbox):
            await inbox.until(lambda: inbox.signals)
            name = await machine.change()
            await inbox.until(lambda: name in inbox.named(machine.normaliser))
        assert {signal.source for signal in inbox.signals} == {source.name}
        assert all(signal.occurred_at and signal.occurred_at.tzinfo for signal in inbox.signals)

    async def test_what_the_inbox_could_not_take_is_offered_again(self, machine: Machine) -> None:
        inbox = Inbox()
        async with reporting(machine.source(machine.port), inbox):
            await inbox.until(lambda: inbox.signals)
            inbox.away = 2
            name = await machine.change()
            await inbox.until(lambda: name in inbox.named(machine.normaliser))
        assert inbox.away == 0

    async def test_a_standing_state_seen_again_has_the_same_id(self, machine: Machine) -> None:
        first, second = Inbox(), Inbox()
        async with reporting(machine.source(machine.port), first):
            name = await machine.change()
            await first.until(lambda: name in first.named(machine.normaliser))
        async with reporting(machine.source(machine.port, fresh=True), second):
            await second.until(lambda: name in second.named(machine.normaliser))
        assert second.ids_of(machine.normaliser, name) <= first.ids_of(machine.normaliser, name)

    async def test_a_cut_connection_is_told_and_loses_nothing(self, machine: Machine) -> None:
        inbox = Inbox()
        async with Proxy(machine.port) as proxy, reporting(machine.source(proxy.port), inbox):
            await inbox.until(lambda: inbox.signals)
            await proxy.cut()
            await inbox.until(lambda: not inbox.states[-1].connected)
            seen = len(inbox.signals)
            names = [await machine.change(), await machine.change()]
            await proxy.restore()
            await inbox.until(lambda: inbox.states[-1].connected)
            await inbox.until(lambda: set(names) <= set(inbox.named(machine.normaliser)[seen:]))

    async def test_secrets_are_in_no_text(self, machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
        inbox = Inbox()
        source = machine.source(machine.port)
        with caplog.at_level(logging.DEBUG):
            async with reporting(source, inbox):
                await inbox.until(lambda: inbox.signals)
        texts = [
            repr(source),
            repr(inbox.states),
            repr(inbox.signals),
            *(record.getMessage() for record in caplog.records),
        ]
        leaks = [text[:200] for text in texts if machine.secret in text]
        assert not leaks
