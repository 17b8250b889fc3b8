"""Troubles of transactions: who has to see to one hears of it by a signal, committed with the move that made it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.books.outcomes import OutcomeTransaction
from domain.books.trouble import SETTLED, Trouble, beside, decided_under, is_over, kind_of, mark, subject, trouble_of
from domain.values import Json
from store.read import site as site_read
from store.read.books.troubles import WAITING
from store.tables import DecisionRow, ExceptionRow, LedgerRow
from store.write import inbox
from store.write.books import ledger


async def moved(
    session: AsyncSession,
    row: LedgerRow,
    now: datetime,
    *,
    link: str = "",
    why: str = "",
    changes: Sequence[dict[str, str]] = (),
) -> None:
    """Of a locked row, after it has moved: its new state may be a trouble by itself, or end one."""
    if kind := trouble_of(row.status):
        await tell(session, row, kind, now, link=link, why=why, changes=changes)
    elif row.trouble and is_over(kind_of(row.trouble), row.status):
        await settle(session, row, now)


async def tell(
    session: AsyncSession,
    row: LedgerRow,
    kind: str,
    now: datetime,
    *,
    link: str = "",
    why: str = "",
    changes: Sequence[dict[str, str]] = (),
    count: int = 1,
) -> bool:
    """Of a locked row: this trouble begins, unless it was told already. What it was in before is over."""
    if kind_of(row.trouble) == kind:
        return False
    await settle(session, row, now)
    await _one_at_a_time(session, row.system)
    row.troubles += 1
    known = await _known(session, row)
    row.trouble = mark(kind, known.decided_by)
    more = {
        "event": f"{known.event}:{kind}",
        "about": subject(row.system, row.trouble),
        "why": why,
        "link": link,
        "changes": changes,
        "count": count,
    }
    told = known.model_copy(update=more | {"kind": kind})
    await inbox.add_signals(session, [told.raw(now)], now)
    return True


async def settle(session: AsyncSession, row: LedgerRow, now: datetime) -> None:
    """Of a locked row: its trouble is over. Said when no other transaction is in the same."""
    if not row.trouble:
        return
    await _one_at_a_time(session, row.system)
    was, row.trouble = row.trouble, ""
    await session.flush()
    others = (
        select(col(LedgerRow.id))
        .where(col(LedgerRow.system) == row.system, col(LedgerRow.trouble).in_(beside(was)))
        .where(col(LedgerRow.id) != row.id)
        .limit(1)
    )
    if (await session.scalars(others)).first() is not None:
        return
    known = await _known(session, row)
    more = {"event": f"{known.event}:{SETTLED}", "about": subject(row.system, was)}
    await inbox.add_signals(session, [known.model_copy(update=more).raw(now)], now)


async def answers(session: AsyncSession, system: str, now: datetime) -> None:
    """The system takes something again: its silence is over, and what waited looks again, in the ledger's order."""
    told = select(LedgerRow).where(col(LedgerRow.system) == system, col(LedgerRow.trouble) == WAITING)
    for row in (await session.scalars(told.order_by(col(LedgerRow.id)).with_for_update())).all():
        await settle(session, row, now)
    await ledger.nudge_away(session, system, now)


async def _one_at_a_time(session: AsyncSession, system: str) -> None:
    """Two that end at once must not each take the other for the last one, nor may one begin between."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 8))")
    await session.execute(lock, {"name": f"trouble:{system}"})


async def _known(session: AsyncSession, row: LedgerRow) -> Trouble:
    """Who and what a transaction is about."""
    exception = await session.get(ExceptionRow, row.exception_id)
    decider = await _decider(session, row)
    person = await site_read.person(session, decider) if decider else None
    told = {"id": row.id, "key": row.key, "exception_id": row.exception_id, "system": row.system}
    outcomes = OutcomeTransaction.model_validate(told | {"outcomes": row.outcomes}).outcomes
    about: dict[str, Json] = {"of": row.exception_id, "definition": row.definition}
    if exception is not None:
        about |= {"title": exception.title, "urgency": exception.priority, "equipment": exception.equipment}
    return Trouble(
        event=f"{row.id}:{row.troubles}",
        transaction=row.id,
        kind=SETTLED,
        about="",
        system=row.system,
        objects=row.objects,
        needs=decided_under(outcomes),
        decided_by=decider,
        decided_by_name=person.name if person else decider,
        **about,
    )


async def _decider(session: AsyncSession, row: LedgerRow) -> str:
    """Whose word it rests on: of the decision, the reversal, or the version that grants the standing authority."""
    decision = await session.get(DecisionRow, row.decision) if row.decision else None
    return decision.person if decision else row.approved_by or row.standing_grantor
