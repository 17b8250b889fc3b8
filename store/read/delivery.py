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
from store.tables import OutboxRow, TimelineRow

_ASKING = ("task", "approve")
DELIVERED = "delivered"


def milestones(known: dict[str, Json], messages: Sequence[OutboxRow]) -> dict[str, Json]:
    """What the workflow told, and when the first message that asks was delivered."""
    message = first(messages)
    return known if message is None else known | {DELIVERED: iso(_counted(known, _at(message)))}


def told(known: dict[str, Json], messages: Sequence[OutboxRow]) -> list[TimelineRow]:
    """The line of the story that says so."""
    message = first(messages)
    if message is None:
        return []
    data = {"channel": message.channel, "task": message.payload.get("step", "")}
    return [
        TimelineRow(
            exception_id=message.exception_id or "",
            entry=0,
            at=_counted(known, _at(message)),
            kind=DELIVERED,
            person=message.person,
            data=data,
        )
    ]


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
