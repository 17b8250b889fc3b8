"""When a message can't arrive: the next contact of the same person gets it, at once. STOP and START of an address."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.asking.messages import Message, MessageKind, Standing
from domain.ids import derived_id
from domain.rosters.contacts import ContactMethod
from domain.rosters.people import ChannelName, Person
from domain.rosters.reach import allowed_at, fallbacks
from domain.values import Json, iso
from store.db import CHANGED
from store.read import site as site_read
from store.read.messages import reach as read
from store.tables import OutboxRow, StoppedRow, TaskRow
from store.write.books import ledger
from store.write.messages import outbox

MOVABLE = ("task", "approve", "notify")
OPTED_OUT = "21610"  # Twilio: the owner of the number sent STOP
_LEADS = ("lead", "supervisor")


async def lock(session: AsyncSession, *rows: OutboxRow) -> None:
    """One at a time for the messages of one ask to one person; taken before any of their rows is."""
    for group in sorted({row.reach for row in rows if row.reach}):
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(group, 0))))


async def fail_over(session: AsyncSession, row: OutboxRow, now: datetime, *, in_doubt: bool = False) -> bool:
    """`row` came to nothing, or can't be tried now: the person's next contact is due, one is added where the policy
    has no further. False when nobody is left to try. `in_doubt`: it may have arrived, so only if nothing else is
    under way. Needs `lock`. Nothing is done for a task that somebody has taken meanwhile."""
    person = await site_read.person(session, row.person)
    if not row.reach or row.purpose not in MOVABLE or person is None or not person.active:
        return False
    if await _is_over(session, row):
        return True
    group = await _group(session, row)
    broken = {one.channel for one in await read.down(session)}
    stopped = await read.stopped(session, person.id)
    others = [one for one in group if one.id != row.id and _works(one.channel, one.address, broken, stopped)]
    under_way = any(
        one.state in ("sending", "sent") or (one.state == "pending" and one.next_at <= now) for one in others
    )
    if in_doubt and under_way:
        return True
    zone = ZoneInfo((await site_read.site(session)).timezone)
    waiting = next((one for one in others if one.state == "pending"), None)
    if waiting is not None:
        at = allowed_at(person, ChannelName(waiting.channel), row.priority, now, zone)
        waiting.next_at = min(waiting.next_at, at)
        await outbox.wake(session)
        return True
    tried = {(one.channel, one.address) for one in group}
    following = _following(person, row, tried, broken, stopped)
    if following is None:
        return under_way
    at = allowed_at(person, following.channel, row.priority, now, zone)
    await outbox.add(session, [_another(row, following, now, at)])
    return True


async def gave_up(session: AsyncSession, row: OutboxRow, now: datetime, code: str) -> None:
    """A message failed for good, for this reason of the vendor (`twilio.21610`, `slack.channel_not_found` ...)."""
    if code.rsplit(".", maxsplit=1)[-1] == OPTED_OUT:
        await stop(session, row.channel, row.address, row.person, "vendor", now)
    await fail_over(session, row, now)


async def divert(session: AsyncSession, row_id: str, now: datetime, pause: timedelta) -> None:
    """A message that is due where nothing can be sent: to the person's next contact; where there is none it waits for
    the channel, or fails where the address wants no more."""
    found = await session.get(OutboxRow, row_id)
    if found is None:
        return
    await lock(session, found)
    row = await session.scalar(
        select(OutboxRow)
        .where(col(OutboxRow.id) == row_id, col(OutboxRow.state) == "pending")
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if row is None:
        return
    is_stopped = await session.get(StoppedRow, (row.channel, row.address)) is not None  # whoever asked for it
    why = "the address wants no more messages (STOP)" if is_stopped else f"{row.channel} is down"
    row.error = why
    if await fail_over(session, row, now):
        row.state, row.ended_at = "moved", now
    elif is_stopped:
        row.state, row.ended_at = "failed", now
    else:
        row.next_at = now + pause
    if row.exception_id:
        await session.execute(select(func.pg_notify(CHANGED, row.exception_id)))


async def _is_over(session: AsyncSession, row: OutboxRow) -> bool:
    """Locked against whoever withdraws: a message that is added here is seen there, or the change there is seen here.
    What was written when somebody had the task already (a hand-over) is needed as long as the task is."""
    if row.unwanted:
        return True
    if row.task_id is None:
        return False
    task = await session.scalar(
        select(TaskRow)
        .where(col(TaskRow.id) == row.task_id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    if task is None:
        return False
    as_written = row.payload.get("standing") == Standing.OPEN.value
    return task.closed_at is not None or (as_written and task.standing != Standing.OPEN.value)


async def _group(session: AsyncSession, row: OutboxRow) -> Sequence[OutboxRow]:
    mine = select(OutboxRow).where(col(OutboxRow.reach) == row.reach, col(OutboxRow.edits).is_(None))
    ordered = mine.order_by(col(OutboxRow.next_at), col(OutboxRow.id)).with_for_update()
    return (await session.scalars(ordered.execution_options(populate_existing=True))).all()


def _works(channel: str, address: str, broken: set[str], stopped: set[tuple[str, str]]) -> bool:
    return channel not in broken and (channel, address) not in stopped


def _following(
    person: Person,
    row: OutboxRow,
    tried: set[tuple[str, str]],
    broken: set[str],
    stopped: set[tuple[str, str]],
) -> ContactMethod | None:
    for contact in fallbacks(person, row.priority):
        address = (contact.channel.value, contact.address)
        if address not in tried and _works(*address, broken, stopped):
            return contact
    return None


def _another(row: OutboxRow, contact: ContactMethod, now: datetime, at: datetime) -> dict[str, Json]:
    """The same message by another contact."""
    return {
        "id": derived_id("msg", row.reach, "instead", contact.channel, contact.address),
        **{name: getattr(row, name) for name in _SAME},
        "channel": contact.channel.value,
        "address": contact.address,
        "state": "pending",
        "attempts": 0,
        "next_at": at,
        "created_at": now,
        "conversation": "",
    }


_SAME = ("exception_id", "task_id", "person", "purpose", "priority", "payload", "reach", "expires_at")


async def stop(session: AsyncSession, channel: str, address: str, person_id: str, reason: str, now: datetime) -> None:
    """Nothing more goes to this address until `start`; the person's leads are told, once."""
    row = {"channel": channel, "address": address, "person": person_id, "reason": reason}
    added = (
        insert(StoppedRow).values(row | {"stopped_at": now}).on_conflict_do_nothing().returning(col(StoppedRow.address))
    )
    if await session.scalar(added) is None:
        return
    fact = {"at": now, "kind": "address.stopped", "actor": person_id, "subject": person_id, "data": row}
    await ledger.audit(session, fact)
    await outbox.add(session, await _told(session, channel, address, person_id, now))


async def start(session: AsyncSession, channel: str, address: str, person_id: str, now: datetime) -> None:
    """The address takes messages again."""
    here = (col(StoppedRow.channel) == channel, col(StoppedRow.address) == address)
    if await session.scalar(delete(StoppedRow).where(*here).returning(col(StoppedRow.address))) is not None:
        data = {"channel": channel, "address": address}
        fact = {"at": now, "kind": "address.started", "actor": person_id, "subject": person_id, "data": data}
        await ledger.audit(session, fact)


async def _told(
    session: AsyncSession, channel: str, address: str, person_id: str, now: datetime
) -> list[dict[str, Json]]:
    """A note to each lead: somebody is not reached there any more."""
    roster = await site_read.roster(session)
    person = next((one for one in roster.people if one.id == person_id), None)
    if person is None:
        return []
    found = []
    for lead in leads(roster.people, person):
        contact = next(iter(fallbacks(lead, "medium")), None)
        if contact is not None:
            found.append(
                _note(lead, contact, person, channel, derived_id("msg", "stop", address, iso(now), lead.id), now)
            )
    return found


def leads(people: Sequence[Person], person: Person) -> list[Person]:
    """Who is told: those of a role named lead or supervisor (or ending so) whose areas touch this person's, else
    whoever may steer exceptions."""
    others = [one for one in people if one.active and one.id != person.id]
    near = [one for one in others if not one.areas or not person.areas or set(one.areas) & set(person.areas)]
    leading = [one for one in near if any(role.split("_")[-1] in _LEADS for role in one.roles)]
    return leading or [one for one in near if "steer_exceptions" in one.authorities]


def _note(
    lead: Person, contact: ContactMethod, person: Person, channel: str, row_id: str, now: datetime
) -> dict[str, Json]:
    message = Message(
        kind=MessageKind.NOTIFY,
        definition="site",
        exception_id="",
        language=lead.language,
        title=person.name,
        priority="medium",
        values={"trouble": "stopped", "reason": channel},
    )
    return {
        "id": row_id,
        "exception_id": None,
        "task_id": None,
        "person": lead.id,
        "channel": contact.channel.value,
        "address": contact.address,
        "purpose": "notify",
        "priority": "medium",
        "payload": message.model_dump(mode="json"),
        "state": "pending",
        "attempts": 0,
        "next_at": now,
        "created_at": now,
        "conversation": "",
        "reach": derived_id("rch", row_id),
    }
