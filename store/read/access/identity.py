"""Second factors, accounts at other providers, tokens, enrolments, strangers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.ids import derived_id
from domain.rosters.people import Person
from store.tables import (
    ApiTokenRow,
    ContactRow,
    EnrolmentRow,
    IdentityRow,
    InboxRow,
    OutboxRow,
    PersonRow,
    SessionRow,
    TotpRow,
    UnknownSenderRow,
)

_STRANGERS = 50


async def totp(session: AsyncSession, person: str, *, lock: bool = False) -> TotpRow | None:
    """The person's authenticator, in use or waiting for its first code."""
    return await session.get(TotpRow, person, with_for_update=lock)


async def log_ins(session: AsyncSession, person: str, now: datetime) -> list[SessionRow]:
    """Where this person is signed in, the newest first."""
    mine = select(SessionRow).where(col(SessionRow.person) == person, col(SessionRow.stage) == "in")
    lasting = mine.where(col(SessionRow.expires_at) > now).order_by(col(SessionRow.created_at).desc())
    return list((await session.scalars(lasting)).all())


def code_message(enrolment: str) -> str:
    """The id of the message that carries a code."""
    return derived_id("msg", "enrolment", enrolment)


async def not_sent(session: AsyncSession, messages: Collection[str]) -> dict[str, str]:
    """Which of these messages will never arrive, and why."""
    failed = select(col(OutboxRow.id), col(OutboxRow.error)).where(
        col(OutboxRow.id).in_(messages), col(OutboxRow.state).in_(("failed", "expired"))
    )
    return {row: why or "" for row, why in (await session.execute(failed)).all()}


async def identity(session: AsyncSession, issuer: str, subject: str) -> IdentityRow | None:
    return await session.get(IdentityRow, (issuer, subject))


async def identities(session: AsyncSession, standing: str) -> list[IdentityRow]:
    """Accounts at other providers in this standing, the oldest first."""
    rows = select(IdentityRow).where(col(IdentityRow.standing) == standing).order_by(col(IdentityRow.proposed_at))
    return list((await session.scalars(rows)).all())


async def active_people(session: AsyncSession) -> list[Person]:
    """Everybody who may sign in."""
    people = [Person.model_validate(data) for data in (await session.scalars(select(col(PersonRow.data)))).all()]
    return sorted((person for person in people if person.active), key=lambda person: person.name)


async def token(session: AsyncSession, token_hash: str, now: datetime) -> ApiTokenRow | None:
    """A program's key while it lasts."""
    found = await session.scalar(select(ApiTokenRow).where(col(ApiTokenRow.token_hash) == token_hash))
    return found if found and found.revoked_at is None and found.expires_at > now else None


async def tokens(session: AsyncSession, person: str = "") -> list[ApiTokenRow]:
    """The keys that a person (or anybody) made and nobody revoked, the newest first."""
    rows = select(ApiTokenRow).where(col(ApiTokenRow.revoked_at).is_(None))
    rows = rows.where(col(ApiTokenRow.person) == person) if person else rows
    return list((await session.scalars(rows.order_by(col(ApiTokenRow.created_at).desc()))).all())


async def contact(session: AsyncSession, channel: str, address: str, *, lock: bool = False) -> ContactRow | None:
    return await session.get(ContactRow, (channel, address), with_for_update=lock)


async def contacts(session: AsyncSession, person: str) -> list[ContactRow]:
    """The verified addresses of a person."""
    mine = select(ContactRow).where(col(ContactRow.person) == person)
    return list((await session.scalars(mine.order_by(col(ContactRow.channel), col(ContactRow.address)))).all())


async def cooling(session: AsyncSession, channel: str, address: str, now: datetime) -> bool:
    """Was this address changed so lately that it decides nothing above low risk yet (C9)?"""
    found = await contact(session, channel, address)
    return found is not None and found.usable_from is not None and found.usable_from > now


async def cooling_press(session: AsyncSession, channel: str, event_id: str, now: datetime) -> bool:
    """As `cooling`, of the address that this press or text came from."""
    came = select(col(InboxRow.body)["address"].astext)
    came = came.where(col(InboxRow.source) == channel, col(InboxRow.event_id) == event_id)
    address: str | None = await session.scalar(came)
    return bool(address) and await cooling(session, channel, str(address), now)


async def enrolment(session: AsyncSession, number: str, *, lock: bool = False) -> EnrolmentRow | None:
    return await session.get(EnrolmentRow, number, with_for_update=lock)


async def enrolments(session: AsyncSession, person: str, now: datetime) -> list[EnrolmentRow]:
    """What is on its way to this person: a code was sent."""
    mine = select(EnrolmentRow).where(
        col(EnrolmentRow.person) == person,
        col(EnrolmentRow.standing) == "sent",
        col(EnrolmentRow.expires_at) > now,
    )
    return list((await session.scalars(mine.order_by(col(EnrolmentRow.begun_at)))).all())


async def removed(session: AsyncSession, person: str, since: datetime) -> list[EnrolmentRow]:
    """The verified addresses that were taken from this person since then."""
    mine = select(EnrolmentRow).where(col(EnrolmentRow.person) == person, col(EnrolmentRow.standing) == "removed")
    return list((await session.scalars(mine.where(col(EnrolmentRow.ended_at) > since))).all())


async def link(session: AsyncSession, code_hash: str, now: datetime) -> EnrolmentRow | None:
    """The Slack link that waits for this code, locked."""
    row = select(EnrolmentRow).where(
        col(EnrolmentRow.code_hash) == code_hash,
        col(EnrolmentRow.channel) == "slack",
        col(EnrolmentRow.standing) == "sent",
        col(EnrolmentRow.expires_at) > now,
    )
    found: EnrolmentRow | None = await session.scalar(row.with_for_update().limit(1))
    return found


@dataclass(frozen=True)
class Waiting:
    """What an administrator has to look at."""

    changes: list[ContactRow]
    accounts: list[IdentityRow]
    strangers: list[UnknownSenderRow]
    people: list[Person]


async def waiting(session: AsyncSession, now: datetime) -> Waiting:
    """Changed addresses that a second person may vouch for, accounts to be bound, who wrote and is nobody."""
    changes = select(ContactRow).where(col(ContactRow.usable_from) > now).order_by(col(ContactRow.verified_at))
    strangers = select(UnknownSenderRow).where(col(UnknownSenderRow.last_at) > now - timedelta(days=30))
    return Waiting(
        list((await session.scalars(changes)).all()),
        await identities(session, "proposed"),
        list((await session.scalars(strangers.order_by(col(UnknownSenderRow.last_at).desc()).limit(_STRANGERS))).all()),
        await active_people(session),
    )
