"""Reading the audit: the chain line by line, records by what they are about, holds and checkpoints."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.audit.chain import ERASED, GENESIS, MARKED, Head, Kept, Record, Seal, commitments, filled, read_data
from domain.audit.verification import Line
from domain.values import Json
from store.db import Database
from store.tables import AuditCheckpointRow, AuditHeadRow, AuditHoldRow

BATCH = 2000
_RECORD = "a.id, a.at, a.kind, a.actor, a.subject, a.data::text AS data"
_HEAD = "h.number AS head, h.hash AS head_hash, h.at AS head_at, h.after, h.key, h.signature"


async def last(session: AsyncSession) -> tuple[int, str]:
    """Number and hash that the next seal follows."""
    found = (await session.execute(_LAST)).first()
    return (found.number, found.hash) if found else (0, GENESIS)


_LAST = text(
    """
    (SELECT number, hash FROM audit_seal ORDER BY number DESC LIMIT 1)
    UNION ALL (SELECT number, hash FROM audit_checkpoint ORDER BY number DESC LIMIT 1)
    ORDER BY number DESC LIMIT 1
    """
)


async def hash_at(session: AsyncSession, number: int) -> str | None:
    """The hash of a number; None when it is not there."""
    if number == 0:
        return GENESIS
    found: str | None = await session.scalar(_HASH_AT, {"number": number})
    return found


_HASH_AT = text(
    """
    SELECT hash FROM audit_seal WHERE number = :number
    UNION ALL SELECT hash FROM audit_checkpoint WHERE number = :number LIMIT 1
    """
)


async def last_head(session: AsyncSession) -> Head | None:
    """The newest signature."""
    newest = select(AuditHeadRow).order_by(col(AuditHeadRow.number).desc()).limit(1)
    row: AuditHeadRow | None = await session.scalar(newest)
    return Head(row.number, row.hash, row.at, row.after, row.key, row.signature) if row else None


async def checkpoint(session: AsyncSession) -> AuditCheckpointRow | None:
    """Behind which the chain begins; None: it begins at 1."""
    newest = select(AuditCheckpointRow).order_by(col(AuditCheckpointRow.number).desc()).limit(1)
    row: AuditCheckpointRow | None = await session.scalar(newest)
    return row


async def origin(session: AsyncSession) -> tuple[int, str]:
    """What the first number here follows: the checkpoint behind which earlier ones were archived, or nothing."""
    point = await checkpoint(session)
    return (point.number, point.hash) if point else (0, GENESIS)


async def waiting(session: AsyncSession, limit: int) -> list[Record]:
    """Records that are to be sealed, in the order in which they were written."""
    found = await session.execute(_WAITING, {"limit": limit})
    return [_record(row) for row in found]


_WAITING = text(f"SELECT {_RECORD} FROM audit_pending JOIN audit a ON a.id = record_id ORDER BY a.id LIMIT :limit")  # noqa: S608


async def waiting_since(session: AsyncSession) -> tuple[int, datetime | None]:
    """How many wait for their seal, and since when the oldest does."""
    found = (await session.execute(_SINCE)).one()
    return found.n, found.since


_SINCE = text("SELECT count(*) AS n, min(at) AS since FROM audit_pending JOIN audit ON audit.id = record_id")


async def lines(database: Database, after: int, upto: int, batch: int = BATCH) -> AsyncIterator[list[Line]]:
    """The chain from `after` + 1 to `upto`, in batches."""
    while after < upto:
        async with database.transaction() as session:
            rows = (await session.execute(_LINES, {"after": after, "upto": upto, "batch": batch})).all()
            found = await _lines(session, rows)
        if not found:
            return
        yield found
        after = found[-1].seal.number


_LINES = text(
    f"""
    SELECT s.number, s.record_id, s.digest, s.hash, {_RECORD}, {_HEAD}
    FROM audit_seal s LEFT JOIN audit a ON a.id = s.record_id LEFT JOIN audit_head h ON h.number = s.number
    WHERE s.number > :after AND s.number <= :upto ORDER BY s.number LIMIT :batch
    """  # noqa: S608
)


async def _lines(session: AsyncSession, rows: Sequence[Any]) -> list[Line]:
    records = [_record(row) if row.id is not None else None for row in rows]
    kept = await values(session, (one for row, one in zip(rows, records, strict=True) if one and _open(row.data)))
    return [
        Line(
            Seal(row.number, row.record_id, row.digest, row.hash),
            record,
            Head(row.head, row.head_hash, row.head_at, row.after, row.key, row.signature)
            if row.head is not None
            else None,
            tuple(kept[name] for name in commitments(record.data) if name in kept)
            if kept and record and _open(row.data)
            else (),
        )
        for row, record in zip(rows, records, strict=True)
    ]


def _open(data: str) -> bool:
    return MARKED in data


def _record(row: Any) -> Record:
    return Record(row.id, row.at, row.kind, row.actor, row.subject, read_data(row.data))


async def values(session: AsyncSession, records: Iterable[Record]) -> dict[str, Kept]:
    """The personal values of these records that are still there, by commitment."""
    names = [name for record in records for name in commitments(record.data)]
    if not names:
        return {}
    found = await session.execute(_VALUES, {"names": names})
    return {row.commitment: Kept(row.commitment, row.person, row.value, row.salt) for row in found}


_VALUES = text("SELECT commitment, person, value, salt FROM audit_personal WHERE commitment = ANY(:names)")


async def loose(session: AsyncSession, limit: int = 1000) -> list[Record]:
    """Records that are neither sealed nor wait for it: nobody of ours writes such."""
    return [_record(row) for row in await session.execute(_LOOSE, {"limit": limit})]


_LOOSE = text(
    f"""
    SELECT {_RECORD} FROM audit a
    WHERE NOT EXISTS (SELECT 1 FROM audit_seal WHERE record_id = a.id)
        AND NOT EXISTS (SELECT 1 FROM audit_pending WHERE record_id = a.id)
    ORDER BY a.id LIMIT :limit
    """  # noqa: S608
)


async def stray_heads(session: AsyncSession, limit: int = 1000) -> list[Head]:
    """Signatures on numbers that are not there."""
    rows = await session.execute(_STRAY, {"limit": limit})
    return [Head(row.head, row.head_hash, row.head_at, row.after, row.key, row.signature) for row in rows]


_STRAY = text(
    f"""
    SELECT {_HEAD} FROM audit_head h
    WHERE NOT EXISTS (SELECT 1 FROM audit_seal WHERE number = h.number) ORDER BY h.number LIMIT :limit
    """  # noqa: S608
)


async def erased(session: AsyncSession) -> set[str]:
    """All commitments that a record says were erased."""
    told = text("SELECT data FROM audit WHERE kind = :kind")
    found = await session.scalars(told, {"kind": ERASED})
    return {name for data in found for name in data.get("commitments", ())}


async def holds(session: AsyncSession, *, standing: bool = True) -> Sequence[AuditHoldRow]:
    """Legal holds, newest first."""
    statement = select(AuditHoldRow).order_by(col(AuditHoldRow.id).desc())
    return (
        await session.scalars(statement.where(col(AuditHoldRow.lifted_at).is_(None)) if standing else statement)
    ).all()


async def first_about(session: AsyncSession, subject: str) -> int | None:
    """The first number that is about this person or thing, or done by them; None: none is."""
    found: int | None = await session.scalar(_FIRST_ABOUT, {"subject": subject})
    return found


_FIRST_ABOUT = text(
    """
    SELECT min(number) FROM audit_seal JOIN audit ON audit.id = record_id
    WHERE subject = :subject OR actor = :subject OR data ->> 'exception' = :subject
    """
)


async def is_named(session: AsyncSession, subject: str) -> bool:
    """Is a record about this person or thing, or done by them? Those count too that wait for their seal."""
    return bool(await session.scalar(_NAMED, {"subject": subject}))


_NAMED = text(
    """
    SELECT EXISTS (
        SELECT 1 FROM audit WHERE subject = :subject OR actor = :subject OR data ->> 'exception' = :subject
    )
    """
)


async def sealed_before(session: AsyncSession, moment: datetime) -> int:
    """The last number that was sealed before, where a signed head stands; 0 when none was."""
    found = await session.scalar(text("SELECT max(number) FROM audit_head WHERE at < :moment"), {"moment": moment})
    return int(found or 0)


@dataclass(frozen=True)
class Wanted:
    """What is looked for; empty means everything. `words`: anywhere in the record."""

    kind: str = ""
    actor: str = ""
    subject: str = ""
    words: str = ""
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Found:
    """A record as people read it: personal values in place, its seal where it has one."""

    record: Record
    seal: Seal | None
    data: Json = field(default_factory=dict)


async def find(session: AsyncSession, wanted: Wanted, *, before: int | None = None, limit: int = 100) -> list[Found]:
    """The newest records, below the id `before`."""
    given = _given(wanted) | {"before": before if before is not None else 2**62, "limit": limit}
    return await _found(session, (await session.execute(_FIND, given)).all())


async def find_all(database: Database, wanted: Wanted, batch: int = BATCH) -> AsyncIterator[list[Found]]:
    """All of them, oldest first, in batches."""
    after = 0
    while True:
        async with database.transaction() as session:
            given = _given(wanted) | {"after": after, "limit": batch}
            found = await _found(session, (await session.execute(_FIND_ALL, given)).all())
        if not found:
            return
        yield found
        after = found[-1].record.id


async def one(session: AsyncSession, record_id: int) -> Found | None:
    """A record by its id."""
    found = await _found(session, (await session.execute(_ONE, {"id": record_id})).all())
    return found[0] if found else None


async def of_subjects(session: AsyncSession, subjects: Sequence[str], limit: int = 2000) -> list[Found]:
    """Everything about these things, oldest first."""
    return await _found(session, (await session.execute(_OF, {"subjects": list(subjects), "limit": limit})).all())


async def head_over(session: AsyncSession, number: int) -> Head | None:
    """The first signature that covers this number."""
    covering = (
        select(AuditHeadRow).where(col(AuditHeadRow.number) >= number).order_by(col(AuditHeadRow.number)).limit(1)
    )
    row: AuditHeadRow | None = await session.scalar(covering)
    return Head(row.number, row.hash, row.at, row.after, row.key, row.signature) if row else None


async def head_below(session: AsyncSession, number: int) -> Head | None:
    """The last signature before this number."""
    below = select(AuditHeadRow).where(col(AuditHeadRow.number) < number)
    row: AuditHeadRow | None = await session.scalar(below.order_by(col(AuditHeadRow.number).desc()).limit(1))
    return Head(row.number, row.hash, row.at, row.after, row.key, row.signature) if row else None


def _given(wanted: Wanted) -> dict[str, Any]:
    words = wanted.words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {
        "kind": wanted.kind,
        "actor": wanted.actor,
        "subject": wanted.subject,
        "words": f"%{words}%" if words else "",
        "start": wanted.start,
        "end": wanted.end,
    }


_MATCHES = """
    (:kind = '' OR kind = :kind OR starts_with(kind, :kind || '.')) AND (:actor = '' OR actor = :actor)
    AND (:subject = '' OR subject = :subject)
    AND (:words = '' OR a.kind || ' ' || a.actor || ' ' || a.subject || ' ' || a.data::text ILIKE :words)
    AND (CAST(:start AS timestamptz) IS NULL OR at >= :start) AND (CAST(:end AS timestamptz) IS NULL OR at < :end)
"""
_SEALED = f"SELECT {_RECORD}, s.number, s.record_id, s.digest, s.hash FROM audit a LEFT JOIN audit_seal s ON s.record_id = a.id"  # noqa: E501, S608
_FIND = text(f"{_SEALED} WHERE a.id < :before AND {_MATCHES} ORDER BY a.id DESC LIMIT :limit")
_FIND_ALL = text(f"{_SEALED} WHERE a.id > :after AND {_MATCHES} ORDER BY a.id LIMIT :limit")
_ONE = text(f"{_SEALED} WHERE a.id = :id")
_OF = text(
    f"{_SEALED} WHERE subject = ANY(:subjects) OR data ->> 'exception' = ANY(:subjects) ORDER BY a.id LIMIT :limit"
)


async def _found(session: AsyncSession, rows: Sequence[Any]) -> list[Found]:
    records = [_record(row) for row in rows]
    kept = {name: one.value for name, one in (await values(session, records)).items()}
    return [
        Found(
            record,
            Seal(row.number, row.record_id, row.digest, row.hash) if row.number is not None else None,
            filled(record.data, kept, "(erased)"),
        )
        for row, record in zip(rows, records, strict=True)
    ]


async def kinds(session: AsyncSession) -> list[str]:
    """The kinds of records that there are."""
    return list(await session.scalars(_KINDS))


_KINDS = text(
    """
    WITH RECURSIVE found AS (
        (SELECT kind FROM audit ORDER BY kind LIMIT 1)
        UNION ALL SELECT (SELECT min(kind) FROM audit WHERE audit.kind > found.kind) FROM found WHERE kind IS NOT NULL
    )
    SELECT kind FROM found WHERE kind IS NOT NULL
    """
)
