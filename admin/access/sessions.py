"""Console log-ins: how they begin, with one step or two, how long they last, and how they end. Every step is audited.

A log-in lives in `stage` `second` (a code is still to come) or `enrol` (an authenticator is still to be set up) for ten
minutes; with its last step it gets a new token, so that nobody can plant one beforehand.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from admin.access.facts import fact
from admin.access.passwords import PASSWORD_LIMIT, Passwords, Where, hash_password, set_password
from admin.access.totp import SecondFactorError, Totp
from domain.errors import AuthError
from domain.rosters.people import Person
from store.db import Database
from store.read.access import identity as identity_read
from store.read.access import sessions as read
from store.read.access.policy import console_policy
from store.tables import SessionRow
from store.write.access import identity as identity_write
from store.write.access import limits
from store.write.access import sessions as write
from store.write.books import ledger

__all__ = [
    "LIFETIME",
    "PASSWORD_LIMIT",
    "Login",
    "SecondFactorError",
    "Sessions",
    "Where",
    "hash_password",
    "set_password",
    "token_hash",
]
LIFETIME = timedelta(hours=12)  # one shift with its hand-over
STEP_LIFETIME = timedelta(minutes=10)
_SEEN_EVERY = timedelta(minutes=1)
_NOWHERE = Where()


@dataclass(frozen=True)
class Login:
    """Who is signed in; `csrf` must come back with every form. `number` names this log-in. `second`: has an
    authenticator; `needs_code`: a signature needs its code too, since none was given in this log-in yet. `via`: the
    program that acts for the person; empty when they do it themselves."""

    person: Person
    csrf: str
    number: str = ""
    second: bool = False
    needs_code: bool = False
    via: str = ""


@dataclass(frozen=True)
class _Step:
    """A log-in as far as it has come."""

    person: str
    stage: str
    by: str


def token_hash(secret: bytes, token: str) -> str:
    """What is stored of a cookie: without our secret nobody can make one from the table, nor into it."""
    return hmac.new(secret, token.encode(), hashlib.sha256).hexdigest()


class Sessions:
    """Log-ins of one installation. `randomness` draws bytes; `secret` keys the stored token hashes."""

    def __init__(self, database: Database, secret: bytes, randomness: Callable[[int], bytes]) -> None:
        self._database, self._secret, self._randomness = database, secret, randomness
        self.passwords, self.totp = Passwords(database), Totp(database, secret, randomness)

    async def log_in(self, name: str, password: str, now: datetime, where: Where = _NOWHERE) -> str:
        """A token; `stage` says what is still missing. Raises AuthError (wrong), RateLimitedError (too often wrong)."""
        await self.passwords.check(name, password, now, where)
        return await self.begin(name, now, where)

    async def begin(self, name: str, now: datetime, where: Where = _NOWHERE, *, by: str = "password") -> str:
        """The person is known, by a password or at another provider. Raises AuthError when they are not active."""
        async with self._database.transaction() as session:
            person = await read.active(session, name)
            if person is None:
                raise AuthError("Name or password is wrong. Try again.")
            await write.sweep(session, now)
            await limits.sweep(session, now)
            stage = await self._stage(session, person, by)
            return await self._open(session, _Step(name, stage, by), now, where)

    async def _stage(self, session: AsyncSession, person: Person, by: str) -> str:
        """What is missing. A provider's log-in has its own second factor: none is set up here for it."""
        row = await identity_read.totp(session, person.id)
        if row is not None and row.confirmed_at is not None:
            return "second"
        forced = by == "password" and (await console_policy(session)).forces(person)
        return "enrol" if forced else "in"

    async def _open(self, session: AsyncSession, begun: _Step, now: datetime, where: Where) -> str:
        token = self._randomness(32).hex()
        idle = (await console_policy(session)).idle if begun.stage == "in" else STEP_LIFETIME
        row = SessionRow(
            token_hash=token_hash(self._secret, token),
            person=begun.person,
            csrf=self._randomness(32).hex(),
            created_at=now,
            expires_at=now + min(idle, LIFETIME),
            seen_at=now,
            stage=begun.stage,
            by=begun.by,
            number=self._randomness(8).hex(),
            browser=where.browser[:200],
            address=where.address[:100],
            confirmed_at=None,
        )
        await write.add(session, row)
        kind = "signed_in" if row.stage == "in" else "password_accepted"
        await ledger.audit(session, fact(now, kind, row.person, by=row.person, method=row.by, address=row.address))
        return token

    async def step(self, token: str, now: datetime) -> SessionRow | None:
        """The log-in that this token began and that is not over; its `stage` says what is missing."""
        async with self._database.transaction() as session:
            return await read.begun(session, token_hash(self._secret, token), now)

    async def second(self, token: str, code: str, now: datetime, where: Where = _NOWHERE) -> str:
        """The second step; gives the new token. Raises SecondFactorError, RateLimitedError, AuthError (too late)."""
        begun = await self._begun(token, "second", now)
        await self.totp.check(begun.person, code, now)
        return await self._rotate(begun, now, where)

    async def enrol(self, token: str, code: str, now: datetime, where: Where = _NOWHERE) -> tuple[str, list[str]]:
        """The first code of an authenticator that the site asks for; gives the new token and the recovery codes."""
        begun = await self._begun(token, "enrol", now)
        codes = await self.totp.finish(begun.person, code, now)
        return await self._rotate(begun, now, where), codes

    async def _begun(self, token: str, stage: str, now: datetime) -> SessionRow:
        begun = await self.step(token, now)
        if begun is None or begun.stage != stage:
            raise AuthError("This took too long. Begin again with your password.")
        return begun

    async def _rotate(self, begun: SessionRow, now: datetime, where: Where) -> str:
        async with self._database.transaction() as session:
            await write.end(session, begun.token_hash)
            return await self._open(session, _Step(begun.person, "in", begun.by), now, where)

    async def confirm(self, name: str, password: str, now: datetime, *, code: str = "", number: str = "") -> None:
        """Is it still this person, for a signature? The password always; with an authenticator its code too, but for
        later signatures of the same log-in (21 CFR 11.200(a)(1)). `number`: the log-in, as `Login.number`. Raises
        AuthError (wrong), SecondFactorError (code missing or wrong), RateLimitedError (too often wrong)."""
        await self.passwords.check(name, password, now)
        if not await self.totp.is_on(name):
            return
        async with self._database.transaction() as session:
            row = await read.by_number(session, number, name, now) if number else None
        if code.strip() or row is None or row.confirmed_at is None:
            await self.totp.check(name, code, now)
            async with self._database.transaction() as session:
                await identity_write.confirmed(session, number, name, now)

    async def who(self, token: str, now: datetime, *, active: bool = False) -> Login | None:
        """Who is behind this cookie; None when the log-in is over or was never made. `active`: the person did
        something, which keeps the log-in from ending as idle."""
        async with self._database.transaction() as session:
            found = await read.by_token(session, token_hash(self._secret, token), now)
            if found is not None and active and now - (found[0].seen_at or now) >= _SEEN_EVERY:
                row = found[0]
                idle = (await console_policy(session)).idle
                await write.seen(session, row.token_hash, now, min(row.created_at + LIFETIME, now + idle))
        if found is None:
            return None
        row, person, second = found
        return Login(person, row.csrf, row.number, second, second and row.confirmed_at is None)

    async def all_of(self, person: str, now: datetime) -> list[SessionRow]:
        """Where this person is signed in."""
        async with self._database.transaction() as session:
            return await identity_read.log_ins(session, person, now)

    async def revoke(self, person: str, number: str, now: datetime) -> None:
        """End one log-in of this person; without a number all of them."""
        async with self._database.transaction() as session:
            await (write.end_number(session, person, number) if number else write.end_all(session, person))
            await ledger.audit(session, fact(now, "log_in_revoked", person, number=number or "all"))

    async def log_out(self, token: str, person: str, now: datetime) -> None:
        """End this log-in."""
        async with self._database.transaction() as session:
            await write.end(session, token_hash(self._secret, token))
            await ledger.audit(session, fact(now, "signed_out", person))
