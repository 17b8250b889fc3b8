"""A signed-in person adds an address: a code goes to it, and only the code, typed into the console, makes it theirs."""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from admin.access.facts import fact
from admin.access.sessions import token_hash
from admin.actors import Actor, FourEyesError, NotAllowedError, may, on_roster
from domain.errors import InvalidPayloadError, NotFoundError, RateLimitedError, RejectedError
from domain.ids import make_id
from domain.rosters.people import ChannelName
from store.db import Database
from store.read import site as site_read
from store.read.access import identity as read
from store.read.access import limits as limits_read
from store.read.access.limits import ENROL, ENROL_TO, PHONES, line, subject
from store.tables import ContactRow, EnrolmentRow
from store.write.access import enrolment as write
from store.write.access import identity as identity_write
from store.write.access import limits
from store.write.books import ledger

MANAGE = "manage_roster"
LASTS = timedelta(minutes=10)
TRIES = 5
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
_SLACK = re.compile(r"[UW][A-Z0-9]{5,20}")


class WrongCodeError(RejectedError):
    """The typed code is not the one that was sent."""

    code = "mos.wrong_code"


@dataclass(frozen=True)
class Address:
    """Where somebody wants to be reached. `replaces`: a verified one of theirs that it takes the place of."""

    channel: str
    address: str
    replaces: str = ""


@dataclass(frozen=True)
class Addresses:
    """What the account page shows: verified ones, and codes that were sent. `undelivered`: why a code never arrives, by
    the number of its ceremony."""

    verified: list[ContactRow]
    waiting: list[EnrolmentRow]
    undelivered: Mapping[str, str] = field(default_factory=dict)


class Enrolments:
    """Ceremonies of one installation."""

    def __init__(self, database: Database, secret: bytes, randomness: Callable[[int], bytes]) -> None:
        self._database, self._secret, self._randomness = database, secret, randomness

    async def begin(self, person: str, wanted: Address, actor: Actor, now: datetime) -> str:
        """Send a code to the address; gives the number of the ceremony. For oneself, or with the authority
        `manage_roster` for somebody else, who then types the code. The caller has confirmed the password. Raises
        InvalidPayloadError, RejectedError, RateLimitedError, NotAllowedError."""
        wanted = _normal(wanted)
        code = f"{int.from_bytes(self._randomness(8)) % 1_000_000:06d}"
        row = self._row(person, wanted, actor, now)
        row.code_hash = self._hash(row.id, code)
        await self._may_send(person, wanted, now)
        async with self._database.transaction() as session:
            await self._allowed(session, person, actor)
            owner = await identity_write.theirs(session, wanted.channel, wanted.address)
            if owner:
                raise RejectedError("This address is verified already, yours or somebody else's.")
            if wanted.replaces and await identity_write.theirs(session, wanted.channel, wanted.replaces) != person:
                raise NotFoundError("The address to be replaced is not one of yours.")
            await write.expire(session, now)
            known = await site_read.person(session, person)
            if known is None or not known.active:
                raise NotFoundError("There is no such person.")
            await identity_write.add_enrolment(session, row, now)
            await write.send(session, row, known, code)
            told = fact(now, "enrolment_begun", person, by=actor.id, channel=wanted.channel, address=wanted.address)
            await ledger.audit(session, told)
        return row.id

    async def begin_link(self, person: str, actor: Actor, now: datetime) -> str:
        """A code that the person's own Slack account sends to us; shown this once."""
        letters = [_LETTERS[byte % 32] for byte in self._randomness(12)]
        code = "-".join("".join(letters[start : start + 4]) for start in (0, 4, 8))
        row = self._row(person, Address(ChannelName.SLACK.value, ""), actor, now)
        row.code_hash = write.link_hash(code)
        await self._may_send(person, None, now)
        async with self._database.transaction() as session:
            await on_roster(session, actor)
            if actor.id != person:
                raise NotAllowedError("Everybody links an account of their own.")
            await identity_write.add_enrolment(session, row, now)
            await ledger.audit(session, fact(now, "enrolment_begun", person, by=actor.id, channel="slack"))
        return code

    async def verify(self, number: str, typed: str, actor: Actor, now: datetime) -> None:
        """The person typed the code. Raises WrongCodeError (wrong, or over), NotFoundError."""
        async with self._database.transaction() as session:
            row = await read.enrolment(session, number, lock=True)
            if row is None or row.person != actor.id:
                raise NotFoundError("No code was sent for this. Begin again.")
            wrong = await self._judged(session, row, typed, now)
        if wrong:
            raise WrongCodeError(wrong)

    async def _judged(self, session: AsyncSession, row: EnrolmentRow, typed: str, now: datetime) -> str:
        """Empty when the code was right; else what to do. A try is kept although the person hears an error."""
        if row.standing != "sent" or not row.address or row.expires_at <= now:
            return "This code is too old or was used. Send a new one."
        row.tries += 1
        if hmac.compare_digest(row.code_hash, self._hash(row.id, typed.strip().replace(" ", ""))):
            if await identity_write.theirs(session, row.channel, row.address):
                await write.finish(session, row, "failed", now, row.person)
                return "This address became somebody's meanwhile. Ask an administrator."
            await write.verified(session, row, now, row.person)
            return ""
        if row.tries < TRIES:
            return "This code is wrong. Look at the message, then type it again."
        await write.finish(session, row, "failed", now, row.person)
        told = fact(now, "enrolment_failed", row.person, channel=row.channel, address=row.address)
        await ledger.audit(session, told)
        return "Too many wrong codes. Send a new one."

    async def remove(self, person: str, channel: str, address: str, now: datetime) -> None:
        """The person takes an address of theirs away. Raises NotFoundError."""
        async with self._database.transaction() as session:
            if not await identity_write.unbind_contact(session, person, channel, address):
                raise NotFoundError("This address is not one of yours.")
            await write.removed(session, person, channel, address, now, person)
            await ledger.audit(session, fact(now, "address_removed", person, channel=channel, address=address))

    async def vouch(self, channel: str, address: str, actor: Actor, now: datetime) -> None:
        """A second person knows of the changed address: it counts for everything from now on (C9). Raises
        NotAllowedError, NotFoundError."""
        async with self._database.transaction() as session:
            await may(session, actor, MANAGE)
            row = await read.contact(session, channel, address, lock=True)
            if row is None or row.usable_from is None:
                raise NotFoundError("No such address waits for a second person.")
            if row.person == actor.id:
                raise FourEyesError("Somebody else has to vouch for your own address.")
            row.usable_from = None
            told = fact(now, "address_vouched", row.person, by=actor.id, channel=channel, address=address)
            await ledger.audit(session, told)

    async def of(self, person: str, now: datetime) -> Addresses:
        async with self._database.transaction() as session:
            waiting = await read.enrolments(session, person, now)
            messages = {read.code_message(one.id): one.id for one in waiting}
            undelivered = {messages[row]: why for row, why in (await read.not_sent(session, messages)).items()}
            return Addresses(await read.contacts(session, person), waiting, undelivered)

    async def waiting(self, now: datetime) -> read.Waiting:
        """What administrators have to look at."""
        async with self._database.transaction() as session:
            return await read.waiting(session, now)

    async def _may_send(self, person: str, wanted: Address | None, now: datetime) -> None:
        counted = [(ENROL, subject(person))]
        counted += [(ENROL_TO, line(wanted.channel, wanted.address))] if wanted else []
        async with self._database.transaction() as session:
            over = any([await limits_read.spent(session, limit, who, now) for limit, who in counted])
            if not over:
                over = any([await limits.count(session, limit, who, now) > limit.most for limit, who in counted])
        if over:
            raise RateLimitedError("Too many codes were sent. Wait an hour, then begin again.", retry_after=3600)

    async def _allowed(self, session: AsyncSession, person: str, actor: Actor) -> None:
        await (on_roster(session, actor) if actor.id == person else may(session, actor, MANAGE))

    def _row(self, person: str, wanted: Address, actor: Actor, now: datetime) -> EnrolmentRow:
        return EnrolmentRow(
            id=make_id("enr", now, self._randomness(10)),
            person=person,
            channel=wanted.channel,
            address=wanted.address,
            code_hash="",
            replaces=wanted.replaces,
            begun_by=actor.id,
            begun_at=now,
            expires_at=now + LASTS,
        )

    def _hash(self, number: str, code: str) -> str:
        return token_hash(self._secret, f"enrolment:{number}:{code}")


def _normal(wanted: Address) -> Address:
    """The address as it is compared and called. Raises InvalidPayloadError: what to type."""
    plain = wanted.address.strip()
    if wanted.channel in PHONES:
        plain = re.sub(r"[\s().-]", "", plain)
        if not _E164.fullmatch(plain):
            raise InvalidPayloadError("Type the number with its country, such as +420 777 123 456.")
    elif wanted.channel == ChannelName.EMAIL.value:
        plain = plain.lower()
        if len(plain) > 254 or not _MAIL.fullmatch(plain):
            raise InvalidPayloadError("Type an e-mail address, such as anna@example.com.")
    elif wanted.channel != ChannelName.SLACK.value or not _SLACK.fullmatch(plain):
        raise InvalidPayloadError("Choose SMS, WhatsApp, voice, e-mail or Slack.")
    return Address(wanted.channel, plain, wanted.replaces)
