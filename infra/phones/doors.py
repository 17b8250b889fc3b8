"""The vendors' own ports: each can be closed on order, so that the product's connections are refused."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from infra.phones.records import Vendor

Make = Callable[[], asyncio.BaseProtocol]
Live = Callable[[], Iterable[asyncio.BaseTransport]]


class Door:
    """One listening port; `live` names the transports that were accepted through it."""

    def __init__(self, port: int, make: Make, live: Live) -> None:
        self.port, self._make, self._live = port, make, live
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen; on the port of the first time when 0 was asked for."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._make, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse new connections and cut those that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
            for transport in list(self._live()):
                if isinstance(transport, asyncio.Transport):
                    transport.abort()


class Doors:
    """All ports by vendor. Slack has two: the Web API's, and the one of its WebSockets."""

    def __init__(self) -> None:
        self._doors: dict[str, tuple[Vendor, Door]] = {}
        self._builders: list[tuple[str, Vendor, Callable[[], Awaitable[Door]]]] = []

    def add(self, name: str, vendor: Vendor, door: Door) -> None:
        """Keep a door, still closed."""
        self._doors[name] = (vendor, door)

    def build(self, name: str, vendor: Vendor, builder: Callable[[], Awaitable[Door]]) -> None:
        """Keep a door that can only be made in the running loop."""
        self._builders.append((name, vendor, builder))

    async def open(self, vendor: Vendor | None = None) -> None:
        """Open the doors of one vendor, or all."""
        while self._builders:
            name, owner, builder = self._builders.pop()
            self.add(name, owner, await builder())
        for owner, door in self._doors.values():
            if vendor in (None, owner):
                await door.open()

    async def shut(self, vendor: Vendor | None = None) -> None:
        """Shut the doors of one vendor, or all."""
        for owner, door in self._doors.values():
            if vendor in (None, owner):
                await door.shut()

    def addresses(self) -> dict[str, str]:
        """host:port by door: slack, socket, twilio, email."""
        return {name: f"127.0.0.1:{door.port}" for name, (_, door) in self._doors.items()}
