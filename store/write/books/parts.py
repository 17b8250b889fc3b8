"""The parts of a transaction: planned, moved on, and the reversals that take them back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.books.ledger import State
from domain.books.outcome_rules import objects_of
from domain.books.outcomes import CancelDocuments, OutcomeTransaction
from domain.books.saga import APPROVED_BY_RULE, REQUESTED_BY, PartState, has_way_back, part_key, undone_alone
from domain.ids import derived_id
from domain.values import Json
from store.read.books import parts as read
from store.read.books.parts import MAY_STAND
from store.tables import LedgerPartRow, LedgerRow
from store.write.books import ledger

_OPEN = (PartState.POSTING, PartState.UNKNOWN)


async def plan(session: AsyncSession, row: LedgerRow, groups: Sequence[Json]) -> list[LedgerPartRow]:
    """The parts of this attempt. What stands of an earlier one goes on standing, and what may stand keeps its key, by
    which it is looked up; everything else is begun anew, under a key that nothing has been posted with."""
    earlier = await read.current(session, row.id)
    if all(part.status == PartState.WAITING for part in earlier):  # nothing was sent: perhaps it was mended since
        attempt = earlier[0].attempt if earlier else 1
        await session.execute(delete(LedgerPartRow).where(col(LedgerPartRow.key).in_([part.key for part in earlier])))
        earlier = []
    else:
        attempt = earlier[0].attempt + 1
    standing = {part.number: part for part in earlier if part.status in MAY_STAND}
    for number, outcomes in enumerate(groups, start=1):
        if number in standing:
            standing[number].attempt = attempt
            continue
        key = part_key(row.key, number, attempt)
        made = LedgerPartRow(key=key, transaction=row.id, attempt=attempt, number=number, outcomes=outcomes)
        session.add(made)
    await session.flush()
    return await read.current(session, row.id)


async def move(session: AsyncSession, key: str, before: str, status: PartState, **values: Any) -> bool:
    """Set a part's state and what goes with it; False when it is not in the state before any more."""
    where = (col(LedgerPartRow.key) == key) & (col(LedgerPartRow.status) == before)
    statement = update(LedgerPartRow).where(where).values(status=status.value, **values)
    return (await session.execute(statement.returning(col(LedgerPartRow.key)))).first() is not None


async def taken_back(session: AsyncSession, reversal_id: str) -> bool:
    """The part that this reversal was drafted for stands no more; False when there is none."""
    statement = update(LedgerPartRow).where(col(LedgerPartRow.reversal) == reversal_id)
    done = await session.execute(statement.values(status=PartState.REVERSED.value).returning(col(LedgerPartRow.key)))
    return done.first() is not None


async def wake(session: AsyncSession, reversal: LedgerRow, now: datetime) -> None:
    """What waits for this way back looks again: those of earlier parts, and the transaction itself."""
    waits = col(LedgerRow.held)["why"].astext == "taking_back"
    whole = (col(LedgerRow.reverses) == reversal.reverses) | (col(LedgerRow.id) == reversal.reverses)
    await session.execute(update(LedgerRow).where(waits & whole).values(nudge_at=now))


async def take_back(session: AsyncSession, row: LedgerRow, now: datetime, *, given_up: bool = False) -> None:
    """Draft a reversal for each part that stands, the last first. Nothing while nobody knows what became of a part,
    unless the whole was `given_up`; nothing of a reversal, which goes on where it was."""
    parts = [] if row.reverses else await read.current(session, row.id)
    if any(part.status in _OPEN for part in parts) and not given_up:
        return
    for part in reversed(parts):
        if part.status == PartState.POSTED and not part.reversal:
            await _reversal(session, row, part, now)


async def _reversal(session: AsyncSession, row: LedgerRow, part: LedgerPartRow, now: datetime) -> None:
    drafted = {"id": row.id, "key": part.key, "exception_id": row.exception_id, "system": row.system}
    outcomes = OutcomeTransaction.model_validate(drafted | {"outcomes": part.outcomes}).outcomes
    if not has_way_back(outcomes):
        return
    alone = undone_alone(outcomes)
    placeholder = CancelDocuments(documents=part.documents or [part.key], reason="")
    reversal = LedgerRow(
        id=derived_id("txn", part.key, "reversal"),
        key=f"{part.key}:reversal",
        exception_id=row.exception_id,
        step=row.step,
        system=row.system,
        definition=row.definition,
        outcomes=[placeholder.model_dump(mode="json")],
        objects=objects_of(outcomes),
        status=State.DRAFTED.value,
        drafted_at=now,
        reverses=row.id,
        requested_by=REQUESTED_BY,
        approved_by=APPROVED_BY_RULE if alone else "",
    )
    made = await ledger.draft(session, reversal.model_dump(exclude={"seq"}))
    made.nudge_at, part.reversal = now, made.id
    data = {"part": part.number, "reversal": made.id, "by_rule": alone}
    fact = {"at": now, "kind": "transaction.taking_back", "actor": "mos", "subject": row.id, "data": data}
    await ledger.audit(session, fact)
