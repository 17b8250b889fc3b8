"""Reconciliation: what the ledger says is in the books against what stands there, both ways, outside Temporal.

Each posting is read back once soon after, and again when somebody asks for it. A field that a later transaction of ours
has set anew is no difference. What carries a key of ours and is in no ledger is told to the auditor.
"""

import asyncio
import logging
from datetime import timedelta

from activities.posting_life import Life
from activities.world import World
from connectors.roles import Reconciler
from domain.books.booking import ReadBack
from domain.books.ledger import Event, step
from domain.books.outcomes import Receipt
from domain.errors import MosError
from domain.values import Json
from store.read import ledger as read
from store.read.health import UNAVAILABLE
from store.tables import LedgerRow
from store.write import exceptions, ledger

log = logging.getLogger("mos.reconciler")
_AWAY: tuple[type[Exception], ...] = (*UNAVAILABLE, MosError)
_EVERY_S = 15.0
_SETTLED = timedelta(seconds=10)
_STRANGERS_EVERY = 240  # rounds: about an hour
_BACK = timedelta(days=7)


class Reconciliation:
    """Reads only, in the systems; several workers may do it side by side."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def run(self) -> None:
        """Until cancelled. A system or database that is away is looked at in the next round."""
        rounds = 0
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.read_back()
                if rounds % _STRANGERS_EVERY == 0:
                    for name in self._world.systems:
                        await self.strangers(name)
                rounds += 1
            except _AWAY as error:
                log.warning("reconciliation waits: %s", str(error).split("\n")[0])

    async def read_back(self) -> dict[str, int]:
        """Everything that was posted and not read back since; gives how many are now in which state."""
        async with self._world.database.transaction() as session:
            rows = await read.to_read_back(session, self._world.now() - _SETTLED)
        counted: dict[str, int] = {}
        for row in rows:
            system = self._world.systems.get(row.system)
            if isinstance(system, Reconciler) and row.receipt:
                status = await self._one(row, system)
                counted[status] = counted.get(status, 0) + 1
        return counted

    async def strangers(self, name: str) -> list[str]:
        """Keys of ours in the system's own tables that no transaction of the ledger has; each is told once."""
        system, now = self._world.systems[name], self._world.now()
        if not isinstance(system, Reconciler):
            return []
        booked = await system.postings_since(now - _BACK)
        async with self._world.database.transaction() as session:
            unknown = await read.unknown_keys(session, [posting.key for posting in booked])
            for key in await read.untold(session, unknown):
                fact = {"at": now, "kind": "ledger.stranger", "actor": "mos", "subject": key, "data": {"system": name}}
                await ledger.audit(session, fact)
        return list(unknown)

    async def _one(self, row: LedgerRow, system: Reconciler) -> str:
        receipt = Receipt.model_validate(row.receipt)
        found = await system.read_back(Life(self._world, row).transaction(), receipt)
        now = self._world.now()
        async with self._world.database.transaction() as session:
            held = await ledger.locked(session, row.id)
            if found.known and found.changed and await read.overtaken(session, held):
                found = ReadBack(known=True, fields=[f for f in found.fields if f.stands == f.posted])
            event = Event.READ_BACK if found.known and not found.changed else Event.DIFFER
            before, held.status = held.status, step(held.status, event).value
            held.read_back, held.read_back_at = found.model_dump(mode="json"), now
            if held.status != before:
                data: Json = {"from": before, "fields": [field.model_dump(mode="json") for field in found.changed]}
                fact = {"at": now, "kind": f"transaction.{held.status}", "actor": "mos", "subject": row.id}
                await ledger.audit(session, fact | {"data": data | {"known": found.known}})
                await exceptions.changed(session, row.exception_id)
        return held.status
