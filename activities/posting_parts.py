"""Posting a transaction part by part, where the system has no transaction over all of its outcomes.

Each part has its own key and receipt, and each of its moves is committed before the next begins. When one is refused,
those that stand are taken back by reversals that are drafted in the very transaction that says so.
"""

from datetime import datetime
from itertools import accumulate
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.posting_life import KEY_REUSED, Life
from activities.posting_rules import SentBackError, looked_up, part_transaction
from activities.world import World
from connectors.roles import Grouping, Previewer, System
from domain.books.booking import Preview, drift
from domain.books.ledger import State
from domain.books.outcome_rules import unversioned
from domain.books.outcomes import Outcome, OutcomeTransaction, Receipt
from domain.books.saga import PartState, excerpt, inserted
from domain.errors import (
    ConflictError,
    InvalidPayloadError,
    InvariantError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
    TransientError,
)
from store.read.books import parts as read
from store.tables import LedgerPartRow, LedgerRow
from store.write import exceptions
from store.write.books import ledger
from store.write.books import parts as write

_REFUSALS = (RejectedError, ConflictError, InvalidPayloadError, NotFoundError, InvariantError)
_STALE = "It has changed in the system while its decision was being posted."


def groups_of(world: World, system: System, transaction: OutcomeTransaction) -> list[list[Outcome]]:
    """What is sent at once: everything, or what the system says that it takes together, or one outcome each."""
    if transaction.system.value in world.atomic:
        return [list(transaction.outcomes)]
    if isinstance(system, Grouping):
        return system.grouped(transaction.outcomes)
    return [[outcome] for outcome in transaction.outcomes]


class Parts:
    """The parts of one transaction that is being posted. `begun`: by a worker before this one."""

    def __init__(
        self, world: World, life: Life, system: System, rows: list[LedgerPartRow], *, begun: bool = False
    ) -> None:
        self._world, self._life, self._system, self._rows = world, life, system, rows
        self._sent_anything = begun or any(row.status != PartState.WAITING for row in rows)
        self._refused: tuple[str, str] | None = None
        life.aftermath = self._aftermath

    @classmethod
    async def planned(cls, world: World, life: Life, system: System) -> "Parts | None":
        """Its parts, written now unless they are there; None when it is sent as one."""
        groups = groups_of(world, system, life.transaction())
        if len(groups) < 2:
            return None
        kept = [[outcome.model_dump(mode="json") for outcome in group] for group in groups]
        async with world.database.transaction() as session:
            rows = await write.plan(session, await ledger.locked(session, life.row.id), kept)
        return cls(world, life, system, rows)

    @classmethod
    async def begun(cls, world: World, life: Life, system: System) -> "Parts | None":
        """Of one that may have been sent in part; None when it was sent as one."""
        async with world.database.transaction() as session:
            rows = await read.current(session, life.row.id)
        return cls(world, life, system, rows, begun=True) if rows else None

    async def post(self) -> Receipt:
        """One after the other, in the declared order; what stands is passed over. Raises what a System's post does."""
        for row in self._rows:
            sent = row.status in (PartState.POSTING, PartState.UNKNOWN)
            if sent and (found := await looked_up(self._system, part_transaction(self._life.row, row))):
                await self._stands(row, found)
            if row.status != PartState.POSTED:
                await self._post(row)
        documents = list(dict.fromkeys(name for row in self._rows for name in row.documents or []))
        return Receipt(key=self._life.row.key, documents=documents, raw=[row.receipt for row in self._rows])

    async def _post(self, row: LedgerPartRow) -> None:
        if self._sent_anything:  # the whole has passed the limits once; only a stop keeps it half-way
            await self._life.pass_gates(begun=True)
        if self._life.row.status != State.POSTING:
            await self._life.begin_sending()
        transaction, shown = await self._looked_at(row)
        self._sent_anything = True
        kept = shown.model_dump(mode="json") if shown else None
        await self._move(row, PartState.POSTING, preview=kept, sent_at=self._world.now())
        try:
            receipt = await self._send(row, transaction, shown)
        except OutcomeUnknownError:
            await self._move(row, PartState.UNKNOWN)
            raise
        except _REFUSALS as error:
            self._refused = (row.key, f"{error.message} {error.detail}".strip())
            raise
        await self._stands(row, receipt)

    async def _looked_at(self, row: LedgerPartRow) -> tuple[OutcomeTransaction, Preview | None]:
        """The part with the versions that count. The first rests on the preview of the whole; a later one is looked at
        again, since our own earlier parts may have changed its records."""
        transaction, shown = part_transaction(self._life.row, row), self._shown(row)
        if not isinstance(self._system, Previewer) or shown is None:
            return transaction, None
        if not self._sent_anything and self._life.row.preview["versions"]:
            return transaction.model_copy(update={"versions": shown.versions}), shown
        bare = unversioned(transaction)
        now = await self._system.preview(bare)
        ours = {(change.record, change.field) for earlier in self._earlier(row) for change in earlier.changes}
        changes = [change for change in drift(shown, now) if (change.record, change.field) not in ours]
        if changes:
            raise SentBackError(changes, self._whole(row, now), _STALE)
        return bare.model_copy(update={"versions": now.versions}), now

    async def _send(self, row: LedgerPartRow, transaction: OutcomeTransaction, shown: Preview | None) -> Receipt:
        try:
            return await self._system.post(transaction)
        except ConflictError as error:
            if error.code.endswith(KEY_REUSED):
                return await self._life.by_another(self._system, transaction, error)
            if not isinstance(self._system, Previewer) or shown is None:
                raise
            return await self._stale(row, self._system, shown, error)

    async def _stale(self, row: LedgerPartRow, system: Previewer, shown: Preview, error: ConflictError) -> Receipt:
        """Somebody was faster between the look and the posting. Raises what becomes of it."""
        try:
            now = await system.preview(unversioned(part_transaction(self._life.row, row)))
        except ConflictError:
            raise RejectedError(error.message, detail=error.detail) from error
        await self._move(row, PartState.WAITING)
        if changes := drift(shown, now):
            raise SentBackError(changes, self._whole(row, now), error.message) from error
        raise TransientError("it has changed meanwhile: looked at again") from error

    def _shown(self, row: LedgerPartRow) -> Preview | None:
        if not self._life.row.preview:
            return None
        return excerpt(Preview.model_validate(self._life.row.preview), *self._place(row))

    def _whole(self, row: LedgerPartRow, now: Preview) -> Preview:
        return inserted(Preview.model_validate(self._life.row.preview), now, *self._place(row))

    def _place(self, row: LedgerPartRow) -> tuple[int, int]:
        """Which outcomes of the whole it has: the first one's number, and how many."""
        counts = [len(one.outcomes) for one in self._rows]
        starts = [0, *accumulate(counts)]
        return starts[row.number - 1], counts[row.number - 1]

    def _earlier(self, row: LedgerPartRow) -> list[Preview]:
        before = [one for one in self._rows if one.number < row.number]
        return [shown for one in before if (shown := self._shown(one)) is not None]

    async def _stands(self, row: LedgerPartRow, receipt: Receipt) -> None:
        kept, now = receipt.model_dump(mode="json"), self._world.now()
        await self._move(row, PartState.POSTED, receipt=kept, documents=receipt.documents, posted_at=now, error=None)

    async def _move(self, row: LedgerPartRow, status: PartState, **values: Any) -> None:
        """One move of a part, with its audit fact."""
        async with self._world.database.transaction() as session:
            if not await write.move(session, row.key, row.status, status, **values):
                raise TransientError("another worker is posting it: it is looked at as it stands")
            data = {"part": row.number, "key": row.key, "state": status.value, "documents": values.get("documents")}
            fact = {"at": self._world.now(), "kind": "transaction.part", "actor": "mos", "subject": self._life.row.id}
            await ledger.audit(session, fact | {"data": data})
            await exceptions.changed(session, self._life.row.exception_id)
        row.status = status.value
        for name, value in values.items():
            setattr(row, name, value)

    async def _aftermath(self, session: AsyncSession, row: LedgerRow, now: datetime) -> None:
        """Committed with its dead letter, or with its way back to whoever decided."""
        if self._refused:
            key, error = self._refused
            await write.move(session, key, PartState.POSTING, PartState.REFUSED, error=error)
        await write.take_back(session, row, now)
