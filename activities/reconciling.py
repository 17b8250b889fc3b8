"""Reconciliation: what the ledger says is in the books against what stands there, both ways, outside Temporal.

Each posting is read back once soon after it was made. Runs compare everything since a day, by the clock (`PLAN`) and
when somebody asks: first the ledger against the system, posting by posting, then the system's own table of postings
against the ledger. Runs and differences are kept; a new difference is on record and a signal.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncSession

from activities.posting_life import Life
from activities.posting_rules import part_transaction
from activities.world import World
from connectors.roles import Reconciler
from domain.books import reconciliation as rules
from domain.books.booking import Booked, FieldStanding, ReadBack
from domain.books.ledger import Event, State, step
from domain.books.outcomes import Receipt
from domain.books.reconciliation import Difference, Kind, Known
from domain.books.saga import PartState
from domain.books.trouble import Trouble, differing_fields
from domain.errors import AuthError, ConfigError, MosError, TransientError
from domain.values import Json
from store.read.books import ledger as read
from store.read.books import parts as parts_read
from store.read.books import reconciliation as runs_read
from store.read.health import UNAVAILABLE
from store.tables import LedgerPartRow, LedgerRow, ReconciliationRow
from store.write import exceptions, inbox
from store.write.books import ledger, troubles
from store.write.books import reconciliation as runs

log = logging.getLogger("mos.reconciler")
_AWAY: tuple[type[Exception], ...] = (*UNAVAILABLE, MosError)
_NOBODY_ANSWERS = (TransientError, AuthError, ConfigError)  # of the whole system, not of one posting
_EVERY_S = 5.0
_SETTLED = timedelta(seconds=10)
_LOST = timedelta(seconds=30)  # a clock of theirs that is behind ours
_AGAIN = timedelta(minutes=5)  # after a run that failed
PLAN = ((timedelta(days=30), timedelta(days=1)), (timedelta(days=1), timedelta(hours=1)))
"""How far back, and how often: a month every day, a day every hour."""
SIDE_BY_SIDE = 8  # postings that are read back at a time
_BEAT_S = 20.0


class Reconciliation:
    """Reads only, in the systems; several workers may do it side by side. `beat_s`: so often a run says that it is
    still at it, however slow its system."""

    def __init__(self, world: World, *, beat_s: float = _BEAT_S) -> None:
        self._world, self._beat_s = world, beat_s

    async def run(self) -> None:
        """Until cancelled. A system or database that is away is looked at in the next round."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.read_back()
                await self.plan()
                while await self.next():
                    pass
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
                status, _ = await self._take(row, await self._stands(row, system), "")
                counted[status] = counted.get(status, 0) + 1
        return counted

    async def plan(self) -> None:
        """Ask for the runs that are due."""
        now = self._world.now()
        async with self._world.database.transaction() as session:
            for name, system in self._world.systems.items():
                tried = await runs_read.last_tried(session, name)
                if not isinstance(system, Reconciler) or (tried and tried > now - _AGAIN):
                    continue
                for reach, every in PLAN:
                    last = await runs_read.last_ended(session, name, reach)
                    if last is None or last <= now - every:
                        await runs.ask(session, name, now - reach, "", now)
                        break

    async def next(self) -> str:
        """Do the run that has waited longest; its id, or empty when none waits."""
        async with self._world.database.transaction() as session:
            run = await runs.claim(session, list(self._world.systems), self._world.now())
        if run is None:
            return ""
        beating = asyncio.create_task(self._beat(run.id))
        try:
            await self._do(run)
        except MosError as error:
            await self._end(run, "failed", error=error.message)
        finally:
            beating.cancel()
            await asyncio.wait([beating])
        return run.id

    async def _beat(self, run: str) -> None:
        """Else another worker would take it for dead."""
        while True:
            await asyncio.sleep(self._beat_s)
            try:
                async with self._world.database.transaction() as session:
                    await runs.alive(session, run, self._world.now())
            except UNAVAILABLE as error:
                log.warning("can't say that %s goes on: %s", run, str(error).split("\n")[0])

    async def _do(self, run: ReconciliationRow) -> None:
        system = self._world.systems[run.system]
        if not isinstance(system, Reconciler):
            await self._end(run, "impossible", error="This system can't be read back.")
            return
        counted: dict[str, int] = {"compared": 0, "unread": 0}
        found: dict[str, int] = {}
        async for rows in runs_read.to_compare(self._world.database, run.system, run.since):
            same = await self._compare(rows, system, run.id, counted, found)
            async with self._world.database.transaction() as session:
                await runs.as_before(session, same, self._world.now())
                await runs.alive(session, run.id, self._world.now(), **counted)
        booked = await self._other_way(run, system, found)
        await self._end(run, "done", booked=booked, found=found, **counted)

    async def _compare(
        self, rows: Sequence[LedgerRow], system: Reconciler, run: str, counted: dict[str, int], found: dict[str, int]
    ) -> list[str]:
        """Gives those that stood as posted before, and do so now."""
        gate, away, same = asyncio.Semaphore(SIDE_BY_SIDE), asyncio.Event(), list[str]()

        async def one(row: LedgerRow) -> None:
            async with gate:
                if away.is_set():
                    return
                try:
                    stands = await self._stands(row, system)
                    as_posted = stands.known and not stands.changed
                    if as_posted and row.status == State.RECONCILED:
                        same.append(row.id)
                        kind = ""
                    else:
                        _, kind = await self._take(row, stands, run)
                except _NOBODY_ANSWERS:
                    away.set()
                    raise
                except MosError as error:
                    log.warning("can't read %s back: %s", row.id, error.message)
                    counted["unread"] += 1
                    return
            counted["compared"] += 1
            if kind:
                found[kind] = found.get(kind, 0) + 1

        readable = [row for row in rows if row.receipt]
        counted["unread"] += len(rows) - len(readable)
        for result in await asyncio.gather(*map(one, readable), return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        return same

    async def _other_way(self, run: ReconciliationRow, system: Reconciler, found: dict[str, int]) -> int:
        """The system's own postings against the ledger; gives how many there are."""
        database, now = self._world.database, self._world.now()
        async with database.transaction() as session:
            since = min(await runs_read.earliest_open(session, run.system) or run.since, run.since)
        booked = await system.postings_since(since - _LOST)
        for difference in (differences := await self._unexplained(run.system, booked)):
            found[difference.kind] = found.get(difference.kind, 0) + 1
        async with database.transaction() as session:
            for one in differences:
                kept = await runs.found(session, one, run.id, now)
                if kept.news:
                    await _record(session, one, run.id, kept.id, now)
                    await self._tell_of(session, one, kept.id)
            keys = {kind.value: [one.key for one in differences if one.kind is kind] for kind in _STRANGE}
            await runs.gone(session, run.system, run.id, keys, now)
        return len(booked)

    async def _unexplained(self, name: str, booked: Sequence[Booked]) -> list[Difference]:
        async with self._world.database.transaction() as session:
            known = await runs_read.known(session, sorted(rules.stamps(booked)))
            unknown = [one for one in booked if one.key not in known]
            known |= await runs_read.by_token(session, rules.tokens(unknown))
        return rules.unexplained(name, booked, known)

    async def _take(self, row: LedgerRow, found: ReadBack, run: str) -> tuple[str, str]:
        """What was read back; gives its state now and the kind of difference, if there is one."""
        now = self._world.now()
        async with self._world.database.transaction() as session:
            held = await ledger.locked(session, row.id)
            if held.status not in rules.STANDS:
                return held.status, ""  # taken back meanwhile
            found = await read.unexplained(session, held, found)
            difference = rules.differs(_known(held), found)
            if difference and await runs_read.moving(session, held):
                return held.status, ""  # that may be our own doing: it is looked at again
            is_open = await self._keep(session, difference, run, held) if difference else False
            event = Event.DIFFER if is_open else Event.READ_BACK
            before, held.status = held.status, step(held.status, event).value
            held.read_back, held.read_back_at = found.model_dump(mode="json"), now
            if held.status != before:
                data: Json = {"from": before, "fields": [field.model_dump(mode="json") for field in found.changed]}
                fact = {"at": now, "kind": f"transaction.{held.status}", "actor": "mos", "subject": row.id}
                await ledger.audit(session, fact | {"data": data | {"known": found.known}})
                await exceptions.changed(session, row.exception_id)
            await runs.agrees(session, row.id, run, now, but=difference.kind.value if difference else "")
            if not is_open:
                await troubles.moved(session, held, now)
        return held.status, difference.kind.value if difference else ""

    async def _stands(self, row: LedgerRow, system: Reconciler) -> ReadBack:
        """What stands there of a transaction, or of its parts where the system posts them one after the other."""
        parts: list[LedgerPartRow] = []
        if row.system not in self._world.atomic:
            async with self._world.database.transaction() as session:
                parts = await parts_read.current(session, row.id)
        if not parts:
            return await system.read_back(Life(self._world, row).transaction(), Receipt.model_validate(row.receipt))
        known, fields = True, list[FieldStanding]()
        for part in parts:
            if part.status == PartState.POSTED:
                found = await system.read_back(part_transaction(row, part), Receipt.model_validate(part.receipt))
                known, fields = known and found.known, [*fields, *found.fields]
        return ReadBack(known=known, fields=fields)

    async def _keep(self, session: AsyncSession, difference: Difference, run: str, row: LedgerRow) -> bool:
        """Keep what was found of a locked row, and say what is news; False if a person has explained it."""
        now, link = self._world.now(), f"{self._world.public_url}/ledger/{row.id}"
        kept = await runs.found(session, difference, run, now)
        if kept.news:
            await _record(session, difference, run, kept.id, now)
            kind = "missing" if difference.kind is Kind.MISSING else "changed_since"
            await troubles.tell(session, row, kind, now, link=link, changes=differing_fields(difference.fields))
        return kept.open

    async def _tell_of(self, session: AsyncSession, one: Difference, number: str) -> None:
        """A posting under a key of ours that the ledger knows nothing of."""
        link = f"{self._world.public_url}/reconciliation?words={quote(one.key)}"
        about = {"transaction": one.transaction or one.key, "system": one.system, "of": one.exception, "link": link}
        told = Trouble(event=number, kind="unexpected", **about)
        now = self._world.now()
        await inbox.add_signals(session, [told.raw(now)], now)

    async def _end(self, run: ReconciliationRow, status: str, **values: Json) -> None:
        now = self._world.now()
        data: Json = {"run": run.id, "since": run.since.isoformat(), "status": status, **values}
        fact = {
            "at": now,
            "kind": "ledger.reconciled",
            "actor": run.asked_by or "mos",
            "subject": f"system:{run.system}",
        }
        async with self._world.database.transaction() as session:
            await runs.end(session, run.id, status, now, **values)
            await ledger.audit(session, fact | {"data": data})


_STRANGE = (Kind.STRANGER, Kind.UNBOOKED)


def _known(row: LedgerRow) -> Known:
    about = {"id": row.id, "key": row.key, "system": row.system, "status": row.status}
    return Known(**about, exception=row.exception_id, documents=row.documents or [])


async def _record(session: AsyncSession, difference: Difference, run: str, number: str, now: datetime) -> None:
    data: Json = difference.model_dump(mode="json", exclude={"booked_at"}) | {"run": run, "difference": number}
    subject = difference.transaction or difference.key
    fact = {"at": now, "kind": "ledger.difference", "actor": "mos", "subject": subject, "data": data}
    await ledger.audit(session, fact)
