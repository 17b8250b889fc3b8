"""Runs of the reconciliation and what they find."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.books.ledger import State
from domain.books.reconciliation import Difference
from domain.ids import derived_id
from domain.values import Json
from store.tables import DifferenceRow, LedgerRow, ReconciliationRow
from store.write.books.ledger import find_locked

_CLAIMING = 0x6D6F7352  # advisory lock
_DEAD = timedelta(minutes=2)  # a run that was not heard of for so long has lost its worker


async def ask(session: AsyncSession, system: str, since: datetime, by: str, now: datetime) -> str:
    """A run that somebody wants (`by` empty: the schedule); its id. One that waits already is used."""
    waits = select(ReconciliationRow).where(
        col(ReconciliationRow.system) == system, col(ReconciliationRow.status) == "waiting"
    )
    row = (await session.scalars(waits.order_by(col(ReconciliationRow.asked_at)).with_for_update())).first()
    if row is not None:
        row.since, row.asked_by = min(row.since, since), row.asked_by or by
        return row.id
    number = derived_id("rec", system, by, now.isoformat())
    values = {"id": number, "system": system, "asked_by": by, "asked_at": now, "since": since, "status": "waiting"}
    counts: dict[str, Json] = {"compared": 0, "unread": 0, "booked": 0, "found": {}, "error": ""}
    await session.execute(insert(ReconciliationRow).values(values | counts).on_conflict_do_nothing())
    return number


async def claim(session: AsyncSession, systems: Collection[str], now: datetime) -> ReconciliationRow | None:
    """The oldest run that waits, or whose worker died; from now on ours. One at a time for each system."""
    if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _CLAIMING}):
        return None
    run = ReconciliationRow
    alive = (col(run.status) == "running") & (col(run.alive_at) > now - _DEAD)
    busy = set(await session.scalars(select(col(run.system)).where(alive)))
    free = [name for name in systems if name not in busy]
    wanted = (col(run.status) == "waiting") | (col(run.status) == "running")
    statement = select(run).where(wanted, col(run.system).in_(free)).order_by(col(run.asked_at)).limit(1)
    row = (await session.scalars(statement.with_for_update())).first()
    if row is not None:
        row.status, row.started_at, row.alive_at = "running", now, now
        row.compared = row.unread = row.booked = 0
        row.found, row.error = {}, ""
    return row


async def alive(session: AsyncSession, run: str, now: datetime, **values: Json) -> None:
    """It is still at it, and how far."""
    await session.execute(
        update(ReconciliationRow).where(col(ReconciliationRow.id) == run).values(alive_at=now, **values)
    )


async def as_before(session: AsyncSession, ids: Sequence[str], now: datetime) -> None:
    """These were read back, and stand as they did."""
    still = col(LedgerRow.id).in_(ids) & (col(LedgerRow.status) == State.RECONCILED.value)
    await session.execute(update(LedgerRow).where(still).values(read_back_at=now))


async def end(session: AsyncSession, run: str, status: str, now: datetime, **values: Json) -> None:
    """How it went."""
    done = update(ReconciliationRow).where(col(ReconciliationRow.id) == run)
    await session.execute(done.values(status=status, ended_at=now, alive_at=now, **values))


@dataclass(frozen=True)
class Kept:
    """`news`: not found before, gone meanwhile, or other values than before; `open`: nobody has explained it."""

    id: str
    news: bool
    open: bool = True


async def found(session: AsyncSession, difference: Difference, run: str, now: datetime) -> Kept:
    """Keep it, as the one that is open or was explained before if it is the same."""
    row = await _last(session, difference)
    if row is None or row.state == "gone" or (row.state == "explained" and row.digest != difference.digest):
        return await _insert(session, difference, run, now)
    news = row.digest != difference.digest
    row.digest, row.fields, row.last_at, row.last_run = difference.digest, _fields(difference), now, run or row.last_run
    return Kept(row.id, news, row.state == "open")


async def _last(session: AsyncSession, one: Difference) -> DifferenceRow | None:
    row = DifferenceRow
    same = (col(row.system) == one.system, col(row.kind) == one.kind.value, col(row.key) == one.key)
    newest = select(row).where(*same).order_by(col(row.first_at).desc(), col(row.id).desc()).limit(1)
    return (await session.scalars(newest.with_for_update())).first()


async def _insert(session: AsyncSession, one: Difference, run: str, now: datetime) -> Kept:
    values: dict[str, Json] = {
        "id": derived_id("dif", one.system, one.kind.value, one.key, now.isoformat()),
        "system": one.system,
        "kind": one.kind.value,
        "key": one.key,
        "digest": one.digest,
        "transaction_id": one.transaction,
        "exception_id": one.exception,
        "documents": one.documents,
        "fields": _fields(one),
        "booked_at": one.booked_at,
        "first_at": now,
        "first_run": run,
        "last_at": now,
        "last_run": run,
        "state": "open",
        "settled_by": "",
        "reason": "",
    }
    made = insert(DifferenceRow).values(values).on_conflict_do_nothing().returning(col(DifferenceRow.id))
    number = (await session.scalars(made)).first()
    return Kept(number or "", news=number is not None)  # None: another worker found it at the same time


def _fields(one: Difference) -> Json:
    return [field.model_dump(mode="json") for field in one.fields]


async def agrees(session: AsyncSession, transaction_id: str, run: str, now: datetime, *, but: str = "") -> None:
    """It was read back, and stands as it was posted (but for this kind): what was found of that before is gone."""
    kinds = [kind for kind in ("changed", "missing") if kind != but]
    row = DifferenceRow
    mine = (col(row.transaction_id) == transaction_id) & (col(row.state) == "open") & col(row.kind).in_(kinds)
    await session.execute(
        update(row).where(mine).values(state="gone", settled_at=now, last_run=run or col(row.last_run))
    )


async def gone(
    session: AsyncSession, system: str, run: str, kinds: Mapping[str, Collection[str]], now: datetime
) -> int:
    """Open differences of these kinds whose keys (by kind) a look at the system's own table did not find again; gives
    how many."""
    row, count = DifferenceRow, 0
    for kind, keys in kinds.items():
        lost = (col(row.system) == system) & (col(row.kind) == kind) & (col(row.state) == "open")
        lost &= col(row.key).not_in(list(keys))
        changed = update(row).where(lost).values(state="gone", settled_at=now, last_run=run).returning(col(row.id))
        count += len((await session.scalars(changed)).all())
    return count


async def explain(session: AsyncSession, number: str, by: str, reason: str, now: datetime) -> DifferenceRow | None:
    """A person says what it is; None when it is not open."""
    row = await session.get(DifferenceRow, number, with_for_update=True, populate_existing=True)
    if row is None or row.state != "open":
        return None
    row.state, row.settled_at, row.settled_by, row.reason = "explained", now, by, reason
    return row


async def transaction_of(session: AsyncSession, number: str) -> LedgerRow | None:
    """The transaction that a difference is about, locked before the difference is, as a run does."""
    row = await session.get(DifferenceRow, number)
    return await find_locked(session, row.transaction_id) if row is not None and row.transaction_id else None
