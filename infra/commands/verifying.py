"""Verifying a long audit chain in several processes, side by side."""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from admin.audit import auditing
from admin.audit.keys import Trusted
from domain.audit.verification import Report
from store.db import Database

Result = TypeVar("Result")
_LONG = 200_000  # a shorter chain is verified before other processes have begun


def whole(url: str, keys: Sequence[str], workers: int, *, long: int = _LONG) -> Report:
    """Look at all of it. What is found in a part is looked at again in one piece: only there can be told what was moved
    from one part to another."""
    parts = asyncio.run(_parts(url, workers, long)) if workers > 1 else []
    if len(parts) > 1:
        with ProcessPoolExecutor(len(parts), mp_context=multiprocessing.get_context("spawn")) as pool:
            reports = list(pool.map(_part, *zip(*((url, list(keys), *part) for part in parts), strict=True)))
        if all(report.good for report in reports):
            return _joined(reports)
    return _part(url, list(keys), 0, 0)


def _joined(reports: Sequence[Report]) -> Report:
    first, last = reports[0], reports[-1]
    return Report(
        first.first,
        last.last,
        last.hash,
        sum(report.records for report in reports),
        sum(report.heads for report in reports),
        sum(report.erased for report in reports),
        last.waiting,
    )


def _part(url: str, keys: list[str], first: int, last: int) -> Report:
    async def run(database: Database) -> Report:
        return await auditing.verify(database, Trusted(keys), first=first, last=last, joined=first > 0)

    return asyncio.run(_with(url, run))


async def _parts(url: str, workers: int, long: int) -> list[tuple[int, int]]:
    async def run(database: Database) -> list[tuple[int, int]]:
        return await auditing.parts(database, workers) if await auditing.length(database) >= long else []

    return await _with(url, run)


async def _with(url: str, run: Callable[[Database], Awaitable[Result]]) -> Result:
    database = Database(url, pool_size=1)
    try:
        return await run(database)
    finally:
        await database.close()
