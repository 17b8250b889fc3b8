"""The fault proxy against a counting server: what the system got, and what the client saw, for each kind of fault."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from infra.standins.fault_proxy import FaultProxy, read_message
from infra.standins.faults import EVERY, PLACES, SILENT, Cut, Drawn, Fault, Place, Plan, Script, cut_at

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nit was done."


class Counting:
    """Counts whole requests, and beginnings of requests that never became whole."""

    def __init__(self) -> None:
        self.whole = self.parts = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await read_message(reader):
                self.whole += 1
                writer.write(ANSWER)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            self.parts += 1
        writer.close()


CASES = [
    (Drawn(Fault.NONE), 1, 0, True),
    (Drawn(Fault.BEFORE_SEND), 0, 0, False),
    *((Drawn(Fault.MID_REQUEST, cut), 0, 1, False) for cut in Cut),
    (Drawn(Fault.AFTER_COMMIT), 1, 0, False),
    *((Drawn(Fault.MID_RESPONSE, cut), 1, 0, False) for cut in Cut),
    (Drawn(Fault.DELAY_REQUEST, seconds=0.01), 1, 0, True),
    (Drawn(Fault.DELAY_RESPONSE, seconds=0.01), 1, 0, True),
    (Drawn(Fault.DUPLICATE), 2, 0, True),
    (Drawn(Fault.DUPLICATE_AT_ONCE), 2, 0, True),
    (Drawn(Fault.LATE, seconds=0.01), 1, 0, False),
    *((Drawn(Fault.STALL_REQUEST, cut, 0.01), 1, 0, True) for cut in Cut),
    *((Drawn(Fault.STALL_RESPONSE, cut, 0.01), 1, 0, True) for cut in Cut),
    *((Drawn(Fault.DUPLICATE_PART, cut), 1, 1, True) for cut in Cut),
    (Drawn(Fault.DUPLICATE_CUT), 2, 0, False),
    (Drawn(Fault.SILENT_BEFORE_SEND), 0, 0, False),
    (Drawn(Fault.SILENT_MID_REQUEST), 0, 1, False),
    (Drawn(Fault.SILENT_AFTER_COMMIT), 1, 0, False),
    (Drawn(Fault.SILENT_MID_RESPONSE), 1, 0, False),
]
PATIENCE_S = 0.05  # of the caller


@pytest.mark.parametrize("drawn, whole, parts, answered", CASES, ids=lambda value: str(getattr(value, "fault", value)))
async def test_each_fault_does_what_its_name_says(drawn: Drawn, whole: int, parts: int, answered: bool) -> None:
    system = Counting()
    async with system.serving() as port:
        proxy = FaultProxy("127.0.0.1", port, Script(drawn))
        async with proxy.serving() as url, httpx.AsyncClient(base_url=url, verify=False, timeout=60) as client:
            if answered:
                assert (await client.post("/", content=b"x" * 40)).text == "it was done."
            elif drawn.fault in SILENT:
                await until_enough(client, proxy)
            else:
                with pytest.raises(httpx.TransportError):
                    await client.post("/", content=b"x" * 40)
            assert (await client.post("/", content=b"y")).text == "it was done."
        assert system.whole == whole + 1
        async with asyncio.timeout(60):
            while system.parts < parts:
                await asyncio.sleep(0)
        assert system.parts == parts
        assert [exchange.fault for exchange in proxy.exchanges] == [drawn.fault, Fault.NONE]


async def until_enough(client: httpx.AsyncClient, proxy: FaultProxy) -> None:
    """Nothing but the caller's patience ends it."""
    with pytest.raises(httpx.ReadTimeout):
        await client.post("/", content=b"x" * 40, timeout=httpx.Timeout(60, read=PATIENCE_S))
    async with asyncio.timeout(60):
        while not proxy.exchanges:
            await asyncio.sleep(0)


def test_every_way_of_going_wrong_is_tried_at_every_place() -> None:
    assert set(PLACES) == {"cut", "drop", "delay", "duplicate"}
    placed = [fault for way in PLACES.values() for place in Place for fault in way[place]]
    assert sorted(placed) == sorted(set(Fault) - {Fault.NONE}) == sorted(EVERY), "each once"
    assert {case[0].fault for case in CASES} == set(Fault)


def test_the_same_seed_draws_the_same_faults() -> None:
    first, second, other = ([plan.draw(b"GET / HTTP/1.1\r\n\r\n") for _ in range(50)] for plan in map(Plan, (7, 7, 8)))
    assert first == second != other
    assert {drawn.fault for drawn in first} > {Fault.NONE, Fault.LATE}


def test_cuts_fall_into_their_classes() -> None:
    head = ANSWER.index(b"it")
    assert [cut_at(ANSWER, cut) for cut in Cut] == [1, head // 2, head, head + 6, len(ANSWER) - 1]
    assert cut_at(b"GET / HTTP/1.1\r\n\r\n", Cut.AFTER_HEAD) == 17
