"""Waiting for a condition instead of sleeping."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")
_PATIENCE = 100.0  # green runs never wait it


async def eventually(condition: Callable[[], Awaitable[Value]], what: str) -> Value:
    """The first true value of `condition`; fails with `what` when it never holds."""
    deadline = time.monotonic() + _PATIENCE
    while not (value := await condition()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        await asyncio.sleep(0.02)
    return value
