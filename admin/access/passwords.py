"""Console passwords: how they are kept, and how often one may be wrong."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from admin.access.facts import fact
from domain.errors import AuthError, InvalidPayloadError, NotFoundError, RateLimitedError
from store.db import Database
from store.read.access import limits as limits_read
from store.read.access import sessions as read
from store.read.access.limits import PASSWORD, PASSWORD_FROM, Limit, crowd, subject
from store.write.access import limits
from store.write.access import sessions as write
from store.write.books import ledger

PASSWORD_LIMIT = 200
SHORTEST = 12
# OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, 2 iterations, 1 lane
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODY = _HASHER.hash("nobody has this password")  # costs a stranger's name as much time as a known one


@dataclass(frozen=True)
class Where:
    """Where a log-in comes from: the network address, and the browser as it calls itself."""

    address: str = ""
    browser: str = ""


def hash_password(password: str) -> str:
    """Argon2id, for `person.password_hash`."""
    return _HASHER.hash(password)


class Passwords:
    """Checks them, two at a time. What was wrong is counted in the database, by name and by network address."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._gate = asyncio.Semaphore(2)

    async def check(self, name: str, password: str, now: datetime, where: Where = Where()) -> None:
        """Is this the person's password? Raises AuthError (wrong) and RateLimitedError (too often wrong)."""
        async with self._database.transaction() as session:
            stored = await read.password_hash(session, name)
        counted = [(PASSWORD, subject(name) if stored else crowd(name))]
        counted += [(PASSWORD_FROM, crowd("from", where.address))] if where.address else []
        await self._take_a_try(counted, now)
        async with self._gate:
            right = await asyncio.to_thread(partial(_verify, stored or _NOBODY, password[:PASSWORD_LIMIT]))
        async with self._database.transaction() as session:
            if right and stored:
                await limits.clear(session, *counted[0])
                return
            await ledger.audit(session, fact(now, "password_refused", name, address=where.address))
        raise AuthError("Name or password is wrong. Try again.")

    async def _take_a_try(self, counted: list[tuple[Limit, str]], now: datetime) -> None:
        """Counted before the look, so that tries at the same moment do not share one."""
        async with self._database.transaction() as session:
            if any([await limits_read.spent(session, limit, who, now) for limit, who in counted]):
                raise _wait()
        async with self._database.transaction() as session:
            over = [await limits.count(session, limit, who, now) > limit.most for limit, who in counted]
        if any(over):
            raise _wait()


def _wait() -> RateLimitedError:
    wait = PASSWORD.window.total_seconds()
    return RateLimitedError("Too many wrong passwords. Wait five minutes, then try again.", retry_after=wait)


async def set_password(database: Database, person: str, password: str, now: datetime, *, actor: str) -> None:
    """Set a person's console password and end all their log-ins. Raises NotFoundError, InvalidPayloadError."""
    if not SHORTEST <= len(password) <= PASSWORD_LIMIT:
        raise InvalidPayloadError(f"Use {SHORTEST} to {PASSWORD_LIMIT} characters: some words that only you combine.")
    hashed = await asyncio.to_thread(hash_password, password)
    async with database.transaction() as session:
        if not await write.set_password(session, person, hashed):
            raise NotFoundError(f"no person '{person}' on the roster")
        await write.end_all(session, person)
        await ledger.audit(session, fact(now, "password_set", person) | {"actor": actor})


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
