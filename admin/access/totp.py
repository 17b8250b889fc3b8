"""Authenticators (RFC 6238: SHA-1, 6 digits, 30 s) and recovery codes. A code counts once; five wrong ones lock for 15
minutes."""

import hmac
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

import pyotp
from sqlalchemy.ext.asyncio import AsyncSession

from admin.access.facts import fact
from admin.access.sealing import Sealer
from domain.errors import AuthError, ConflictError, RateLimitedError
from store.db import Database
from store.read.access import identity as read
from store.read.access import limits as limits_read
from store.read.access.limits import SECOND, subject
from store.tables import TotpRow
from store.write.access import identity as write
from store.write.access import limits
from store.write.books import ledger

STEP_S = 30
RECOVERY_CODES = 10
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
ISSUER = "mos"


class SecondFactorError(AuthError):
    """The code of the authenticator is missing, wrong, or was used already."""

    code = "mos.second_factor"


class Totp:
    """Authenticators of one installation."""

    def __init__(self, database: Database, secret: bytes, randomness: Callable[[int], bytes]) -> None:
        self._database, self._secret, self._randomness = database, secret, randomness
        self._sealer = Sealer(secret, "totp")

    async def begin(self, person: str, now: datetime) -> None:
        """Draw a secret that waits for its first code. Raises ConflictError when one is in use."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # RFC 4648 base 32; 160 bits (RFC 4226, 4)
        secret = "".join(letters[byte % 32] for byte in self._randomness(32))
        async with self._database.transaction() as session:
            row = await read.totp(session, person)
            if row is not None and row.confirmed_at is not None:
                raise ConflictError("You have an authenticator already. Remove it first.")
            await write.put_totp(session, TotpRow(person=person, secret=self._sealer.seal(secret), begun_at=now))

    async def uri(self, person: str) -> str:
        """What the QR code says while it waits for its first code; empty when nothing waits: it is shown no more."""
        async with self._database.transaction() as session:
            row = await read.totp(session, person)
        if row is None or row.confirmed_at is not None:
            return ""
        return pyotp.TOTP(self._sealer.open(row.secret)).provisioning_uri(name=person, issuer_name=ISSUER)

    async def finish(self, person: str, code: str, now: datetime) -> list[str]:
        """The first right code: from now on it is asked for. Gives the recovery codes, which are never shown again."""
        await self._try(person, now)
        codes = ["".join(_LETTERS[byte % 32] for byte in self._randomness(10)) for _ in range(RECOVERY_CODES)]
        async with self._database.transaction() as session:
            row = await read.totp(session, person, lock=True)
            if row is None or row.confirmed_at is not None or not self._take(row, code, now):
                raise SecondFactorError("This code is wrong. Wait for the next one, then type it.")
            row.confirmed_at = now
            await write.put_recovery_codes(session, person, [self._hash(person, one) for one in codes])
            await limits.clear(session, SECOND, subject(person))
            await ledger.audit(session, fact(now, "authenticator_enrolled", person))
        return [f"{one[:5]}-{one[5:]}" for one in codes]

    async def check(self, person: str, code: str, now: datetime) -> str:
        """Is this the code of now, or a recovery code? Gives which. Raises SecondFactorError, RateLimitedError."""
        if not code.strip():
            raise SecondFactorError("Type the code of your authenticator too.")
        await self._try(person, now)
        async with self._database.transaction() as session:
            by = await self._matched(session, person, code, now)
            if by:
                await limits.clear(session, SECOND, subject(person))
            if by != "totp":
                await ledger.audit(session, fact(now, f"{by or 'second_factor_refused'}", person))
        if not by:
            raise SecondFactorError("This code is wrong or was used already. Wait for the next one, then type it.")
        return by

    async def remove(self, person: str, now: datetime, *, by: str) -> None:
        """Forget authenticator and recovery codes: the person sets up a new one."""
        async with self._database.transaction() as session:
            await write.remove_totp(session, person)
            await limits.clear(session, SECOND, subject(person))
            await ledger.audit(session, fact(now, "authenticator_removed", person, by=by))

    async def is_on(self, person: str) -> bool:
        """Does this person have an authenticator in use?"""
        async with self._database.transaction() as session:
            row = await read.totp(session, person)
        return row is not None and row.confirmed_at is not None

    async def _try(self, person: str, now: datetime) -> None:
        who = subject(person)
        async with self._database.transaction() as session:
            over = await limits_read.spent(session, SECOND, who, now)
            over = over or await limits.count(session, SECOND, who, now) > SECOND.most
        if over:
            wait = SECOND.window.total_seconds()
            raise RateLimitedError("Too many wrong codes. Wait 15 minutes, then try again.", retry_after=wait)

    async def _matched(self, session: AsyncSession, person: str, code: str, now: datetime) -> str:
        row = await read.totp(session, person, lock=True)
        if row is None or row.confirmed_at is None:
            return ""
        if self._take(row, code, now):
            return "totp"
        plain = code.strip().upper().replace("-", "").replace(" ", "")
        return "recovery_code_used" if await write.use_recovery_code(session, self._hash(person, plain)) else ""

    def _take(self, row: TotpRow, code: str, now: datetime) -> bool:
        """A code of the last, this or the next time step, and of a later one than the last taken (RFC 6238, 5.2)."""
        otp, typed = pyotp.TOTP(self._sealer.open(row.secret)), code.strip().replace(" ", "").encode()
        current = int(now.timestamp()) // STEP_S
        right = [
            step
            for step in (current - 1, current, current + 1)
            if hmac.compare_digest(otp.at(step * STEP_S).encode(), typed)
        ]
        if not right or max(right) <= row.last_step:
            return False
        row.last_step = max(right)
        return True

    def _hash(self, person: str, code: str) -> str:
        return hmac.new(self._secret, f"recovery:{person}:{code}".encode(), sha256).hexdigest()
