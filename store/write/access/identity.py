"""Second factors, accounts at other providers, tokens, verified addresses."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.rosters.people import ChannelName, ContactMethod, Person
from store.read.access import identity as read
from store.tables import (
    ApiTokenRow,
    ContactRow,
    EnrolmentRow,
    PersonRow,
    RecoveryCodeRow,
    SessionRow,
    TotpRow,
    UnknownSenderRow,
)

_STRANGERS_KEPT = 1000
_TEXT_KEPT = 200


async def put_totp(session: AsyncSession, row: TotpRow) -> None:
    """A new secret in the place of one that waits."""
    await session.merge(row)


async def put_recovery_codes(session: AsyncSession, person: str, hashes: Sequence[str]) -> None:
    """These and no others."""
    await session.execute(delete(RecoveryCodeRow).where(col(RecoveryCodeRow.person) == person))
    session.add_all(RecoveryCodeRow(code_hash=one, person=person) for one in hashes)


async def use_recovery_code(session: AsyncSession, code_hash: str) -> bool:
    """Take it away; False when there is none."""
    gone = delete(RecoveryCodeRow).where(col(RecoveryCodeRow.code_hash) == code_hash)
    return (await session.execute(gone.returning(col(RecoveryCodeRow.person)))).first() is not None


async def remove_totp(session: AsyncSession, person: str) -> None:
    await session.execute(delete(TotpRow).where(col(TotpRow.person) == person))
    await session.execute(delete(RecoveryCodeRow).where(col(RecoveryCodeRow.person) == person))


async def add_token(session: AsyncSession, row: ApiTokenRow) -> None:
    session.add(row)


async def token_used(session: AsyncSession, number: str, now: datetime) -> None:
    """Remember the minute of the last use."""
    row = update(ApiTokenRow).where(col(ApiTokenRow.id) == number)
    seldom = func.coalesce(col(ApiTokenRow.last_used_at), now - timedelta(days=1)) < now - timedelta(minutes=1)
    await session.execute(row.where(seldom).values(last_used_at=now))


async def revoke_token(session: AsyncSession, number: str, now: datetime, *, person: str = "") -> bool:
    """End a key; with `person` only one of theirs. False when there is none."""
    row = update(ApiTokenRow).where(col(ApiTokenRow.id) == number, col(ApiTokenRow.revoked_at).is_(None))
    row = row.where(col(ApiTokenRow.person) == person) if person else row
    done = row.values(revoked_at=now).returning(col(ApiTokenRow.id))
    return (await session.execute(done)).first() is not None


async def add_enrolment(session: AsyncSession, row: EnrolmentRow, now: datetime) -> None:
    """Remember a code that is sent; an earlier one for the same address counts no more."""
    same = (
        col(EnrolmentRow.person) == row.person,
        col(EnrolmentRow.channel) == row.channel,
        col(EnrolmentRow.address) == row.address,
        col(EnrolmentRow.standing) == "sent",
    )
    await session.execute(update(EnrolmentRow).where(*same).values(standing="expired", ended_at=now))
    session.add(row)


async def keep_contacts(session: AsyncSession, person: str, addresses: Sequence[tuple[str, str]]) -> None:
    """Exactly these are this person's. What is known of one that stays (when it was verified, from when it counts) is
    kept; one that was somebody else's is a new one."""
    kept = tuple_(col(ContactRow.channel), col(ContactRow.address)).in_(addresses)
    await session.execute(delete(ContactRow).where(col(ContactRow.person) == person, ~kept))
    for channel, address in addresses:
        contact = insert(ContactRow).values(channel=channel, address=address, person=person, verified_by="")
        fresh = {"person": person, "verified_at": None, "verified_by": "", "usable_from": None}
        moved = contact.on_conflict_do_update(
            index_elements=["channel", "address"], set_=fresh, where=col(ContactRow.person) != person
        )
        await session.execute(moved)


async def bind_contact(session: AsyncSession, row: ContactRow, replaces: str = "") -> None:
    """An address becomes a person's, in the table and in the person. `replaces`: the one of theirs that it takes the
    place of."""
    if replaces:
        await unbind_contact(session, row.person, row.channel, replaces)
    await session.merge(row)
    added = ContactMethod(channel=ChannelName(row.channel), address=row.address, verified=True)
    await _change_contacts(session, row.person, added, row.channel, row.address)


async def unbind_contact(session: AsyncSession, person: str, channel: str, address: str) -> bool:
    """It is nobody's any more. False when it was not theirs."""
    mine = (col(ContactRow.channel) == channel, col(ContactRow.address) == address, col(ContactRow.person) == person)
    gone = (await session.execute(delete(ContactRow).where(*mine).returning(col(ContactRow.person)))).first()
    await _change_contacts(session, person, None, channel, address)
    return gone is not None


async def _change_contacts(
    session: AsyncSession, person_id: str, added: ContactMethod | None, channel: str, address: str
) -> None:
    row = await session.get(PersonRow, person_id, with_for_update=True)
    if row is None:
        return
    person = Person.model_validate(row.data)
    others = [one for one in person.contacts if (one.channel.value, one.address) != (channel, address)]
    changed = person.model_copy(update={"contacts": [*others, *([added] if added else [])]})
    row.data = changed.model_dump(mode="json")


async def confirmed(session: AsyncSession, number: str, person: str, now: datetime) -> None:
    """All components of the signature were given in this log-in."""
    mine = update(SessionRow).where(col(SessionRow.number) == number, col(SessionRow.person) == person)
    await session.execute(mine.values(confirmed_at=now))


async def stranger(session: AsyncSession, channel: str, address: str, text: str, now: datetime) -> bool:
    """Somebody unknown wrote; True when the polite answer is due, which is once a day. The thousand that wrote last are
    kept."""
    row = await session.get(UnknownSenderRow, (channel, address), with_for_update=True)
    if row is None:
        await _forget_strangers(session)
        values = {"channel": channel, "address": address, "times": 0, "first_at": now, "last_at": now, "text": ""}
        await session.execute(insert(UnknownSenderRow).values(values).on_conflict_do_nothing())
        row = await session.get_one(UnknownSenderRow, (channel, address), with_for_update=True)
    row.times, row.last_at, row.text = row.times + 1, now, text[:_TEXT_KEPT]
    due = row.answered_at is None or now - row.answered_at >= timedelta(days=1)
    row.answered_at = now if due else row.answered_at
    return due


async def _forget_strangers(session: AsyncSession) -> None:
    newest = select(col(UnknownSenderRow.last_at)).order_by(col(UnknownSenderRow.last_at).desc())
    oldest = newest.offset(_STRANGERS_KEPT - 1).limit(1).scalar_subquery()
    await session.execute(delete(UnknownSenderRow).where(col(UnknownSenderRow.last_at) <= oldest))


async def known(session: AsyncSession, channel: str, address: str) -> None:
    """It is somebody's now: no stranger any more."""
    row = delete(UnknownSenderRow)
    await session.execute(row.where(col(UnknownSenderRow.channel) == channel, col(UnknownSenderRow.address) == address))


async def theirs(session: AsyncSession, channel: str, address: str) -> str:
    """Whose verified address it is; empty: nobody's."""
    found = await read.contact(session, channel, address, lock=True)
    return found.person if found else ""
