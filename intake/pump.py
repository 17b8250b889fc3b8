"""The pump: moves the inbox on. One leader a database; woken by NOTIFY, and every second in any case.

Stage 1 correlates signals and resolves answers, one transaction a batch. Stage 2 hands what is correlated to Temporal,
exceptions side by side, each in inbox order.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.definition import Definition
from domain.errors import MosError, TransientError
from domain.site import Site
from intake.correlate import Rules, correlate
from intake.deliver import Deliverer, answer_of
from intake.replies import reply_row
from intake.resolve import resolve
from store.db import Database
from store.read import pump as pump_read
from store.read import site as site_read
from store.read.health import UNAVAILABLE
from store.tables import ExceptionRow, InboxRow
from store.write import exceptions, inbox, outbox

log = logging.getLogger("mos.pump")
_AWAY: tuple[type[Exception], ...] = (*UNAVAILABLE, TransientError)  # to be waited for
BATCH = 200
IN_FLIGHT = 16
_IDLE_S = 1.0
_PAUSE_S = 0.5


class Pump:
    """`rules` loads what is in force at the start of every batch, so that a published version counts from then on."""

    def __init__(
        self,
        database: Database,
        deliverer: Deliverer,
        rules: Callable[[], Awaitable[Rules]],
        now: Callable[[], datetime],
    ) -> None:
        self._database, self._deliverer, self._rules, self._now = database, deliverer, rules, now
        self._woken = asyncio.Event()
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._overlooked: set[str] = set()  # busy when last looked at, so there may be more for them

    def wake(self) -> None:
        """There may be something in the inbox."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled. A database that is away is waited for."""
        while True:
            try:
                while await self.step() == BATCH:  # what comes after a smaller batch wakes us
                    pass
                await self._sleep()
            except _AWAY as error:
                log.warning("the inbox waits: %s", str(error).split("\n")[0])
                await asyncio.sleep(_PAUSE_S)

    async def _sleep(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), timeout=_IDLE_S)
        self._woken.clear()

    async def step(self) -> int:
        """One round; gives how many rows moved in stage 1."""
        moved = await self._correlate_batch()
        await self._start_deliveries()
        return moved

    async def _correlate_batch(self) -> int:
        try:
            return await self._correlate(self._move)
        except _AWAY:
            raise
        except Exception:
            log.exception("a batch broke: its rows are tried one by one")
            return await self._correlate(self._move_or_quarantine)

    async def _correlate(self, move: Callable[[AsyncSession, Rules, InboxRow, datetime], Awaitable[None]]) -> int:
        rules, now = await self._rules(), self._now()
        async with self._database.transaction() as session:
            await inbox.one_at_a_time(session)
            rows = await inbox.take(session, ("received", "settling"), BATCH, now)
            for row in rows:
                await move(session, rules, row, now)
        return len(rows)

    async def _move(self, session: AsyncSession, rules: Rules, row: InboxRow, now: datetime) -> None:
        if row.category == "answer":
            await resolve(session, row)
            await self._reply_if_ended(session, row, rules.site)
        else:
            await correlate(session, rules, row, now)
        await session.flush()

    async def _move_or_quarantine(self, session: AsyncSession, rules: Rules, row: InboxRow, now: datetime) -> None:
        """A row that nobody was prepared for is set aside: it must not hold up the others."""
        try:
            async with session.begin_nested():
                await self._move(session, rules, row, now)
        except UNAVAILABLE:
            raise
        except Exception as error:  # noqa: BLE001 - the batch goes on
            row.status, row.error = "quarantined", f"a fault of mos: {type(error).__name__}: {error}"[:500]

    async def _reply_if_ended(self, session: AsyncSession, row: InboxRow, site: Site) -> None:
        if row.status == "answered":
            reply = reply_row(row, self._now(), ZoneInfo(site.timezone))
            await outbox.add(session, [reply] if reply else [])

    async def _start_deliveries(self) -> None:
        async with self._database.transaction() as session:
            waiting = await pump_read.exceptions_with_deliveries(session)
        for exception_id in waiting:
            if exception_id in self._busy:
                self._overlooked.add(exception_id)
            else:
                task = asyncio.create_task(self._deliver_all(exception_id))
                self._busy[exception_id] = task
                task.add_done_callback(lambda _, key=exception_id: self._done(key))  # type: ignore[misc]

    def _done(self, exception_id: str) -> None:
        task = self._busy.pop(exception_id)
        if not task.cancelled() and task.exception() is not None:
            log.error("delivery to %s broke", exception_id, exc_info=task.exception())
            return  # tried again with the next round, not at once
        if exception_id in self._overlooked:
            self._overlooked.discard(exception_id)
            self.wake()

    async def _deliver_all(self, exception_id: str) -> None:
        async with self._slots:
            try:
                await self._deliver(exception_id)
            except _AWAY as error:
                log.warning("delivery to %s waits: %s", exception_id, str(error).split("\n")[0])
                await asyncio.sleep(_PAUSE_S)
                self._overlooked.add(exception_id)

    async def _deliver(self, exception_id: str) -> None:
        async with self._database.transaction() as session:
            row = await session.get_one(ExceptionRow, exception_id)
            rows = await pump_read.deliveries(session, exception_id, BATCH)
            definition, site = await _pinned(session, row)
        signals = [item for item in rows if item.category == "signal"]
        if signals:
            await self._deliver_signals(row, definition, site, signals)
        for item in rows:
            if item.category == "answer":
                await self._deliver_answer(row, definition, site, item)

    async def _deliver_signals(
        self, row: ExceptionRow, definition: Definition, site: Site, signals: list[InboxRow]
    ) -> None:
        if row.started or not await self._deliverer.start(row, definition, site, signals):
            result = await self._deliverer.join(row, signals)
            if result is None:
                await self._restart_or_recorrelate(row, definition, site, signals)
                return
            if result.closed:
                await self._again(signals)
                return
        await self._delivered(row.id, signals, {"accepted": True, "code": "joined" if row.started else "opened"})

    async def _restart_or_recorrelate(
        self, row: ExceptionRow, definition: Definition, site: Site, signals: list[InboxRow]
    ) -> None:
        """Temporal has no such workflow: it lost it (start it again) or it ended (the signals open anew)."""
        if row.closed_at is None and not await self._deliverer.is_known(row):
            async with self._database.transaction() as session:
                every = await pump_read.signals_of(session, row.id)
            await self._deliverer.start(row, definition, site, every)
            await self._delivered(row.id, signals, {"accepted": True, "code": "restarted"})
            return
        await self._again(signals)

    async def _again(self, signals: list[InboxRow]) -> None:
        async with self._database.transaction() as session:
            await inbox.correlate_again(session, [item.seq or 0 for item in signals])
        self.wake()

    async def _deliver_answer(self, row: ExceptionRow, definition: Definition, site: Site, item: InboxRow) -> None:
        result = await self._deliverer.answer(row, answer_of(item, item.received_at))
        if result is None and row.closed_at is None and not await self._deliverer.is_known(row):
            raise TransientError(f"{row.workflow_id} is not running: the reconciler starts it again")
        outcome = result.model_dump(mode="json") if result else {"accepted": False, "code": "withdrawn"}
        async with self._database.transaction() as session:
            await inbox.mark(session, [item.seq or 0], status="delivered", outcome=outcome)
            item.outcome = outcome
            reply = reply_row(item, self._now(), ZoneInfo(site.timezone))
            await outbox.add(session, [reply] if reply else [])
            await exceptions.changed(session, row.id)

    async def _delivered(self, exception_id: str, signals: list[InboxRow], outcome: dict[str, object]) -> None:
        async with self._database.transaction() as session:
            await exceptions.started(session, exception_id)
            seqs = [item.seq or 0 for item in signals]
            await inbox.mark(session, seqs, status="delivered", outcome=outcome)


async def _pinned(session: AsyncSession, row: ExceptionRow) -> tuple[Definition, Site]:
    """The definition version that this exception was opened with, and the site."""
    definition = await site_read.definition(session, row.version)
    if definition is None:
        raise MosError(f"definition version {row.version} of {row.id} is gone")
    return definition, await site_read.site(session)


async def reconcile(database: Database, deliverer: Deliverer, older_than: timedelta, now: datetime) -> list[str]:
    """Start again what Temporal has lost: every open exception is asked for; gives the ids that were started."""
    restarted: list[str] = []
    async with database.transaction() as session:
        rows = await pump_read.open_exceptions(session, now - older_than)
    for row in rows:
        if await deliverer.is_known(row):
            continue
        async with database.transaction() as session:
            definition, site = await _pinned(session, row)
            signals = await pump_read.signals_of(session, row.id)
        if signals and await deliverer.start(row, definition, site, signals):
            restarted.append(row.id)
    return restarted
