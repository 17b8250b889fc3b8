"""The pump: moves the inbox on. One leader a database; woken by NOTIFY, and every second in any case.

Stage 1 correlates signals and resolves answers, one transaction a batch. Stage 2 hands what is correlated to Temporal,
exceptions side by side, each in inbox order. An exception that takes nothing is held back for growing pauses, which its
oldest row remembers; it is tried again beside the others, never in their place.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import MosError, TransientError
from domain.language.definition import Definition
from domain.site import Site
from intake import commands
from intake.correlate import Rules, correlate
from intake.deliver import Deliverer, NotTakenError, answer_of
from intake.replies import reply_row, too_late
from intake.resolve import resolve
from intake.sources import SOURCE_STATE
from store.db import INBOX, Database
from store.read import pump as pump_read
from store.read import site as site_read
from store.read.health import UNAVAILABLE
from store.tables import ExceptionRow, InboxRow
from store.write import exceptions, inbox
from store.write.messages import outbox

log = logging.getLogger("mos.pump")
_AWAY: tuple[type[Exception], ...] = (*UNAVAILABLE, TransientError)  # to be waited for
BATCH = 200
IN_FLIGHT = 16
_DOUBTFUL = 4  # those that failed before are tried so many at a time, in places of their own
_IDLE_S = 1.0
_PAUSE_S = 0.5
_TO_MOVE = ("received", "settling")
_HELD_BACK_S = (1, 2, 5, 10, 30, 60)
_Move = Callable[[AsyncSession, Rules, InboxRow, datetime], Awaitable[None]]


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
        self._slots, self._doubtful = asyncio.Semaphore(IN_FLIGHT), asyncio.Semaphore(_DOUBTFUL)
        self._away = 0  # deliveries in a row that found Temporal or the database away
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._overlooked: set[str] = set()  # busy when last looked at, so there may be more for them

    def wake(self) -> None:
        """There may be something in the inbox."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled. A database that is away is waited for."""
        failures = 0
        while True:
            try:
                while await self.step() == BATCH:  # what comes after a smaller batch wakes us
                    pass
                failures = 0
                await self._sleep()
            except _AWAY as error:
                failures += 1
                if _worth_saying(failures):
                    log.warning("the inbox waits: %s", str(error).split("\n")[0])
                await asyncio.sleep(_PAUSE_S)

    async def _sleep(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), timeout=_IDLE_S)
        self._woken.clear()

    async def step(self) -> int:
        """One round; gives how many rows moved in stage 1."""
        moved, waiting = await self._correlate_batch()
        self._start_deliveries(waiting)
        return moved

    async def _correlate_batch(self) -> tuple[int, dict[str, bool]]:
        try:
            return await self._correlate(self._move)
        except _AWAY:
            raise
        except Exception:
            log.exception("a batch broke: its rows are tried one by one")
            return await self._correlate(self._move_or_quarantine)

    async def _correlate(self, move: _Move) -> tuple[int, dict[str, bool]]:
        """How many rows moved, and the exceptions that have something to be delivered."""
        now = self._now()
        async with self._database.transaction() as session:
            await inbox.one_at_a_time(session)
            rows = await inbox.take(session, _TO_MOVE, BATCH, now)
            if rows:
                rules = await self._rules()
                for row in _in_time(rows):
                    if row.status in _TO_MOVE:  # not what another one of the batch has ended
                        await move(session, rules, row, now)
            if any(row.status == "quarantined" or row.kind == SOURCE_STATE for row in rows):
                await exceptions.changed(session, INBOX)
            return len(rows), await pump_read.exceptions_with_deliveries(session, now)

    async def _move(self, session: AsyncSession, rules: Rules, row: InboxRow, now: datetime) -> None:
        with session.no_autoflush:  # the row is written once, not before each question
            if row.category == "answer":
                await resolve(session, row)
                await self._reply_if_ended(session, row, rules.site)
            elif row.category == commands.CATEGORY:
                await commands.resolve(session, row, now)
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

    def _start_deliveries(self, waiting: dict[str, bool]) -> None:
        for exception_id, failed in waiting.items():
            if exception_id in self._busy:
                self._overlooked.add(exception_id)
            else:
                task = asyncio.create_task(self._deliver_all(exception_id, self._doubtful if failed else self._slots))
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

    async def _deliver_all(self, exception_id: str, slots: asyncio.Semaphore) -> None:
        try:
            async with slots:
                await self._deliver_or_hold_back(exception_id)
            self._back()
        except _AWAY as error:
            self._away += 1
            if _worth_saying(self._away):
                log.warning("deliveries wait: %s", str(error).split("\n")[0])
            await asyncio.sleep(_PAUSE_S)
            self._overlooked.add(exception_id)

    def _back(self) -> None:
        if self._away:
            log.info("deliveries go on")
        self._away = 0

    async def _deliver_or_hold_back(self, exception_id: str) -> None:
        try:
            await self._deliver(exception_id)
        except NotTakenError as error:
            await self._hold_back(exception_id, error.message)
        except _AWAY:
            raise
        except Exception as error:
            log.exception("delivery to %s broke", exception_id)
            await self._hold_back(exception_id, f"a fault of mos: {type(error).__name__}: {error}")

    async def _hold_back(self, exception_id: str, why: str) -> None:
        """Said once, then each time it was tried twice as often; the inbox shows it all the time."""
        now = self._now()
        async with self._database.transaction() as session:
            told = f"not taken by its exception, tried again and again: {why}"
            times = await exceptions.hold_back(session, exception_id, told, lambda tried: now + _held_back(tried))
        if times and _worth_saying(times):
            log.warning("%s takes no messages, tried %d times: %s", exception_id, times, why)

    async def _deliver(self, exception_id: str) -> None:
        async with self._database.statements() as session:
            row, rows = await pump_read.deliveries(session, exception_id, BATCH)
            if row is None:
                return
            definition, site = await _pinned(session, row)
        for category, group in groupby(rows, key=lambda item: item.category):
            items = list(group)
            if category == "signal":
                await self._deliver_signals(row, definition, site, items)
            else:
                deliver = self._deliver_command if category == commands.CATEGORY else self._deliver_answer
                for item in items:
                    await deliver(row, definition, site, item)
        if rows[0].error:
            log.info("%s takes messages again", exception_id)

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
        if await self._restarted(row, definition, site):
            await self._delivered(row.id, signals, {"accepted": True, "code": "restarted"})
        else:
            await self._again(signals)

    async def _restarted(self, row: ExceptionRow, definition: Definition, site: Site) -> bool:
        """Give Temporal an open exception again that it does not know any more."""
        if row.closed_at is not None or await self._deliverer.is_known(row):
            return False
        async with self._database.transaction() as session:
            every = await pump_read.signals_of(session, row.id)
        await self._deliverer.start(row, definition, site, every)
        return True

    async def _again(self, signals: list[InboxRow]) -> None:
        seqs = [item.seq or 0 for item in signals]
        async with self._database.transaction() as session:
            await inbox.mark(session, seqs, error=None, due_at=None)
            await inbox.correlate_again(session, seqs)
        self.wake()

    async def _deliver_answer(self, row: ExceptionRow, definition: Definition, site: Site, item: InboxRow) -> None:
        result = await self._deliverer.answer(row, answer_of(item, item.received_at))
        if result is None and await self._restarted(row, definition, site):
            raise NotTakenError("Temporal had lost it: it was started again")
        async with self._database.transaction() as session:
            outcome = result.model_dump(mode="json") if result else await too_late(session, item)
            await exceptions.taken(session, row.id, [item.seq or 0], outcome)
            item.outcome = outcome
            reply = reply_row(item, self._now(), ZoneInfo(site.timezone))
            await outbox.add(session, [reply] if reply else [])

    async def _deliver_command(self, row: ExceptionRow, definition: Definition, site: Site, item: InboxRow) -> None:
        async with self._database.transaction() as session:
            command = await commands.command_of(session, item)
        result = await self._deliverer.command(row, command)
        if result is None and await self._restarted(row, definition, site):
            raise NotTakenError("Temporal had lost it: it was started again")
        async with self._database.transaction() as session:
            await commands.taken(session, row, item, result, self._now())

    async def _delivered(self, exception_id: str, signals: list[InboxRow], outcome: dict[str, object]) -> None:
        async with self._database.transaction() as session:
            await exceptions.taken(session, exception_id, [item.seq or 0 for item in signals], outcome)


def _in_time(rows: list[InboxRow]) -> Iterator[InboxRow]:
    """What came in, in inbox order, and between it what waited, at the end of its time: after a pause of the pump a
    signal that cleared in time must not open. In a full batch more may have come before that end: it waits on."""
    fresh = [row for row in rows if row.status != "settling"]
    waited = sorted((row for row in rows if row.status == "settling"), key=_moment)
    if fresh and len(rows) == BATCH:
        waited = [row for row in waited if _moment(row) <= _moment(fresh[-1])]
    return merge(fresh, waited, key=_moment)


def _moment(row: InboxRow) -> datetime:
    return row.due_at if row.status == "settling" and row.due_at else row.received_at


def _held_back(times: int) -> timedelta:
    return timedelta(seconds=_HELD_BACK_S[min(times, len(_HELD_BACK_S)) - 1])


def _worth_saying(times: int) -> bool:
    """The first time, then at intervals that double."""
    return times.bit_count() == 1


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
