"""The ledger as it stands: what waits, what holds, what people search for."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.books.booking import FieldStanding, ReadBack
from domain.books.ledger import BOOKED, IN_LINE, Control, State
from domain.books.outcomes import System
from store.db import Database
from store.read import board
from store.read.books import parts, reconciliation
from store.read.books.provenance import Provenance, provenance
from store.read.books.searching import PAGE, in_order, page_of, with_words
from store.read.definitions.agents import SCOPE as AGENT
from store.tables import (
    AuditRow,
    DecisionRow,
    DifferenceRow,
    ExceptionRow,
    InboxRow,
    LedgerPartRow,
    LedgerRow,
    LedgerViewRow,
    PostingControlRow,
    SignatureRow,
    TaskRow,
)

__all__ = ["PAGE", "Entry", "LedgerRow", "Search", "Sheet", "find", "sheet"]
_IN_LINE = [state.value for state in IN_LINE]


async def earlier(session: AsyncSession, row: LedgerRow) -> str:
    """The oldest transaction in line before this one for one of its business objects, or empty. A reversal that nobody
    has approved holds nobody up."""
    if not row.objects:
        return ""
    statement = (
        select(col(LedgerRow.id))
        .where(col(LedgerRow.system) == row.system, col(LedgerRow.seq) < row.seq)
        .where(col(LedgerRow.status).in_(_IN_LINE))
        .where((col(LedgerRow.reverses) == "") | (col(LedgerRow.approved_by) != ""), col(LedgerRow.id) != row.reverses)
        .where(col(LedgerRow.objects).has_any(array(row.objects)))  # type: ignore[attr-defined]
        .order_by(col(LedgerRow.seq))
        .limit(1)
    )
    return (await session.scalars(statement)).first() or ""


async def controls(session: AsyncSession, *scopes: str) -> list[Control]:
    """What holds for these scopes; without any, for all that somebody has set."""
    statement = select(PostingControlRow).order_by(col(PostingControlRow.scope))
    if scopes:
        statement = statement.where(col(PostingControlRow.scope).in_(scopes))
    return [Control.model_validate(row.data) for row in await session.scalars(statement)]


async def sent(session: AsyncSession, scope: str, now: datetime, *, but: str = "") -> tuple[int, int]:
    """How many a scope (`system:erp`, `definition:breakdown`) sent in the last hour and minute, without the transaction
    `but`: its own earlier attempt keeps nobody back."""
    hour, minute = now - timedelta(hours=1), now - timedelta(minutes=1)
    in_minute = func.count().filter(col(LedgerRow.sent_at) > minute)
    theirs = _of(scope) & (col(LedgerRow.id) != but)
    found = (await session.execute(select(func.count(), in_minute).where(theirs, col(LedgerRow.sent_at) > hour))).one()
    more = (await session.execute(_later_parts(theirs, hour, minute))).one()
    return int(found[0]) + int(more[0]), int(found[1]) + int(more[1])


def _of(scope: str) -> ColumnElement[bool]:
    """The systems are named for a definition too: by them and the moment there is an index."""
    kind, _, name = scope.partition(":")
    if kind == "system":
        return col(LedgerRow.system) == name
    return col(LedgerRow.system).in_([system.value for system in System]) & (col(LedgerRow.definition) == name)


def _later_parts(theirs: ColumnElement[bool], hour: datetime, minute: datetime) -> Select[int, int]:
    """Of a transaction that goes in parts the first counts as the transaction."""
    in_minute = func.count().filter(col(LedgerPartRow.sent_at) > minute)
    statement = select(func.count(), in_minute).join(LedgerRow, col(LedgerRow.id) == col(LedgerPartRow.transaction))
    return statement.where(theirs, col(LedgerPartRow.number) > 1, col(LedgerPartRow.sent_at) > hour)


async def standing_before(session: AsyncSession, row: LedgerRow) -> tuple[int, int]:
    """How many the definition drafted on a standing authority before this one, in its last hour and day. By place in
    the ledger, so that two at a time are never both the last."""
    in_hour = func.count().filter(col(LedgerRow.drafted_at) > row.drafted_at - timedelta(hours=1))
    statement = (
        select(in_hour, func.count())
        .where(col(LedgerRow.definition) == row.definition, col(LedgerRow.standing_version) != "")
        .where(col(LedgerRow.drafted_at) > row.drafted_at - timedelta(days=1), col(LedgerRow.seq) < row.seq)
    )
    found = (await session.execute(statement)).one()
    return int(found[0]), int(found[1])


async def to_nudge(session: AsyncSession, now: datetime, limit: int = 200) -> Sequence[LedgerRow]:
    """Whose workflow is to be started or woken."""
    statement = select(LedgerRow).where(col(LedgerRow.nudge_at) <= now).order_by(col(LedgerRow.seq)).limit(limit)
    return (await session.scalars(statement)).all()


@dataclass(frozen=True)
class Search:
    """What somebody looks for; empty = all. `words`: in keys, documents, business objects, or the exception's title.
    `queue`: waiting for a person (to look `again`, to `approve` a reversal; `waiting`: either), `dead` or `differs`.
    `start`, `end`: when it was drafted."""

    words: str = ""
    status: str = ""
    system: str = ""
    queue: str = ""
    kind: str = ""
    definition: str = ""
    start: datetime | None = None
    end: datetime | None = None
    page: int = 1


@dataclass(frozen=True)
class Entry:
    """A transaction with its ground."""

    transaction: LedgerRow
    decision: DecisionRow | None
    title: str


@dataclass(frozen=True)
class Found:
    entries: Sequence[Entry]
    names: dict[str, str]
    total: int
    queues: dict[str, int]
    views: Sequence[LedgerViewRow] = ()


_status = col(LedgerRow.status)
_APPROVAL = (_status == State.PREVIEWED.value) & (col(LedgerRow.reverses) != "") & (col(LedgerRow.approved_by) == "")
_QUEUES: dict[str, ColumnElement[bool]] = {
    "again": _status == State.SENT_BACK.value,
    "approve": _APPROVAL,
    "waiting": (_status == State.SENT_BACK.value) | _APPROVAL,
    "dead": _status == State.DEAD_LETTERED.value,
    "differs": _status == State.DIFFERS.value,
}


async def find(database: Database, search: Search, person: str) -> Found:
    """One page of what fits, the newest first, and how many wait for somebody."""
    newest = _entries(search).order_by(col(LedgerRow.drafted_at).desc(), col(LedgerRow.seq).desc())
    total = (
        select(func.count())
        .select_from(LedgerRow)
        .outerjoin(ExceptionRow, col(ExceptionRow.id) == col(LedgerRow.exception_id))
        .where(*_fits(search))
    )
    views = select(LedgerViewRow).where(col(LedgerViewRow.person) == person).order_by(col(LedgerViewRow.name))
    async with database.transaction() as session:
        found = (await session.execute(page_of(newest, search.page))).all()
        return Found(
            [Entry(*row) for row in found],
            await board.names(session),
            int((await session.execute(total)).scalar_one()),
            await queues(session),
            (await session.scalars(views)).all(),
        )


async def find_all(database: Database, search: Search, batch: int = 500) -> AsyncIterator[Sequence[Entry]]:
    """Everything that fits, oldest first, in batches."""
    async for rows in in_order(database, _entries(search), batch):
        yield [Entry(*row) for row in rows]


async def dead(database: Database, search: Search, most: int) -> tuple[Sequence[Entry], int]:
    """The dead letters among what fits, the oldest first and at most so many; and how many there are."""
    letters = _entries(search).where(_QUEUES["dead"])
    oldest = letters.order_by(col(LedgerRow.drafted_at), col(LedgerRow.seq)).limit(most)
    counted = letters.with_only_columns(func.count(), maintain_column_froms=True)
    async with database.transaction() as session:
        found = (await session.execute(oldest)).all()
        return [Entry(*row) for row in found], int((await session.execute(counted)).scalar_one())


async def some(database: Database, names: Sequence[str]) -> Sequence[Entry]:
    """Those of these ids, the oldest first."""
    wanted = _entries(Search()).where(col(LedgerRow.id).in_(names))
    async with database.transaction() as session:
        found = await session.execute(wanted.order_by(col(LedgerRow.drafted_at), col(LedgerRow.seq)))
        return [Entry(*row) for row in found.all()]


def _entries(search: Search) -> Any:
    return (
        select(LedgerRow, DecisionRow, func.coalesce(col(ExceptionRow.title), ""))
        .outerjoin(DecisionRow, col(DecisionRow.id) == col(LedgerRow.decision))
        .outerjoin(ExceptionRow, col(ExceptionRow.id) == col(LedgerRow.exception_id))
        .where(*_fits(search))
    )


async def definitions(database: Database) -> list[str]:
    """Those that have posted something."""
    async with database.transaction() as session:
        names = select(col(LedgerRow.definition)).distinct().order_by(col(LedgerRow.definition))
        return [name for name in await session.scalars(names) if name]


async def queues(session: AsyncSession) -> dict[str, int]:
    """How many transactions wait for somebody, by queue."""
    counted = (func.count().filter(fits).label(name) for name, fits in _QUEUES.items())
    statement = select(*counted).select_from(LedgerRow).where(or_(*_QUEUES.values()))
    return dict((await session.execute(statement)).one()._mapping)


async def _counted(session: AsyncSession, statement: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in await session.execute(statement)}


def _fits(search: Search) -> list[Any]:
    fits: list[Any] = []
    same = (
        (LedgerRow.status, search.status),
        (LedgerRow.system, search.system),
        (LedgerRow.definition, search.definition),
    )
    fits += [col(column) == value for column, value in same if value]
    fits += [col(LedgerRow.drafted_at) >= search.start] if search.start else []
    fits += [col(LedgerRow.drafted_at) < search.end] if search.end else []
    if search.queue in _QUEUES:
        fits.append(_QUEUES[search.queue])
    if search.kind:
        fits.append(col(LedgerRow.outcomes).contains([{"kind": search.kind}]))
    row = LedgerRow
    return fits + with_words(search.words, (row.id, row.key, ExceptionRow.title, row.documents, row.outcomes))


@dataclass(frozen=True)
class Sheet:
    """One transaction as its page shows it: with its ground, the signals behind it, what happened to it, and what it
    reverses or was reversed by."""

    transaction: LedgerRow
    decision: DecisionRow | None
    task: TaskRow | None
    signatures: Sequence[SignatureRow]
    exception: ExceptionRow | None
    facts: Sequence[AuditRow]
    names: dict[str, str]
    reversals: Sequence[LedgerRow] = ()
    ahead: str = ""
    signals: Sequence[Any] = field(default=())
    parts: Sequence[LedgerPartRow] = ()  # of every attempt
    provenance: Provenance = field(default_factory=Provenance)
    differences: Sequence[DifferenceRow] = ()


async def sheet(database: Database, transaction_id: str) -> Sheet | None:
    """Everything about one transaction."""
    async with database.transaction() as session:
        row = await session.get(LedgerRow, transaction_id)
        if row is None:
            return None
        decision = await session.get(DecisionRow, row.decision) if row.decision else None
        task = await session.get(TaskRow, decision.task_id) if decision and decision.task_id else None
        signed = select(SignatureRow).where(col(SignatureRow.task_id).in_([row.id, *([task.id] if task else [])]))
        facts = select(AuditRow).where(col(AuditRow.subject) == row.id).order_by(col(AuditRow.id))
        exception = await session.get(ExceptionRow, row.exception_id)
        reversals = select(LedgerRow).where(col(LedgerRow.reverses) == row.id).order_by(col(LedgerRow.seq))
        return Sheet(
            row,
            decision,
            task,
            (await session.scalars(signed)).all(),
            exception,
            (await session.scalars(facts)).all(),
            await board.names(session),
            (await session.scalars(reversals)).all(),
            await earlier(session, row) if row.status in _IN_LINE else "",
            await signals(session, row.exception_id),
            await parts.all_of(session, row.id),
            await provenance(session, row, exception),
            await reconciliation.of_transaction(session, row.id),
        )


async def signals(session: AsyncSession, exception_id: str, *, limit: int | None = 20) -> Sequence[Any]:
    """What the exception was opened by and joined with: the beginning of every field's provenance."""
    statement = (
        select(InboxRow)
        .where(col(InboxRow.exception_id) == exception_id, col(InboxRow.category) == "signal")
        .order_by(col(InboxRow.seq))
        .limit(limit)
    )
    return (await session.scalars(statement)).all()


@dataclass(frozen=True)
class Connector:
    """A system as the connector page shows it."""

    control: Control
    hour: int
    minute: int
    states: dict[str, int]
    changed_by: str = ""
    changed_at: datetime | None = None


async def connectors(database: Database, systems: Sequence[str], now: datetime) -> list[Connector]:
    """What holds for each system and definition, and how much went there."""
    async with database.transaction() as session:
        rows = {row.scope: row for row in await session.scalars(select(PostingControlRow))}
        ours = sorted(scope for scope in rows if not scope.startswith(AGENT))
        scopes = dict.fromkeys([*(f"system:{system}" for system in systems), *ours])
        found = []
        for scope in scopes:
            kind, _, name = scope.partition(":")
            row = rows.get(scope)
            control = Control.model_validate(row.data) if row else Control(scope=scope)
            column = LedgerRow.system if kind == "system" else LedgerRow.definition
            counted = select(col(LedgerRow.status), func.count()).where(col(column) == name)
            states = await _counted(session, counted.group_by(col(LedgerRow.status)))
            hour, minute = await sent(session, scope, now)
            by, at = (row.changed_by, row.changed_at) if row else ("", None)
            found.append(Connector(control, hour, minute, states, by, at))
        return found


async def to_read_back(session: AsyncSession, now: datetime, limit: int = 50) -> Sequence[LedgerRow]:
    """In the books, and not read back since somebody wanted it."""
    stood = [State.POSTED.value, State.RECONCILED.value, State.DIFFERS.value]
    statement = (
        select(LedgerRow)
        .where(col(LedgerRow.status).in_(stood), col(LedgerRow.read_back_at).is_(None))
        .where(col(LedgerRow.posted_at) <= now)
        .order_by(col(LedgerRow.seq))
        .limit(limit)
    )
    return (await session.scalars(statement)).all()


async def unexplained(session: AsyncSession, row: LedgerRow, found: ReadBack) -> ReadBack:
    """Without the fields that later transactions of ours have set anew. That they touched the same order is not enough:
    what somebody else changed of it would never be found."""
    own = [field for field in found.changed if await _set_since(session, row, field)]
    return found.model_copy(update={"fields": [field for field in found.fields if field not in own]})


async def _set_since(session: AsyncSession, row: LedgerRow, field: FieldStanding) -> bool:
    """By a later transaction's preview, or what was read back of it; of one that has neither it may have been any."""
    named = [{"record": field.record, "field": field.field}]
    preview, read_back = col(LedgerRow.preview), col(LedgerRow.read_back)
    silent = (func.coalesce(func.jsonb_typeof(some), "null") == "null" for some in (preview, read_back))
    later = (
        select(col(LedgerRow.id))
        .where(col(LedgerRow.system) == row.system, col(LedgerRow.seq) > row.seq)
        .where(col(LedgerRow.status).in_([state.value for state in BOOKED]))
        .where(col(LedgerRow.objects).has_any(array(row.objects or [""])))  # type: ignore[attr-defined]
        .where(or_(preview.contains({"changes": named}), read_back.contains({"fields": named}), and_(*silent)))
        .order_by(col(LedgerRow.seq))
        .limit(1)
    )
    return (await session.scalars(later)).first() is not None
