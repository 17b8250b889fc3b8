"""How often something may happen, and how often it did."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.rosters.people import ChannelName
from store.tables import LimitRow

PHONES = (ChannelName.SMS.value, ChannelName.WHATSAPP.value, ChannelName.VOICE.value)
"""Channels that all reach one phone number."""


@dataclass(frozen=True)
class Limit:
    """At most `most` in `window`. `quiet`: every hit begins the window anew, so that only quiet time forgives."""

    kind: str
    most: int
    window: timedelta
    quiet: bool = False


_QUARTER = timedelta(minutes=15)
WRONG_CODE = Limit("wrong_code", 5, _QUARTER, quiet=True)  # C15; per person and number
INBOUND = Limit("inbound", 30, timedelta(minutes=1))  # texts and presses of one address
PRESSES = Limit("presses", 120, timedelta(minutes=1))  # of one person, on all channels
PASSWORD = Limit("password", 5, timedelta(minutes=5), quiet=True)  # per name
PASSWORD_FROM = Limit("password_from", 30, _QUARTER)  # per network address; a plant may share one
SECOND = Limit("second_factor", 5, _QUARTER, quiet=True)  # per person: 5 of a million codes
ENROL = Limit("enrol", 5, timedelta(hours=1))  # codes sent, per person
ENROL_TO = Limit("enrol_to", 3, timedelta(hours=1))  # codes sent, per address: nobody is flooded by us
LINK = Limit("link_code", 5, _QUARTER, quiet=True)  # wrong link codes, per account that writes them


def subject(*parts: str) -> str:
    """Who is counted, by a hash: of one length whatever was sent to us, and no address readable beside it."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def line(channel: str, *parts: str) -> str:
    """The same for an address: one phone number is one, by SMS, WhatsApp or a call."""
    return subject("phone" if channel in PHONES else channel, *parts)


def crowd(*parts: str) -> str:
    """The same for what a stranger may choose freely (names, network addresses): one of 65,536, so that no flood of
    invented ones fills the table."""
    return subject(*parts)[:4]


async def hits(session: AsyncSession, limit: Limit, who: str, now: datetime) -> int:
    """How often it happened in the window that is open now."""
    row = select(col(LimitRow.hits)).where(
        col(LimitRow.kind) == limit.kind, col(LimitRow.subject) == who, col(LimitRow.until) > now
    )
    return await session.scalar(row) or 0


async def spent(session: AsyncSession, limit: Limit, who: str, now: datetime) -> bool:
    """Did it happen as often as it may?"""
    return await hits(session, limit, who, now) >= limit.most


async def locked(session: AsyncSession, channel: str, address: str, person: str, now: datetime) -> bool:
    """Did this person send too many wrong task codes from this address (C15)?"""
    return await spent(session, WRONG_CODE, line(channel, address, person), now)
