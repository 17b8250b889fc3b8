"""Signatures in the console (21 CFR Part 11): 11.50 printed name, time and meaning; 11.70 linked to the record by hash;
11.200 two components, name and password (with an authenticator its code too), the password at every signing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from admin.access.sessions import Login, Sessions
from domain.authority.matrix import MEANINGS, REJECTED, AuthorityMatrix
from domain.authority.signing import signature_hash, statement
from domain.errors import ConflictError, InvalidPayloadError, NotFoundError
from domain.ids import derived_id
from store.db import Database
from store.read.access import authority as read
from store.read.messages import tasks as tasks_read
from store.tables import TaskRow
from store.write.access import authority as write
from store.write.books import ledger


class ChangedError(ConflictError):
    """What the person saw is not what the task says now."""

    code = "mos.shown_changed"


@dataclass(frozen=True)
class Wish:
    """What is to be signed: `press` is the answer's id, `shown` the hash of what the page showed."""

    task: str
    version: int
    verb: str
    press: str
    shown: str
    meaning: str = ""


@dataclass(frozen=True)
class Components:
    """What proves that it is them: the password, and the authenticator's code."""

    password: str
    code: str = ""


def meanings(matrix: AuthorityMatrix | None, action: str) -> tuple[str, ...]:
    """What a signature under this action may state."""
    return matrix.action(action).meanings if matrix is not None and action in matrix.actions else MEANINGS


async def sign(
    database: Database, sessions: Sessions, login: Login, wish: Wish, proof: Components, now: datetime
) -> str:
    """Check what is signed and who signs, keep the signature; gives its id. Signed again, it is the same one.

    Raises ChangedError (look again), InvalidPayloadError (no meaning), AuthError and RateLimitedError (not proved).
    """
    async with database.transaction() as session:
        await _stands(session, wish)
        meaning = await _meaning(session, wish)
    await sessions.confirm(login.person.id, proof.password, now, code=proof.code, number=login.number)
    async with database.transaction() as session:
        task = await _stands(session, wish)
        return await _keep(session, login, task, wish, (meaning, method_of(login, proof.code)), now)


def method_of(login: Login, code: str) -> str:
    """How a confirmed signer has proved it."""
    if code.strip():
        return "password+totp"
    return "password, totp earlier in this log-in" if login.second else "password"


async def _stands(session: AsyncSession, wish: Wish) -> TaskRow:
    """The task, while it is what the person saw."""
    task = await tasks_read.by_id(session, wish.task)
    if task is None:
        raise NotFoundError("There is no such task. Look for it on the board.")
    if (task.version, task.shown_hash) != (wish.version, wish.shown):
        raise ChangedError("It changed while you looked at it: nothing was signed. Load the page, look again, sign.")
    return task


async def _meaning(session: AsyncSession, wish: Wish) -> str:
    if wish.verb == REJECTED:
        return REJECTED
    task = await tasks_read.by_id(session, wish.task)
    allowed = meanings(await read.matrix(session), task.authority if task else "")
    if wish.meaning not in allowed:
        raise InvalidPayloadError("Say what your signature means, then sign.")
    return wish.meaning


async def _keep(
    session: AsyncSession, login: Login, task: TaskRow, wish: Wish, how: tuple[str, str], now: datetime
) -> str:
    person, (meaning, method) = login.person, how
    said = statement(
        task=f"{task.id}:{task.version}", verb=wish.verb, person=person.id, printed_name=person.name,
        meaning=meaning, method=method, shown=wish.shown, at=now,
    )  # fmt: skip
    row_id, hashed = derived_id("sgn", person.id, wish.press), signature_hash(said)
    row = {
        "id": row_id, "exception_id": task.exception_id, "task_id": task.id, "version": task.version,
        "press": wish.press, "verb": wish.verb, "person": person.id, "printed_name": person.name, "meaning": meaning,
        "method": method, "shown_hash": wish.shown, "statement": said, "hash": hashed, "at": now, "decision": "",
    }  # fmt: skip
    if await write.sign(session, row):
        fact = {"at": now, "kind": "signed", "actor": person.id, "subject": task.id}
        await ledger.audit(session, fact | {"data": {"signature": row_id, "hash": hashed, **said}})
    return row_id
