"""What somebody was shown of a task: the newest message to a person, and the message that a thread hangs on."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.asking.messages import Message
from domain.rosters.people import ChannelName
from store.tables import OutboxRow, PersonRow, TaskRow


async def shown(session: AsyncSession, task: TaskRow, person: str) -> Message:
    """The task as this person was shown it last, on whatever channel; for others as it was asked."""
    statement = (
        select(col(OutboxRow.payload))
        .where(col(OutboxRow.task_id) == task.id, col(OutboxRow.person) == person, col(OutboxRow.state) != "withdrawn")
        .order_by(col(OutboxRow.created_at).desc(), col(OutboxRow.id).desc())
    )
    for payload in (await session.scalars(statement.limit(5))).all():
        message = Message.model_validate(payload)
        if message.task:
            return message
    return Message.model_validate(task.shown)


async def hanging_on(session: AsyncSession, conversation: str, vendor_id: str) -> OutboxRow | None:
    """The message of a task in this Slack conversation with this `ts`: what a reply in its thread is about."""
    statement = select(OutboxRow).where(
        col(OutboxRow.vendor_id) == vendor_id,
        col(OutboxRow.conversation) == conversation,
        col(OutboxRow.channel) == ChannelName.SLACK.value,
        col(OutboxRow.task_id).is_not(None),
        col(OutboxRow.edits).is_(None),
    )
    found: OutboxRow | None = await session.scalar(statement.limit(1))
    return found


async def thread_of(session: AsyncSession, row: OutboxRow) -> str | None:
    """The `ts` of the first Slack message of this row's task to the same address, if it was sent before this row."""
    statement = (
        select(col(OutboxRow.vendor_id))
        .where(
            col(OutboxRow.task_id) == row.task_id,
            col(OutboxRow.address) == row.address,
            col(OutboxRow.channel) == ChannelName.SLACK.value,
            col(OutboxRow.state) == "sent",
            col(OutboxRow.edits).is_(None),
            col(OutboxRow.vendor_id).is_not(None),
            col(OutboxRow.created_at) < row.created_at,
        )
        .order_by(col(OutboxRow.created_at), col(OutboxRow.id))
        .limit(1)
    )
    found: str | None = await session.scalar(statement)
    return found


async def others_open(session: AsyncSession, person: str, limit: int) -> list[TaskRow]:
    """Open tasks that are not this person's to answer, the newest first."""
    mine = col(TaskRow.asked).contains([person])
    taken = (col(TaskRow.person).is_not(None)) & (col(TaskRow.person) != person)
    statement = select(TaskRow).where(col(TaskRow.closed_at).is_(None), ~mine | taken)
    return list((await session.scalars(statement.order_by(col(TaskRow.opened_at).desc()).limit(limit))).all())


async def names(session: AsyncSession, people: Sequence[str]) -> dict[str, str]:
    """Person id -> name, of those who are known."""
    statement = select(col(PersonRow.id), col(PersonRow.data)).where(col(PersonRow.id).in_(set(people)))
    return {row[0]: str(row[1].get("name", row[0])) for row in (await session.execute(statement)).all()}
