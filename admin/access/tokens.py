"""Programs' keys: made by a person, shown once, kept as a hash, good for what their scopes say and no longer than a
year."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from admin.access.facts import fact
from admin.access.sessions import token_hash
from admin.actors import Actor, NotAllowedError, may, on_roster
from domain.errors import InvalidPayloadError, NotFoundError
from domain.ids import make_id
from domain.rosters.people import Person
from store.db import Database
from store.read import site as site_read
from store.read.access import identity as read
from store.tables import ApiTokenRow
from store.write.access import identity as write
from store.write.books import ledger

MANAGE = "manage_roster"
LONGEST = timedelta(days=366)
PREFIX = "mos_"  # so that scanners of source code know one when they see it
SCOPES: Final = {
    "signals:write": "send signals",
    "exceptions:read": "read exceptions, tasks and outcomes",
    "exceptions:write": "answer and steer as the person who made the token",
    "roster:read": "read people and shifts",
    "roster:write": "change people and shifts",
    "shelves:write": "shelve and take off the shelf",
}
ADMIN_SCOPES = frozenset({"roster:write"})  # only for those who may do it themselves
_BOOTSTRAP = "bootstrap"


class ScopeError(NotAllowedError):
    """The token is good, but not for this."""

    code = "mos.scope"


@dataclass(frozen=True)
class Bearer:
    """A program that calls. `person`: who made its token; empty for the installation's own (MOS_API_TOKEN)."""

    number: str
    person: str
    scopes: frozenset[str]

    def needs(self, scope: str) -> None:
        """Raises ScopeError."""
        if scope not in self.scopes:
            raise ScopeError(f"This token may not do that: it needs the scope {scope}.")


@dataclass(frozen=True)
class Wanted:
    """A token as asked for."""

    title: str
    scopes: Sequence[str]
    days: int


class Tokens:
    """`bootstrap`: MOS_API_TOKEN, which may do everything that tokens can; none when empty."""

    def __init__(
        self, database: Database, secret: bytes, randomness: Callable[[int], bytes], bootstrap: str = ""
    ) -> None:
        self._database, self._secret, self._randomness, self._bootstrap = database, secret, randomness, bootstrap

    async def create(self, wanted: Wanted, actor: Actor, now: datetime) -> str:
        """The token, shown this once. Raises InvalidPayloadError, NotAllowedError."""
        scopes, title = sorted(set(wanted.scopes)), wanted.title.strip()[:80]
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes or not title:
            raise InvalidPayloadError("Give the token a name and at least one scope: " + ", ".join(SCOPES))
        if not timedelta(days=1) <= timedelta(days=wanted.days) <= LONGEST:
            raise InvalidPayloadError("A token lasts for 1 to 366 days.")
        token = PREFIX + self._randomness(32).hex()
        row = ApiTokenRow(
            id=make_id("tok", now, self._randomness(10)),
            token_hash=token_hash(self._secret, token),
            title=title,
            person=actor.id,
            scopes=scopes,
            created_at=now,
            expires_at=now + timedelta(days=wanted.days),
        )
        async with self._database.transaction() as session:
            await on_roster(session, actor)
            if actor.id not in {person.id for person in await read.active_people(session)}:
                raise NotFoundError(f"no person '{actor.id}' on the roster answers for it")
            if ADMIN_SCOPES & set(scopes):
                await may(session, actor, MANAGE)
            await write.add_token(session, row)
            told = fact(now, "token_created", actor.id, token=row.id, title=title, scopes=", ".join(scopes))
            await ledger.audit(session, told)
        return token

    async def revoke(self, number: str, actor: Actor, now: datetime, *, anybodys: bool = False) -> None:
        """End a token of one's own, or with the authority `manage_roster` anybody's. Raises NotFoundError."""
        async with self._database.transaction() as session:
            if anybodys:
                await may(session, actor, MANAGE)
            if not await write.revoke_token(session, number, now, person="" if anybodys else actor.id):
                raise NotFoundError("There is no such token, or it was revoked before.")
            await ledger.audit(session, fact(now, "token_revoked", actor.id, token=number))

    async def of(self, person: str) -> list[ApiTokenRow]:
        """A person's tokens; of everybody when empty."""
        async with self._database.transaction() as session:
            return await read.tokens(session, person)

    async def who(self, token: str, now: datetime) -> Bearer | None:
        """The program behind a token while it lasts and its person is active. A scope for administrators counts only as
        long as the person is one."""
        if self._bootstrap and hmac.compare_digest(token.encode(), self._bootstrap.encode()):
            return Bearer(_BOOTSTRAP, "", frozenset(SCOPES))
        async with self._database.transaction() as session:
            row = await read.token(session, token_hash(self._secret, token), now)
            people = {person.id: person for person in await read.active_people(session)} if row else {}
            if row is None or row.person not in people:
                return None
            await write.token_used(session, row.id, now)
        lost = frozenset() if MANAGE in people[row.person].authorities else ADMIN_SCOPES
        return Bearer(row.id, row.person, frozenset(row.scopes) - lost)

    async def person_of(self, bearer: Bearer) -> Person | None:
        """Who answers for this program; nobody for the installation's own token."""
        async with self._database.transaction() as session:
            return await site_read.person(session, bearer.person) if bearer.person else None
