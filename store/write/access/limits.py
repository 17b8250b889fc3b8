"""Counting what may not happen often: wrong codes, floods of texts. One statement a count, so that copies of the
product count together."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import case, delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.asking.messages import Message, MessageKind
from domain.ids import derived_id
from domain.rosters.people import Person
from domain.values import Json, iso
from store.read import site as site_read
from store.read.access.limits import INBOUND, PRESSES, WRONG_CODE, Limit, line, locked, subject
from store.tables import LimitRow
from store.write.books import ledger
from store.write.messages import outbox

__all__ = ["Pace", "clear", "count", "inbound", "locked", "presses", "sweep", "wrong_code"]
_MANY = 1_000_000


class Pace(StrEnum):
    """May it go on? `tell`: refuse it, and say so; `silent`: refuse it, it was said already."""

    FINE = "fine"
    TELL = "tell"
    SILENT = "silent"


async def count(session: AsyncSession, limit: Limit, who: str, now: datetime) -> int:
    """It happened once more; gives how often in this window, this one included."""
    fresh = insert(LimitRow).values(kind=limit.kind, subject=who, hits=1, until=now + limit.window)
    over = col(LimitRow.until) <= now
    again = fresh.on_conflict_do_update(
        index_elements=["kind", "subject"],
        set_={
            "hits": case((over, 1), else_=func.least(col(LimitRow.hits) + 1, _MANY)),
            "until": fresh.excluded.until
            if limit.quiet
            else case((over, fresh.excluded.until), else_=col(LimitRow.until)),
        },
    )
    return int((await session.execute(again.returning(col(LimitRow.hits)))).scalar_one())


async def clear(session: AsyncSession, limit: Limit, who: str) -> None:
    """It went well: what went wrong before is forgiven."""
    await session.execute(delete(LimitRow).where(col(LimitRow.kind) == limit.kind, col(LimitRow.subject) == who))


async def sweep(session: AsyncSession, now: datetime) -> None:
    """Forget windows that are over."""
    await session.execute(delete(LimitRow).where(col(LimitRow.until) <= now))


async def inbound(session: AsyncSession, channel: str, address: str, now: datetime) -> Pace:
    """One more text or press from this address."""
    return _pace(INBOUND, await count(session, INBOUND, line(channel, address), now))


async def presses(session: AsyncSession, person: str, now: datetime) -> Pace:
    """One more text or press of this person, on whatever channel."""
    return _pace(PRESSES, await count(session, PRESSES, subject(person), now))


def _pace(limit: Limit, times: int) -> Pace:
    if times <= limit.most:
        return Pace.FINE
    return Pace.TELL if times == limit.most + 1 else Pace.SILENT


async def wrong_code(session: AsyncSession, channel: str, address: str, person: str, now: datetime) -> bool:
    """This person sent a task code that is none of theirs; True when that was once too often: nothing from this address
    counts for 15 minutes, and the person reads about it at another address (C15). Ask `locked` before."""
    times = await count(session, WRONG_CODE, line(channel, address, person), now)
    if times == WRONG_CODE.most:
        await _lock_told(session, channel, address, person, now)
    return times >= WRONG_CODE.most


async def _lock_told(session: AsyncSession, channel: str, address: str, person: str, now: datetime) -> None:
    data: dict[str, Json] = {"channel": channel, "address": address, "until": iso(now + WRONG_CODE.window)}
    fact: dict[str, Json] = {"at": now, "kind": "codes_locked", "actor": person, "subject": person, "data": data}
    await ledger.audit(session, fact)
    known = await site_read.person(session, person)
    if known is not None:
        await outbox.add(session, _warning(known, channel, address, now))


def _warning(person: Person, channel: str, address: str, now: datetime) -> list[dict[str, Json]]:
    """To the first other address of the person; whoever has nothing but this one reads of it in the console only."""
    others = [contact for contact in person.contacts if contact.verified and contact.address != address]
    message = Message(
        kind=MessageKind.REPLY,
        definition="",
        exception_id="",
        language=person.language,
        title=f"{channel} {address[-4:]}",
        reply_code="guarded",
    )
    return [
        {
            "id": derived_id("msg", "guarded", person.id, channel, address, iso(now)),
            "exception_id": None,
            "task_id": None,
            "person": person.id,
            "channel": contact.channel.value,
            "address": contact.address,
            "purpose": "security",
            "priority": "high",
            "edits": None,
            "payload": message.model_dump(mode="json"),
            "state": "pending",
            "attempts": 0,
            "next_at": now,
            "created_at": now,
            "conversation": "",
        }
        for contact in others[:1]
    ]
