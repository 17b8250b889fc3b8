"""An address becomes a person's: by a code that went to it, or that came from it. Nothing else binds one (C9)."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import null, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.asking.messages import Message, MessageKind
from domain.ids import derived_id
from domain.rosters.people import ChannelName, ContactMethod, Person
from domain.values import Json, iso
from store.read import site as site_read
from store.read.access import identity as read
from store.read.access import limits as limits_read
from store.read.access.limits import LINK, PHONES, subject
from store.read.access.policy import console_policy
from store.tables import ContactRow, EnrolmentRow, OutboxRow
from store.write.access import identity, limits
from store.write.books import ledger
from store.write.messages import outbox

LINK_TEXT = re.compile(r"\s*link\s+([A-Za-z0-9]{4}-?[A-Za-z0-9]{4}-?[A-Za-z0-9]{4})\s*", re.IGNORECASE)


def link_hash(code: str) -> str:
    """A link code carries 60 bits: a plain hash of it gives nothing away for as long as it lasts."""
    return hashlib.sha256(code.upper().replace("-", "").encode()).hexdigest()


def like(channel: str) -> tuple[str, ...]:
    """The channels that reach the same thing: one phone number is one, however it is called."""
    return PHONES if channel in PHONES else (channel,)


async def send(session: AsyncSession, row: EnrolmentRow, person: Person, code: str) -> None:
    """Queue the code for the address that it shall prove."""
    message = _said(person, "enrol_code", code=code)
    queued = _row(read.code_message(row.id), person, row.channel, row.address, message, row.begun_at)
    await outbox.add(session, [queued | {"expires_at": row.expires_at}])


async def finish(session: AsyncSession, row: EnrolmentRow, standing: str, now: datetime, by: str) -> None:
    """It is over, one way or the other; the code leaves the outbox with it."""
    row.standing, row.ended_at, row.ended_by = standing, now, by
    await _forget(session, [read.code_message(row.id)])


async def _forget(session: AsyncSession, messages: Sequence[str]) -> None:
    """The code is nowhere any more; what was not sent yet has nothing to say."""
    carried = update(OutboxRow).where(col(OutboxRow.id).in_(messages))
    kept = col(OutboxRow.payload).op("||")({"code": ""})
    await session.execute(carried.values(payload=kept, rendered=null()))
    await session.execute(carried.where(col(OutboxRow.state) == "pending").values(state="withdrawn"))


async def verified(session: AsyncSession, row: EnrolmentRow, now: datetime, by: str) -> ContactRow:
    """The code was right. An address beside or in the place of an earlier one of its kind decides nothing above low
    risk for the site's cooling time, and the earlier one hears of it (SIM swap, C9)."""
    cooling = (await console_policy(session)).cooling
    held: list[ContactRow | EnrolmentRow] = [
        *await read.contacts(session, row.person),
        *await read.removed(session, row.person, now - cooling),  # taking it away first makes it no first address
    ]
    before = [one for one in held if one.channel in like(row.channel) and one.address != row.address]
    usable = now + cooling if before else None
    contact = ContactRow(
        channel=row.channel,
        address=row.address,
        person=row.person,
        verified_at=now,
        verified_by=by,
        usable_from=usable,
    )
    person = await site_read.person(session, row.person)
    if before and person is not None:
        await _tell_the_earlier(session, person, before[0], row, now)
    await identity.bind_contact(session, contact, row.replaces)
    await identity.known(session, row.channel, row.address)
    await finish(session, row, "verified", now, by)
    data: dict[str, Json] = {"channel": row.channel, "address": row.address, "replaces": row.replaces}
    data |= {"usable_from": iso(usable)} if usable else {}
    fact = {"at": now, "kind": "address_verified", "actor": by, "subject": row.person, "data": data}
    await ledger.audit(session, fact)
    return contact


async def removed(session: AsyncSession, person: str, channel: str, address: str, now: datetime, by: str) -> None:
    """Remember that a verified address was taken away: what comes in its place soon is a change."""
    number = derived_id("enr", "removed", person, channel, address, iso(now))
    row = EnrolmentRow(
        id=number, person=person, channel=channel, address=address, code_hash="", standing="removed",
        begun_by=by, begun_at=now, expires_at=now, ended_at=now, ended_by=by,
    )  # fmt: skip
    await session.merge(row)


async def link(session: AsyncSession, address: str, text: str, now: datetime) -> str:
    """A Slack account wrote `link CODE`: what it is to be told. The code was shown to a person who had signed in and
    given the password again; the account is the one that Slack signed for."""
    found = LINK_TEXT.fullmatch(text)
    who = subject("slack", address)
    if await limits_read.spent(session, LINK, who, now):
        return "locked"
    row = await read.link(session, link_hash(found[1]) if found else "", now)
    owner = await identity.theirs(session, "slack", address)
    if row is None or owner not in ("", row.person):
        await limits.count(session, LINK, who, now)
        return "link_refused"
    row.address = address
    await verified(session, row, now, row.person)
    return "linked"


async def expire(session: AsyncSession, now: datetime) -> None:
    """Codes whose time is over leave the outbox; they are kept for an hour, so that their person can be told why."""
    over = (col(EnrolmentRow.standing) == "sent", col(EnrolmentRow.expires_at) <= now - timedelta(hours=1))
    ended = update(EnrolmentRow).where(*over).values(standing="expired", ended_at=now)
    ids = (await session.scalars(ended.returning(col(EnrolmentRow.id)))).all()
    await _forget(session, [read.code_message(one) for one in ids])


async def _tell_the_earlier(
    session: AsyncSession, person: Person, before: ContactRow | EnrolmentRow, row: EnrolmentRow, now: datetime
) -> None:
    message = _said(person, "changed", title=f"{row.channel} {row.address[-4:]}")
    number = derived_id("msg", "changed", row.id)
    await outbox.add(session, [_row(number, person, before.channel, before.address, message, now)])


def _said(person: Person, sentence: str, *, code: str = "", title: str = "") -> Message:
    return Message(
        kind=MessageKind.REPLY,
        definition="",
        exception_id="",
        language=person.language,
        title=title,
        reply_code=sentence,
        code=code,
    )


def _row(number: str, person: Person, channel: str, address: str, message: Message, now: datetime) -> dict[str, Json]:
    contact = ContactMethod(channel=ChannelName(channel), address=address)
    return outbox_row(number, person, contact, message, "enrolment", now)


def outbox_row(
    number: str, person: Person, contact: ContactMethod, message: Message, purpose: str, now: datetime
) -> dict[str, Json]:
    """A message about the person's own addresses: it belongs to no exception, and waits for nothing: not for quiet
    hours, not for company, and not behind what is less urgent."""
    return {
        "id": number,
        "exception_id": None,
        "task_id": None,
        "person": person.id,
        "channel": contact.channel.value,
        "address": contact.address,
        "purpose": purpose,
        "priority": "high",
        "edits": None,
        "payload": message.model_dump(mode="json"),
        "state": "pending",
        "attempts": 0,
        "next_at": now,
        "created_at": now,
        "conversation": "",
    }
