"""What came in and belongs to no exception is told to the console's open pages as well."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from connectors.roles import SourceState
from domain.signals import RawSignal
from intake import signals
from intake.sources import raw_state
from store.db import CHANGED, INBOX
from store.listen import notifications
from tests.intake.hand import START, Hand


async def unreadable(hand: Hand) -> None:
    await hand.receive(RawSignal(source="uns", event_id="a", kind="mqtt.uns", body={}))
    await hand.turn()


async def source_lost(hand: Hand) -> None:
    await hand.receive(raw_state(SourceState("opcua", connected=False, detail="refused"), START))
    await hand.turn()


async def refused_call(hand: Hand) -> None:
    await signals.refuse(hand.database, "webhook", "bad signature", b"", START)


@pytest.mark.parametrize("happens", [unreadable, source_lost, refused_call])
async def test_open_pages_hear_of_it(hand: Hand, happens: Callable[[Hand], Awaitable[None]]) -> None:
    async with asyncio.timeout(20):
        told = notifications(hand.database.url, [CHANGED])
        assert await anext(told) == (CHANGED, "")  # it listens now
        await happens(hand)
        assert await anext(told) == (CHANGED, INBOX)
        await told.aclose()  # type: ignore[attr-defined]
