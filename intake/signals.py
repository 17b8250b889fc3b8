"""Signals come in: committed to the inbox, once each, before anybody acknowledges them."""

from collections.abc import Sequence
from datetime import datetime

from domain.signals import RawSignal
from store.db import Database
from store.write import inbox


async def receive(database: Database, raws: Sequence[RawSignal], now: datetime) -> list[bool]:
    """Commit the signals; for each: was it new? When this returns they are durable."""
    if not raws:
        return []
    async with database.transaction() as session:
        return await inbox.add_signals(session, raws, now)


async def refuse(database: Database, door: str, reason: str, body: bytes, now: datetime) -> None:
    """Remember a call that was turned away at a door."""
    async with database.transaction() as session:
        await inbox.refuse(session, now, door, reason, body)
