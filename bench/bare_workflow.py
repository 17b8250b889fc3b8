"""The job as a bare Temporal workflow: nothing durable but Temporal, no dedup, audit, outbox or projection."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from bench.job import PEOPLE, QUERIES

_LIMIT = timedelta(seconds=30)


@dataclass
class Given:
    """`local_gathers`: the gathers as local activities, the one tuning that shows in the workflow itself."""

    lot: str
    local_gathers: bool = False


@workflow.defn(name="BareJob")
class BareJob:
    """Gather, tell, wait, post."""

    def __init__(self) -> None:
        self._approved = False

    @workflow.signal
    def approve(self) -> None:
        """The person said yes."""
        self._approved = True

    @workflow.run
    async def run(self, given: Given) -> str:
        """The ERP's document."""
        lot = given.lot
        found = await asyncio.gather(*(self._gather(given, name) for name in QUERIES))
        text = f"Release {lot}? {found[2]}"
        await asyncio.gather(*(self._activity("chat", [person, lot, text]) for person in PEOPLE))
        await workflow.wait_condition(lambda: self._approved)
        return str(await self._activity("post", [workflow.info().workflow_id, lot]))

    def _gather(self, given: Given, name: str) -> Awaitable[Any]:
        if not given.local_gathers:
            return self._activity("gather", [name, given.lot])
        return workflow.execute_local_activity("gather", args=[name, given.lot], start_to_close_timeout=_LIMIT)

    def _activity(self, name: str, arguments: list[str]) -> Awaitable[Any]:
        return workflow.execute_activity(name, args=arguments, start_to_close_timeout=_LIMIT)
