"""Console log-ins: who signs in, how a password is checked, how long a log-in lasts. One transaction each, audited."""

import asyncio
import hashlib
import hmac
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.errors import AuthError, NotFoundError, RateLimitedError
from domain.people import Person
from store.db import Database
from store.read import sessions as read
from store.tables import SessionRow
from store.write import ledger
from store.write import sessions as write

LIFETIME = timedelta(hours=12)  # one shift with its hand-over
PASSWORD_LIMIT = 200
_TRIES, _WINDOW, _REMEMBERED = 5, timedelta(minutes=5), 10_000
# OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, 2 iterations, 1 lane
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODY = _HASHER.hash("nobody has this password")  # costs a stranger's name as much time as a known one


@dataclass(frozen=True)
class Login:
    """Who is signed in; `csrf` must come back with every form."""

    person: Person
    csrf: str


@dataclass
class Attempts:
    """Failed passwords by name, in this process: five in five minutes, then a wait. Two are checked at a time."""

    failed: OrderedDict[str, deque[datetime]] = field(default_factory=OrderedDict)
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    def check(self, name: str, now: datetime) -> None:
        """Raises RateLimitedError while this name has to wait."""
        times = self.failed.get(name, deque())
        while times and times[0] <= now - _WINDOW:
            times.popleft()
        if len(times) >= _TRIES:
            wait = (times[0] + _WINDOW - now).total_seconds()
            raise RateLimitedError("Too many wrong passwords. Wait five minutes, then try again.", retry_after=wait)

    def note(self, name: str, now: datetime) -> None:
        """One more failure; the oldest names are forgotten when there are too many."""
        self.failed.setdefault(name, deque()).append(now)
        self.failed.move_to_end(name)
        while len(self.failed) > _REMEMBERED:
            self.failed.popitem(last=False)


def hash_password(password: str) -> str:
    """Argon2id, for `person.password_hash`."""
    return _HASHER.hash(password)


def token_hash(secret: bytes, token: str) -> str:
    """What is stored of a cookie: without our secret nobody can make one from the table, nor into it."""
    return hmac.new(secret, token.encode(), hashlib.sha256).hexdigest()


class Sessions:
    """Log-ins of one installation. `randomness` draws bytes; `secret` keys the stored token hashes."""

    def __init__(self, database: Database, secret: bytes, randomness: Callable[[int], bytes]) -> None:
        self._database, self._secret, self._randomness = database, secret, randomness
        self._attempts = Attempts()

    async def log_in(self, name: str, password: str, now: datetime) -> str:
        """The token for the cookie. Raises AuthError (wrong) and RateLimitedError (too often wrong)."""
        await self.confirm(name, password, now)
        token, csrf = self._randomness(32).hex(), self._randomness(32).hex()
        row = SessionRow(
            token_hash=token_hash(self._secret, token),
            person=name,
            csrf=csrf,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        async with self._database.transaction() as session:
            await write.sweep(session, now)
            await write.add(session, row)
            await ledger.audit(session, _fact(now, "signed_in", name))
        return token

    async def confirm(self, name: str, password: str, now: datetime) -> None:
        """Is this the person's password? Raises AuthError (wrong) and RateLimitedError (too often wrong)."""
        self._attempts.check(name, now)
        async with self._database.transaction() as session:
            stored = await read.password_hash(session, name)
        async with self._attempts.gate:
            self._attempts.check(name, now)
            right = await asyncio.to_thread(partial(_verify, stored or _NOBODY, password[:PASSWORD_LIMIT]))
            if not (right and stored):
                self._attempts.note(name, now)
        if not (right and stored):
            async with self._database.transaction() as session:
                await ledger.audit(session, _fact(now, "password_refused", name))
            raise AuthError("Name or password is wrong. Try again.")

    async def who(self, token: str, now: datetime) -> Login | None:
        """Who is behind this cookie; None when the log-in is over or was never made."""
        async with self._database.transaction() as session:
            found = await read.by_token(session, token_hash(self._secret, token), now)
        return Login(found[1], found[0].csrf) if found else None

    async def log_out(self, token: str, person: str, now: datetime) -> None:
        """End this log-in."""
        async with self._database.transaction() as session:
            await write.end(session, token_hash(self._secret, token))
            await ledger.audit(session, _fact(now, "signed_out", person))


async def set_password(database: Database, person: str, password: str, now: datetime, *, actor: str) -> None:
    """Set a person's console password and end all their log-ins. Raises NotFoundError."""
    hashed = await asyncio.to_thread(hash_password, password)
    async with database.transaction() as session:
        if not await write.set_password(session, person, hashed):
            raise NotFoundError(f"no person '{person}' on the roster")
        await write.end_all(session, person)
        await ledger.audit(session, _fact(now, "password_set", person) | {"actor": actor})


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _fact(now: datetime, kind: str, person: str) -> dict[str, object]:
    return {"at": now, "kind": kind, "actor": person[:100], "subject": person[:100], "data": {}}
