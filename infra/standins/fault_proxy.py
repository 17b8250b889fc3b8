"""A proxy between product and ERP that drops, delays, doubles and cuts exchanges on order, byte for byte.

It reads HTTP/1.1 only to know where messages begin and end, and changes none of their bytes. Every request goes to the
system over a connection of its own. `python -m infra.standins.fault_proxy --upstream HOST:PORT --seed N`.
"""

import argparse
import asyncio
import json
import sys
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Protocol

from infra.standins.faults import SILENT, Drawn, Fault, Plan, cut_at

LIMIT = 64 * 1024 * 1024
_BODILESS = (b"204", b"304")
_UNANSWERED = (Fault.BEFORE_SEND, Fault.MID_REQUEST, Fault.SILENT_BEFORE_SEND, Fault.SILENT_MID_REQUEST, Fault.LATE)
_IN_PART = (Fault.MID_REQUEST, Fault.SILENT_MID_REQUEST)
_ANSWER_LOST = (Fault.AFTER_COMMIT, Fault.SILENT_AFTER_COMMIT)
_ANSWER_CUT = (Fault.MID_RESPONSE, Fault.SILENT_MID_RESPONSE, Fault.DUPLICATE_CUT)
_TWICE = (Fault.DUPLICATE, Fault.DUPLICATE_AT_ONCE, Fault.DUPLICATE_CUT)
_BROKEN = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


class Draws(Protocol):
    """A Plan or a Script."""

    def draw(self, request: bytes) -> Drawn: ...


@dataclass(frozen=True)
class Exchange:
    """What happened to one request; `reached`: how often the system got all of it."""

    line: str
    fault: str
    cut: str
    reached: int


class FaultProxy:
    """`plan` may be exchanged at any time. `exchanges` tell what was done, in order."""

    def __init__(self, host: str, port: int, plan: Draws) -> None:
        self._host, self._port = host, port
        self.plan = plan
        self.exchanges: list[Exchange] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: set[asyncio.Task[None]] = set()

    def counts(self) -> Counter[str]:
        """Exchanges by fault."""
        return Counter(exchange.fault for exchange in self.exchanges)

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """Listen on loopback; gives `http://127.0.0.1:<port>`. What is late has arrived when it is left."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=LIMIT)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            await self.settled()
            for task in list(self._clients):
                task.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        own = asyncio.current_task()
        assert own is not None
        self._clients.add(own)
        try:
            while request := await read_message(reader):
                drawn = self.plan.draw(request)
                if not await self._exchange(request, writer, drawn):
                    if drawn.fault in SILENT:
                        await reader.read()  # until the client has had enough
                    break
        except _BROKEN:
            pass  # the client has gone
        except asyncio.CancelledError:
            pass  # the proxy is being shut: asyncio's streams log a task that ends cancelled
        finally:
            self._clients.discard(own)
            writer.transport.abort()

    async def _exchange(self, request: bytes, client: StreamWriter, drawn: Drawn) -> bool:
        """Whether the client's connection lives on."""
        fault = drawn.fault
        if fault is Fault.DELAY_REQUEST:
            await asyncio.sleep(drawn.seconds)
        if fault in _UNANSWERED:
            return await self._unanswered(request, drawn)
        answer = await self._answer(request, drawn)
        self._note(request, drawn, 2 if fault in _TWICE else 1)
        if fault in _ANSWER_LOST or not answer:
            return False
        if fault is Fault.DELAY_RESPONSE:
            await asyncio.sleep(drawn.seconds)
        return await self._hand_over(answer, client, drawn)

    async def _hand_over(self, answer: bytes, client: StreamWriter, drawn: Drawn) -> bool:
        whole = drawn.fault not in _ANSWER_CUT
        begun = 0 if whole and drawn.fault is not Fault.STALL_RESPONSE else cut_at(answer, drawn.cut)
        client.write(answer[:begun])
        if begun:
            await client.drain()
        if not whole:
            await _flushed(client)
            return False
        if begun:
            await asyncio.sleep(drawn.seconds)
        client.write(answer[begun:])
        await client.drain()
        return b"connection: close" not in answer.partition(b"\r\n\r\n")[0].lower()

    async def _unanswered(self, request: bytes, drawn: Drawn) -> bool:
        if drawn.fault in _IN_PART:
            await self._send(request[: cut_at(request, drawn.cut)], wait=False)
        self._note(request, drawn, int(drawn.fault is Fault.LATE))
        if drawn.fault is Fault.LATE:
            task = asyncio.create_task(self._later(request, drawn.seconds))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return False

    async def _later(self, request: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._send(request)

    async def _answer(self, request: bytes, drawn: Drawn) -> bytes:
        if drawn.fault is Fault.DUPLICATE_AT_ONCE:
            first, _ = await asyncio.gather(self._send(request), self._send(request))
            return first
        if drawn.fault is Fault.DUPLICATE_PART:
            await self._send(request[: cut_at(request, drawn.cut)], wait=False)
        if drawn.fault is Fault.STALL_REQUEST:
            return await self._send(request, first=cut_at(request, drawn.cut), pause=drawn.seconds)
        answer = await self._send(request)
        if drawn.fault in (Fault.DUPLICATE, Fault.DUPLICATE_CUT):
            await self._send(request)
        return answer

    async def _send(self, data: bytes, *, wait: bool = True, first: int = 0, pause: float = 0.0) -> bytes:
        """The system's answer; empty when it breaks off, or when nobody waits for it. `first`: so many bytes go before
        the pause."""
        try:
            reader, writer = await asyncio.open_connection(self._host, self._port, limit=LIMIT)
        except OSError:
            return b""
        try:
            if first:
                writer.write(data[:first])
                await writer.drain()
                await asyncio.sleep(pause)
            writer.write(data[first:])
            await writer.drain()
            if not wait:
                await _flushed(writer)
                return b""
            return await read_message(reader, head_only=data.startswith(b"HEAD "))
        except _BROKEN:
            return b""
        finally:
            writer.transport.abort()

    def _note(self, request: bytes, drawn: Drawn, reached: int) -> None:
        line = request.partition(b"\r\n")[0].decode("latin-1")
        self.exchanges.append(Exchange(line, drawn.fault, drawn.cut, reached))


async def _flushed(writer: StreamWriter) -> None:
    """What was written has left this process: an abort would drop it."""
    writer.transport.set_write_buffer_limits(0)
    await writer.drain()


async def read_message(reader: StreamReader, *, head_only: bool = False) -> bytes:
    """One request or answer, as its bytes; empty at the end of the connection. Raises IncompleteReadError."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if not end.partial:
            return b""
        raise
    fields = _fields(head)
    status = head.split(b" ", 2)[1] if head.startswith(b"HTTP/") else b""
    if head_only or status in _BODILESS:
        return head
    if b"chunked" in fields.get(b"transfer-encoding", b"").lower():
        return head + await _chunks(reader)
    if b"content-length" in fields:
        return head + await reader.readexactly(int(fields[b"content-length"]))
    return head + (await reader.read() if status else b"")


def _fields(head: bytes) -> dict[bytes, bytes]:
    lines = [line.partition(b":") for line in head.split(b"\r\n")[1:] if line]
    return {name.strip().lower(): value.strip() for name, _, value in lines}


async def _chunks(reader: StreamReader) -> bytes:
    found = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        length = int(size.split(b";")[0], 16)
        found += size + await reader.readexactly(length + 2)
        if length == 0:
            return found


async def _main(arguments: argparse.Namespace) -> None:
    host, _, port = arguments.upstream.rpartition(":")
    proxy = FaultProxy(host, int(port), Plan(arguments.seed, rate=arguments.rate, seconds=arguments.seconds))
    async with proxy.serving(arguments.port) as url:
        print(f"fault proxy: {url}/ -> {arguments.upstream}", flush=True)
        told = 0
        while True:
            await asyncio.sleep(0.2)
            for exchange in proxy.exchanges[told:]:
                print(json.dumps(asdict(exchange)), flush=True)
            told = len(proxy.exchanges)


def main() -> int:
    """Run until a signal; one line of JSON for each exchange."""
    parser = argparse.ArgumentParser(prog="python -m infra.standins.fault_proxy", description=__doc__)
    parser.add_argument("--upstream", required=True, help="host:port of the system")
    parser.add_argument("--port", type=int, default=0, help="0 = a free one; the address is printed")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rate", type=float, default=0.5)
    parser.add_argument("--seconds", type=float, default=0.1, help="the longest delay")
    try:
        asyncio.run(_main(parser.parse_args()))
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
