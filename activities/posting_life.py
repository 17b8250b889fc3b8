"""One transaction's way through the ledger: every move is committed with its audit fact before the next begins."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from activities import project
from activities.contracts.model import PostRequest, PostResult
from activities.posting_rules import SentBackError, WaitingError, looked_up, part_transaction
from activities.world import World
from connectors.roles import Previewer, Reconciler, Reversible, System
from domain.books.booking import FieldChange, Preview, drift
from domain.books.ledger import ENDED, MAYBE_SENT, Event, Held, State, gate, step
from domain.books.outcome_rules import impact_of_all, objects_of, unversioned
from domain.books.outcomes import OutcomeTransaction, Receipt
from domain.books.saga import APPROVED_BY_RULE
from domain.books.trouble import changed_fields, next_try
from domain.errors import ConflictError, OutcomeUnknownError, RejectedError, TransientError
from domain.values import Json
from store.read import site as site_read
from store.read.books import ledger as ledger_read
from store.read.books import parts as parts_read
from store.read.books import troubles as troubles_read
from store.tables import ExceptionRow, LedgerPartRow, LedgerRow
from store.write import exceptions
from store.write.books import ledger, parts, troubles

_FRESH = timedelta(seconds=5)  # so long a preview needs no second look
_LOOK = timedelta(seconds=2)
_LINE = timedelta(hours=6)  # what is ahead wakes who waits behind it
_AWAY, _ORDER, SLOW_DOWN = "away", "order", "slow_down"
KEY_REUSED = "key_reused"
Aftermath = Callable[[AsyncSession, LedgerRow, datetime], Awaitable[None]]
"""What is committed together with a refusal or a way back to people."""


class Life:
    """`row` is the transaction as it stands after the last committed move."""

    def __init__(self, world: World, row: LedgerRow) -> None:
        self._world, self.row = world, row
        self.aftermath: Aftermath | None = None
        self.tried: Held | None = None  # of a system that is silent: when it is tried again

    @classmethod
    async def drafted(cls, world: World, request: PostRequest) -> "Life":
        """The transaction's row, written now unless it was before."""
        transaction, now = request.transaction, world.now()
        async with world.database.transaction() as session:
            version = request.standing_version
            signed = await site_read.definition_version(session, version) if version else None
            exception = await session.get(ExceptionRow, transaction.exception_id)
            values: dict[str, Json] = {
                "id": transaction.id,
                "key": transaction.key,
                "exception_id": transaction.exception_id,
                "step": request.step,
                "system": transaction.system.value,
                "definition": exception.definition if exception else "",
                "outcomes": [outcome.model_dump(mode="json") for outcome in transaction.outcomes],
                "objects": objects_of(transaction.outcomes),
                "impact": impact_of_all(transaction.outcomes).model_dump(mode="json"),
                "decision": transaction.decision,
                "standing_version": version,
                "standing_grantor": signed.signed_off_by if signed else "",
                "status": State.DRAFTED.value,
                "attempts": 0,
                "drafted_at": now,
                "reverses": "",
                "reversed_by": "",
                "requested_by": "",
                "approved_by": "",
                "reason": "",
            }
            row = await ledger.draft(session, values)
            row.attempts += row.status in MAYBE_SENT
            for old in await ledger.supersede(session, values) if not (row.status in ENDED or row.reverses) else []:
                fact = {"at": now, "kind": "transaction.superseded", "actor": "mos", "subject": old}
                await ledger.audit(session, fact | {"data": {"by": transaction.id}})
                gone = await ledger.locked(session, old)
                await parts.take_back(session, gone, now, given_up=True)
                await troubles.moved(session, gone, now)
            if request.projection is not None:
                await project.write(session, request.projection)
        return cls(world, row)

    def transaction(self) -> OutcomeTransaction:
        """As the ledger has it, with the versions that were last seen."""
        row = self.row
        versions = (row.preview or {}).get("versions", {})
        drafted = {"id": row.id, "key": row.key, "exception_id": row.exception_id, "system": row.system}
        return OutcomeTransaction.model_validate(
            drafted | {"outcomes": row.outcomes, "decision": row.decision, "versions": versions}
        )

    async def move(self, event: Event, *, changes: Sequence[FieldChange] = (), **values: Any) -> None:
        """One event and what goes with it; who has to see to it hears of it, with what has changed. Raises
        TransientError when another worker or a person was faster: it is looked at as it stands then; WaitingError when
        it was stopped, or another took the last place of a limit, since its gates were passed."""
        now = self._world.now()
        async with self._world.database.transaction() as session:
            row = await ledger.locked(session, self.row.id)
            if row.status != self.row.status:
                raise TransientError("somebody has moved it meanwhile: it is looked at again")
            if event is Event.SEND and (held := await self._gate(session, now, last=True)):
                raise WaitingError(held)
            before, row.status = row.status, step(row.status, event).value
            for name, value in values.items():
                setattr(row, name, value)
            data = {"key": row.key, "decision": row.decision, "from": before, "documents": values.get("documents")}
            fact = {"at": now, "kind": f"transaction.{row.status}", "actor": "mos", "subject": row.id, "data": data}
            await ledger.audit(session, fact)
            if event is Event.POST and row.reverses:
                await _reversed(session, row, now)
            if event in (Event.REFUSE, Event.DRIFT) and self.aftermath:
                await self.aftermath(session, row, now)
            if row.status in ENDED or row.status == State.SENT_BACK:
                await ledger.wake_followers(session, row, now)
                if row.reverses:
                    await parts.wake(session, row, now)
            told = {"why": str((row.drift or {}).get("why", "")) if event is Event.DRIFT else row.error or ""}
            await troubles.moved(session, row, now, link=self.link, changes=changed_fields(changes), **told)
            await exceptions.changed(session, row.exception_id)
        self.row = row

    @property
    def link(self) -> str:
        """Its page in the console."""
        return f"{self._world.public_url}/ledger/{self.row.id}"

    async def complain(self, message: str) -> None:
        """An operator has to mend something first: it is said once and tried until then."""
        if self.row.error == message:
            return
        async with self._world.database.transaction() as session:
            await ledger.move(session, self.row.id, error=message)
            await exceptions.changed(session, self.row.exception_id)

    async def knock(self) -> None:
        """While a system is silent each transaction tries it by itself now and then. Raises WaitingError."""
        now, row = self._world.now(), self.row
        async with self._world.database.transaction() as session:
            told = await troubles_read.silent(session, row.system)
            if told is None:
                return
            held = Held.model_validate(row.held) if row.held else None
            if held and held.why == _AWAY and held.until > now:
                raise WaitingError(held)
            since = told.free_since or told.drafted_at
            again = Held(why=_AWAY, until=next_try(since, now, first=told.id == row.id), what=told.id)
            if held is None or held.why != _AWAY:
                raise WaitingError(again)
            self.tried, row.held = again, again.model_dump(mode="json")
            await ledger.move(session, row.id, held=row.held)

    async def answered(self) -> None:
        """The system did something for it."""
        if self.tried:
            async with self._world.database.transaction() as session:
                await troubles.answers(session, self.row.system, self._world.now())

    async def pass_gates(self, *, begun: bool = False) -> None:
        """Raises WaitingError: its turn has not come, or somebody or something keeps it back. `begun`: a part of it is
        posted, so that no limit keeps it half-way."""
        now, row = self._world.now(), self.row
        async with self._world.database.transaction() as session:
            if ahead := await ledger_read.earlier(session, row):
                raise WaitingError(Held(why=_ORDER, until=now + _LINE, what=ahead))
            if back := "" if begun else await parts_read.being_taken_back(session, row):
                raise WaitingError(Held(why="taking_back", until=now + _LOOK, what=back))
            held = await self._gate(session, now, begun=begun)
            if held is None:
                await self._free(session, now)
        if held:
            raise WaitingError(held)

    async def _gate(
        self, session: AsyncSession, now: datetime, *, begun: bool = False, last: bool = False
    ) -> Held | None:
        """What our own controls say. `last`: it is sent in this very transaction, so that others wait and count it."""
        row = self.row
        controls = await ledger_read.controls(session, f"system:{row.system}", f"definition:{row.definition}")
        sent = {}
        for control in controls if not begun else ():
            if control.per_hour or control.per_minute:
                if last:
                    await ledger.one_by_one(session, control.scope)
                sent[control.scope] = await ledger_read.sent(session, control.scope, now, but=row.id)
        return gate(controls, now, ZoneInfo((await site_read.site(session)).timezone), sent) if controls else None

    async def _free(self, session: AsyncSession, now: datetime) -> None:
        """From now on it waits for nobody but the system."""
        if self.row.free_since is None:
            await ledger.move(session, self.row.id, free_since=now, held=None)
            self.row.free_since, self.row.held = now, None

    async def hold(self, held: Held | None) -> PostResult:
        """Keep why it waits; said once, however often it is looked at."""
        if held is None:
            return PostResult(status="waiting", detail="approval")
        now, said = self._world.now(), self.row.held or {}
        if (said.get("why"), said.get("what")) != (held.why, held.what):
            async with self._world.database.transaction() as session:
                since = self.row.free_since if held.why in (_AWAY, SLOW_DOWN) else None
                await ledger.move(session, self.row.id, held=held.model_dump(mode="json"), free_since=since)
                await exceptions.changed(session, self.row.exception_id)
        again = max((held.until - now).total_seconds(), 1.0)
        return PostResult(status="waiting", detail=held.why, again_s=again)

    async def was_missed(self, held: Held | None) -> bool:
        """Did what was ahead end before it could know that somebody waits behind it?"""
        if held is None or held.why != _ORDER:
            return False
        async with self._world.database.transaction() as session:
            return not await ledger_read.earlier(session, self.row)

    async def preview(self, system: System) -> None:
        """What it would change, from the system itself; a system that can't say is told to be so by its manifest."""
        if self.row.reverses:
            await self._find_way_back(system)
        shown = await self._look(system)
        kept = shown.model_dump(mode="json") if shown else None
        await self.move(Event.PREVIEW, preview=kept, previewed_at=self._world.now(), error=None)

    async def _find_way_back(self, system: System) -> None:
        """The system says what undoes the other transaction."""
        if not isinstance(system, Reversible):
            raise RejectedError(f"{self.row.system} can't take it back by itself: do it there, then write this off.")
        async with self._world.database.transaction() as session:
            other = await session.get_one(LedgerRow, self.row.reverses)
            undone = await parts_read.taken_back_by(session, self.row)
        old = Life(self._world, other).transaction()
        posted = [(part_transaction(other, part), part.receipt, part.preview) for part in undone]
        outcomes = [
            outcome
            for transaction, receipt, seen in posted or [(old, other.receipt, other.preview)]
            for outcome in await system.reversal(
                transaction, Receipt.model_validate(receipt), Preview.model_validate(seen) if seen else None
            )
        ]
        if not outcomes:
            raise RejectedError("It changed nothing that had not stood so before: there is nothing to take back.")
        kept = [outcome.model_dump(mode="json") for outcome in outcomes]
        ruled = self.row.approved_by == APPROVED_BY_RULE
        by = "" if ruled and await _touched(system, other, undone) else self.row.approved_by
        async with self._world.database.transaction() as session:
            await ledger.move(session, self.row.id, outcomes=kept, approved_by=by)
        self.row.outcomes, self.row.approved_by = kept, by

    async def recheck(self, system: System) -> None:
        """Look again unless it was just looked at. Under a standing authority nobody waits for a second yes: it is
        proposed anew from what stands now, since it protects and goes back."""
        row = self.row
        fresh = row.previewed_at is not None and self._world.now() - row.previewed_at < _FRESH
        if fresh or row.preview is None:
            if row.status != State.POSTING:  # it was looked at, and could not be sent
                await self.move(Event.RECHECK)
            return
        before, now = row.status, await self._look(system)
        changes = drift(Preview.model_validate(row.preview), now) if now else []
        if changes and not row.standing_version:
            raise SentBackError(changes, now, "It has changed in the system since it was decided.")
        if before != State.POSTING:
            kept = now.model_dump(mode="json") if now else None
            await self.move(Event.RECHECK, preview=kept, previewed_at=self._world.now(), drift=None)

    async def begin_sending(self) -> None:
        """Committed before the call: whoever finds it so looks the key up first. A further attempt is no new fact."""
        now = self._world.now()
        if self.row.status == State.POSTING:
            async with self._world.database.transaction() as session:
                await ledger.move(session, self.row.id, sent_at=now)
            return
        attempts = self.row.attempts + (self.row.status != State.UNKNOWN)
        await self.move(Event.SEND, attempts=attempts, sent_at=now, held=None)

    async def send(self, system: System) -> Receipt:
        """The one call that changes something."""
        try:
            return await system.post(self.transaction())
        except ConflictError as error:
            if error.code.endswith(KEY_REUSED):
                return await self.by_another(system, self.transaction(), error)
            if not isinstance(system, Previewer):
                raise
            raise await self._stale(system, error) from error

    async def by_another(self, system: System, transaction: OutcomeTransaction, error: ConflictError) -> Receipt:
        """Another worker that was taken for dead is posting the same: its receipt, or the refusal of what is really
        another payload. Until the system has committed it nobody knows."""
        if await looked_up(system, transaction) is None:
            raise OutcomeUnknownError("another worker is posting it; it is looked up by its key") from error
        return await system.post(transaction)

    async def _look(self, system: System) -> Preview | None:
        if not isinstance(system, Previewer):
            return None
        try:
            return await system.preview(self.transaction().model_copy(update={"versions": {}}))
        except ConflictError as error:
            raise await self._stale(system, error) from error

    async def _stale(self, system: Previewer, error: ConflictError) -> SentBackError | RejectedError:
        """Somebody changed the record while it was on its way: the difference as far as the system can say it."""
        shown = Preview.model_validate(self.row.preview) if self.row.preview else None
        try:
            now = await system.preview(unversioned(self.transaction()))
        except ConflictError:
            return RejectedError(error.message, detail=error.detail)
        changes = drift(shown, now) if shown else now.changes
        pinned = unversioned(self.transaction()).outcomes != self.transaction().outcomes
        return SentBackError(changes, now, error.message, harmless=not changes and not pinned)

    async def send_back(self, back: SentBackError) -> None:
        """Whoever decided sees the difference and says it again, or drops it."""
        now = back.now.model_dump(mode="json") if back.now else None
        told = {"changes": [change.model_dump(mode="json") for change in back.changes], "now": now, "why": back.message}
        await self.move(Event.DRIFT, changes=back.changes, drift=told, held=None)

    async def is_dry_run(self) -> bool:
        """Does somebody want to see only what would be posted?"""
        async with self._world.database.transaction() as session:
            scopes = (f"system:{self.row.system}", f"definition:{self.row.definition}")
            return any(control.dry_run for control in await ledger_read.controls(session, *scopes))

    async def booked(self, receipt: Receipt) -> None:
        """It stands in the system's books."""
        await self.move(
            Event.POST,
            documents=receipt.documents,
            receipt=receipt.model_dump(mode="json"),
            posted_at=self._world.now(),
            error=None,
            held=None,
        )

    async def propose_anew(self, back: SentBackError) -> None:
        """Under a standing authority: what it would change is looked at from what stands now."""
        kept = back.now.model_dump(mode="json") if back.now else None
        async with self._world.database.transaction() as session:
            await ledger.move(session, self.row.id, preview=kept, previewed_at=self._world.now())


async def _touched(system: System, other: LedgerRow, undone: Sequence[LedgerPartRow]) -> bool:
    """Does something else stand there than was posted? Then the way back would undo somebody's change: no rule covers
    that."""
    if not isinstance(system, Reconciler):
        return False
    for part in undone:
        found = await system.read_back(part_transaction(other, part), Receipt.model_validate(part.receipt))
        if found.changed:
            return True
    return False


async def _reversed(session: AsyncSession, row: LedgerRow, now: datetime) -> None:
    """What it takes back stands no more: the whole, or the one part that it was drafted for."""
    if await parts.taken_back(session, row.id):
        return
    old = await ledger.locked(session, row.reverses)
    old.status, old.reversed_by = step(old.status, Event.REVERSE).value, row.id
    await troubles.moved(session, old, now)
    fact = {"at": now, "kind": "transaction.reversed", "actor": "mos", "subject": old.id}
    await ledger.audit(session, fact | {"data": {"by": row.id, "documents": row.documents}})
