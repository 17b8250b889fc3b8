"""Calendar feeds: a secret address for a person's or a schedule's times. Only its hash is kept."""

import hashlib
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor, may, on_roster
from admin.roster.people import AUTHORITY, audit
from domain.errors import NotFoundError
from store.db import Database
from store.read import site as site_read
from store.read.rosters import roster as read
from store.tables import FeedRow
from store.write.rosters import roster as write

KINDS = ("person", "schedule")


def token_hash(token: str) -> str:
    """256 random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


async def make_feed(
    database: Database, kind: str, subject: str, randomness: Callable[[int], bytes], *, by: Actor, now: datetime
) -> str:
    """A new secret token; the one before ends. It is shown once. Raises NotAllowedError, NotFoundError."""
    token = randomness(32).hex()
    async with database.transaction() as session:
        await _allowed(session, kind, subject, by)
        await write.end_feeds(session, kind, subject)
        row = FeedRow(token_hash=token_hash(token), kind=kind, subject=subject, made_by=by.id, made_at=now)
        await write.add(session, row)
        await audit(session, "feed.made", subject, {"kind": kind}, by, now)
    return token


async def end_feed(database: Database, kind: str, subject: str, *, by: Actor, now: datetime) -> None:
    """Its address leads nowhere from now on. Raises NotFoundError when there is none."""
    async with database.transaction() as session:
        await _allowed(session, kind, subject, by)
        if not await write.end_feeds(session, kind, subject):
            raise NotFoundError("There is no such feed")
        await audit(session, "feed.ended", subject, {"kind": kind}, by, now)


async def _allowed(session: AsyncSession, kind: str, subject: str, by: Actor) -> None:
    """One's own times, and every schedule, which everybody here sees; another's times for who keeps the roster."""
    if kind == "schedule" or (by.signed_in and by.id == subject):
        await on_roster(session, by)
    else:
        await may(session, by, AUTHORITY)
    found = await (read.schedule_row(session, subject) if kind == "schedule" else site_read.person(session, subject))
    if kind not in KINDS or found is None:
        raise NotFoundError(f"no {kind} '{subject}'")
