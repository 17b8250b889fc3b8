"""Waking transactions: whoever changes a ledger row in the console marks it, and its workflow is started or nudged."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError

from activities.contracts import calls
from activities.contracts.model import PostRequest
from domain.books.outcomes import OutcomeTransaction
from domain.errors import TransientError
from intake.deliver import TASK_QUEUE
from store.db import Database
from store.read.books import ledger as read
from store.read.health import UNAVAILABLE
from store.tables import LedgerRow
from store.write.books import ledger

log = logging.getLogger("mos.nudger")
_AWAY: tuple[type[Exception], ...] = (*UNAVAILABLE, TransientError)
_EVERY_S = 0.5
_LOST_AFTER = timedelta(seconds=10)  # what is younger may be on its way to Temporal


class Nudger:
    """Signal-with-start: a transaction whose workflow runs looks again, one whose workflow ended or was lost begins a
    run of its own. Several nudges are as good as one."""

    def __init__(self, database: Database, client: Client, now: Callable[[], datetime]) -> None:
        self._database, self._client, self._now = database, client, now

    async def run(self) -> None:
        """Until cancelled. First everything that is not at its end, in case Temporal lost it."""
        begun = False
        while True:
            try:
                if not begun:
                    await self._begin()
                    begun = True
                await self.step()
            except _AWAY as error:
                log.warning("nudges wait: %s", str(error).split("\n")[0])
            await asyncio.sleep(_EVERY_S)

    async def step(self) -> int:
        """One round; gives how many were woken."""
        now = self._now()
        async with self._database.transaction() as session:
            rows = await read.to_nudge(session, now)
        done = [(row.id, row.nudge_at) for row in rows if row.nudge_at and await self._nudge(row)]
        if done:
            async with self._database.transaction() as session:
                await ledger.nudged(session, done)
        return len(done)

    async def _begin(self) -> None:
        now = self._now()
        async with self._database.transaction() as session:
            await ledger.nudge_unended(session, now - _LOST_AFTER, now)

    async def _nudge(self, row: LedgerRow) -> bool:
        try:
            await self._client.start_workflow(
                calls.TRANSACTION_WORKFLOW,
                request_of(row),
                id=row.id,
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal="nudge",
            )
        except RPCError as error:
            raise TransientError(f"Temporal does not answer: {error.message}") from error
        return True


def request_of(row: LedgerRow) -> PostRequest:
    """What its workflow is given: the ledger has the rest."""
    drafted = {"id": row.id, "key": row.key, "exception_id": row.exception_id, "system": row.system}
    transaction = OutcomeTransaction.model_validate(drafted | {"outcomes": row.outcomes, "decision": row.decision})
    return PostRequest(transaction=transaction, step=row.step, standing_version=row.standing_version)
