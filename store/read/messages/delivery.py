"""When an exception first reached somebody: read from the messages themselves, whose rows alone hold that truth.

By SMS the carrier's receipt counts. Slack gives none: there it counts that Slack took the message into the
conversation. Edits, replies and messages that only tell do not count.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.values import Json, iso, parse_time
from store.read.messages.reach import ALIVE, ENDED
from store.tables import OutboxRow, TimelineRow

_ASKING = ("task", "approve")
_MISSED = (*_ASKING, "notify")
DELIVERED = "delivered"


def milestones(known: dict[str, Json], messages: Sequence[OutboxRow]) -> dict[str, Json]:
    """What the workflow told, and when the first message that asks was delivered."""
    message = first(messages)
    return known if message is None else known | {DELIVERED: iso(_counted(known, _at(message)))}


def told(known: dict[str, Json], messages: Sequence[OutboxRow]) -> list[TimelineRow]:
    """The lines of the story that say so: who was reached first, what did not arrive, who was not reached at all."""
    message = first(messages)
    reached = [_line(message, DELIVERED, _counted(known, _at(message)), channel=message.channel)] if message else []
    return [*reached, *_missed(messages)]


def _missed(messages: Sequence[OutboxRow]) -> list[TimelineRow]:
    """By ask and person: each message that went wrong, and where it went instead; then whether nothing is left."""
    asks: dict[str, list[OutboxRow]] = {}
    for row in messages:
        if row.edits is None and row.purpose in _MISSED:
            asks.setdefault(row.reach or row.id, []).append(row)
    lines = list[TimelineRow]()
    for rows in asks.values():
        ended = [row for row in rows if row.state in ENDED and row.ended_at is not None]
        for row in ended:
            after = (one for one in rows if one.state in ALIVE and one.id != row.id)
            instead = min(after, key=lambda one: one.next_at, default=None)
            more = {"channel": row.channel, "why": row.error or "", "instead": instead.channel if instead else ""}
            kind = "expired_message" if row.state == "expired" else "not_delivered"
            lines.append(_line(row, kind, row.ended_at or row.created_at, **more))
        if ended and not any(row.state in (*ALIVE, "withdrawn") for row in rows):
            lines.append(_line(ended[-1], "unreachable", max(row.ended_at or row.created_at for row in ended)))
    return lines


def _line(message: OutboxRow, kind: str, at: datetime, **more: Json) -> TimelineRow:
    data = {"task": message.payload.get("step", "")} | more
    return TimelineRow(
        exception_id=message.exception_id or "", entry=0, at=at, kind=kind, person=message.person, data=data
    )


def first(messages: Sequence[OutboxRow]) -> OutboxRow | None:
    """The message that asks and was delivered before all others."""
    delivered = [row for row in messages if row.purpose in _ASKING and row.delivered_at is not None]
    return min(delivered, key=_at, default=None)


async def reached(session: AsyncSession, exceptions: Sequence[str]) -> frozenset[str]:
    """Which of these exceptions have reached somebody."""
    found = select(col(OutboxRow.exception_id)).where(
        col(OutboxRow.exception_id).in_(exceptions),
        col(OutboxRow.purpose).in_(_ASKING),
        col(OutboxRow.delivered_at).is_not(None),
    )
    return frozenset(str(exception_id) for exception_id in (await session.scalars(found.distinct())).all())


def _at(message: OutboxRow) -> datetime:
    if message.delivered_at is None:
        raise ValueError(message.id)
    return message.delivered_at


def _counted(known: dict[str, Json], at: datetime) -> datetime:
    """Not before `sent`, which the workflow notes a moment after the message has left."""
    sent = known.get("sent")
    return max(at, parse_time(sent)) if sent else at
