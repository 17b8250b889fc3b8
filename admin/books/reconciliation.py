"""What people do about the reconciliation: have it look again, say what a difference is. Each with its record."""

from datetime import datetime, timedelta

from admin.actors import Actor, may
from admin.books.ledger import AUTHORITY
from domain.books.ledger import Event, State, step
from domain.books.outcomes import System
from domain.books.reconciliation import Kind
from domain.errors import ConflictError, InvalidPayloadError
from store.db import Database
from store.write import exceptions
from store.write.books import ledger, troubles
from store.write.books import reconciliation as write

_REASON = 500
_LONGEST = timedelta(days=3660)


async def look_again(database: Database, system: str, since: datetime, *, by: Actor, now: datetime) -> str:
    """Compare everything of a system that was posted since then, as soon as a worker is free; the run's id.

    Raises InvalidPayloadError, NotAllowedError."""
    if system not in [one.value for one in System]:
        raise InvalidPayloadError("Choose a system.")
    if not now - _LONGEST < since <= now:
        raise InvalidPayloadError("Choose a day of the last ten years.")
    async with database.transaction() as session:
        await may(session, by, AUTHORITY)
        run = await write.ask(session, system, since, by.id, now)
        data = {"run": run, "since": since.isoformat(), "evidence": by.evidence}
        fact = {"at": now, "kind": "ledger.reconcile", "actor": by.id, "subject": f"system:{system}", "data": data}
        await ledger.audit(session, fact)
        return run


async def explain(database: Database, number: str, reason: str, *, by: Actor, now: datetime) -> None:
    """Of an open difference: what it is and what was done about it. The same again is no news from now on; another
    value is.

    Raises ConflictError when it is not open, InvalidPayloadError, NotAllowedError."""
    why = reason.strip()
    if not why or len(why) > _REASON:
        raise InvalidPayloadError(f"Say what it is, in {_REASON} characters at most.")
    async with database.transaction() as session:
        await may(session, by, AUTHORITY)
        held = await write.transaction_of(session, number)
        row = await write.explain(session, number, by.id, why, now)
        if row is None:
            raise ConflictError("This difference is not open any more. Load the page again.")
        if held is not None and held.status == State.DIFFERS and row.kind in (Kind.CHANGED, Kind.MISSING):
            held.status = step(held.status, Event.READ_BACK).value
            await troubles.moved(session, held, now)
            await exceptions.changed(session, held.exception_id)
        data = {"difference": row.id, "kind": row.kind, "key": row.key, "reason": why, "evidence": by.evidence}
        subject = row.transaction_id or row.key
        fact = {"at": now, "kind": "ledger.difference_explained", "actor": by.id, "subject": subject, "data": data}
        await ledger.audit(session, fact)
