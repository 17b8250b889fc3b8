"""A TCP relay that can be cut and restored, or hang: a network that fails between a client and its real peer."""

import asyncio
import contextlib
from types import TracebackType


class Proxy:
    """Relays a free loopback port to `target`. `cut` closes everything and listens no more. What goes `there` or comes
    `back` is kept while that is cleared: the connections stand, and nothing is answered."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.there, self.back = asyncio.Event(), asyncio.Event()
        self.there.set()
        self.back.set()

    async def __aenter__(self) -> "Proxy":
        await self.restore()
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.cut()

    async def restore(self, target: int = 0) -> None:
        """Listen again; `target`: the peer came back as another."""
        self._target = target or self._target
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        self.there.set()
        self.back.set()
        if self._server:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            theirs, ours = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(ours)
        await asyncio.gather(_relay(reader, ours, self.there), _relay(theirs, writer, self.back))
        self._writers -= {writer, ours}


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            await flows.wait()
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
