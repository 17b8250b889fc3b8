"""Sealing and verifying the audit, and what may be done to it: hold, erase, archive. Each with its record."""

from collections.abc import AsyncIterator
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor, may
from admin.audit.files import as_json
from admin.audit.keys import Signer, Trusted
from domain.audit.chain import ERASED, GENESIS, Head, chain
from domain.audit.verification import Finding, Report, Verifier, What
from domain.errors import ConflictError, InvalidPayloadError, InvariantError, NotFoundError
from domain.values import Json
from store.db import Database
from store.read.evidence import audit as read
from store.tables import AuditCheckpointRow
from store.write.evidence import audit as write

READ = "read_audit"
MANAGE = "manage_audit"
BATCH = 1000
_REASON = 500


async def seal(database: Database, signer: Signer, now: datetime, limit: int = BATCH) -> int:
    """Number, chain and sign the records that wait; gives how many. 0 too when another process is at it.

    Raises InvariantError when the end of the chain is not what was signed last: nothing is put on top of it.
    """
    async with database.transaction() as session:
        if not await write.sealing(session):
            return 0
        records = await read.waiting(session, limit)
        if not records:
            return 0
        number, previous = await read.last(session)
        await _as_signed(session, signer, number, previous)
        seals = chain(records, number, previous)
        head = signer.sign(Head(seals[-1].number, seals[-1].hash, now, after=number))
        await write.seal(session, seals, head, now)
        return len(seals)


async def _as_signed(session: AsyncSession, signer: Signer, number: int, previous: str) -> None:
    head, point = await read.last_head(session), await read.checkpoint(session)
    if head is None and point is not None:
        head = head_of(point)
    if ((head.number, head.hash) if head else (0, GENESIS)) != (number, previous):
        raise InvariantError("the end of the audit is not what was signed last: run 'mos audit verify'")
    if head and head.key == signer.id and not Trusted([signer.public]).valid(head):  # `verify` looks at earlier keys
        raise InvariantError("the last signature of the audit is not ours: run 'mos audit verify'")


def head_of(point: AuditCheckpointRow) -> Head:
    """The signature of a checkpoint."""
    return Head(point.number, point.hash, point.at, point.after, point.key, point.signature)


async def verify(
    database: Database,
    trusted: Trusted,
    *,
    first: int = 0,
    last: int = 0,
    anchor: Head | None = None,
    joined: bool = False,
) -> Report:
    """Look at every number from `first` to `last` (0: from the beginning, to the end) and, where it goes to the end, at
    what stands beside the chain. `anchor`: a head that was kept outside; `joined`: another looks at what stands before
    `first`, up to a head.

    Raises NotFoundError when the range begins where nothing is.
    """
    async with database.transaction() as session:
        verifier = await _begun(session, trusted, first, joined=joined)
        upto = last or (await read.last(session))[0]
    after, anchored = verifier.report.last, anchor is None
    async for batch in read.lines(database, after, upto):
        for line in batch:
            verifier.take(line)
            anchored = anchored or (
                anchor is not None and (line.seal.number, line.seal.hash) == (anchor.number, anchor.hash)
            )
    if anchor is not None and not (trusted.valid(anchor) and (anchored or not after < anchor.number <= upto)):
        verifier.found(Finding(What.ANCHOR, anchor.number))
    if anchor is not None and not last and anchor.number > upto:
        verifier.found(Finding(What.ANCHOR, anchor.number, other=upto))
    async with database.transaction() as session:
        erased = await read.erased(session)
        if last:
            return verifier.end(erased=erased, to_the_end=False)
        return verifier.end(loose=await read.loose(session), heads=await read.stray_heads(session), erased=erased)


async def length(database: Database) -> int:
    """How many numbers there are here."""
    async with database.transaction() as session:
        return int((await read.last(session))[0] - (await read.origin(session))[0])


async def parts(database: Database, count: int) -> list[tuple[int, int]]:
    """The whole chain in so many parts of about the same size, each but the last ending at a signed head: `first` and
    `last` for `verify` (0: from the beginning, to the end)."""
    async with database.transaction() as session:
        begin, end = (await read.origin(session))[0], (await read.last(session))[0]
        heads = [await read.head_over(session, begin + (end - begin) * n // count) for n in range(1, count)]
    cuts = sorted({head.number for head in heads if head and begin < head.number < end})
    return list(zip([0, *(cut + 1 for cut in cuts)], [*cuts, 0], strict=True))


async def _begun(session: AsyncSession, trusted: Trusted, first: int, *, joined: bool) -> Verifier:
    after, previous = await read.origin(session)
    if first > after + 1:
        found = await read.hash_at(session, first - 1)
        if found is None:
            raise NotFoundError(f"There is no number {first - 1} in the audit: begin somewhere else.")
        after, previous = first - 1, found
    verifier = Verifier(trusted.valid, after, previous, joined=joined)
    verifier.report.waiting, _ = await read.waiting_since(session)
    point = await read.checkpoint(session)
    if point is not None and not trusted.valid(head_of(point)):
        verifier.found(Finding(What.HEAD, point.number))
    return verifier


async def hold(database: Database, subject: str, reason: str, by: Actor, now: datetime) -> int:
    """From now on nothing about `subject` (a person, an exception; everything when empty) is erased or dropped. Gives
    its number. Raises InvalidPayloadError, NotAllowedError."""
    async with database.transaction() as session:
        await may(session, by, MANAGE)
        since = await read.first_about(session, subject) if subject else 1
        since = since if since is not None else (await read.last(session))[0] + 1
        row = {"subject": subject, "since": since, "reason": _said(reason), "placed_by": by.id, "placed_at": now}
        number = await write.place_hold(session, row)
        data = {"hold": number, "since": since, "reason": row["reason"], "evidence": by.evidence}
        await write.add(session, _fact("hold.placed", by, subject or "audit", data, now))
        return number


async def lift(database: Database, number: int, reason: str, by: Actor, now: datetime) -> None:
    """Raises NotFoundError, InvalidPayloadError, NotAllowedError."""
    async with database.transaction() as session:
        await may(session, by, MANAGE)
        if not await write.lift_hold(session, number, by.id, now):
            raise NotFoundError(f"There is no hold {number}, or it was lifted before.")
        data = {"hold": number, "reason": _said(reason), "evidence": by.evidence}
        await write.add(session, _fact("hold.lifted", by, "audit", data, now))


async def erase(database: Database, person: str, reason: str, by: Actor, now: datetime) -> int:
    """Remove the personal values that the audit keeps of this person: the chain still verifies. Gives how many.

    Raises ConflictError while a hold wants them, InvalidPayloadError, NotAllowedError.
    """
    async with database.transaction() as session:
        await may(session, by, MANAGE)
        if any(one.subject in ("", person) for one in await read.holds(session)):
            raise ConflictError(f"A legal hold keeps what is known about '{person}': lift it first.")
        gone = await write.erase(session, person)
        data = {"commitments": gone, "reason": _said(reason), "evidence": by.evidence}
        await write.add(session, _fact(ERASED, by, person, data, now))
        return len(gone)


async def told_of_export(database: Database, what: str, subject: str, by: Actor, now: datetime, **data: Json) -> None:
    """Who took what out is a fact too."""
    async with database.transaction() as session:
        await write.add(
            session, _fact("audit.exported", by, subject, {"what": what, "evidence": by.evidence, **data}, now)
        )


async def archivable(database: Database, before: datetime, by: Actor) -> int:
    """The last number that may be archived: sealed before that moment, and no hold wants it or an earlier one.

    Raises NotFoundError when none may, NotAllowedError.
    """
    async with database.transaction() as session:
        await may(session, by, MANAGE)
        upto = await read.sealed_before(session, before)
        held = min((one.since for one in await read.holds(session)), default=upto + 1)
        if held <= upto:
            head = await read.head_below(session, held)
            upto = head.number if head else 0
        if upto <= (await read.origin(session))[0]:
            raise NotFoundError("Nothing to archive: no record is that old, or a legal hold keeps them.")
        return upto


async def drop(
    database: Database, signer: Signer, upto: int, file_hash: str, by: Actor, now: datetime
) -> AuditCheckpointRow:
    """Sign a checkpoint over what was exported up to this number, and remove that. The chain keeps a record of it."""
    async with database.transaction() as session:
        await may(session, by, MANAGE)
        hashed = await read.hash_at(session, upto)
        if hashed is None:
            raise NotFoundError(f"There is no number {upto} in the audit.")
        head = signer.sign(Head(upto, hashed, now, after=(await read.origin(session))[0]))
        records = upto - (await read.origin(session))[0]
        row = vars(head) | {"file_hash": file_hash, "records": records, "by": by.id}
        await write.checkpoint(session, row)
        await write.drop(session, upto)
        data = {"upto": upto, "hash": hashed, "file_hash": file_hash, "records": records, "evidence": by.evidence}
        await write.add(session, _fact("audit.archived", by, "audit", data, now))
        return AuditCheckpointRow(**row)


async def exported(database: Database, upto: int) -> AsyncIterator[str]:
    """The chain from its beginning here to `upto`, as JSON lines that `mos audit verify --file` reads."""
    async with database.transaction() as session:
        after, _ = await read.origin(session)
    async for batch in read.lines(database, after, upto):
        for line in batch:
            yield as_json(line)


def _fact(kind: str, by: Actor, subject: str, data: Json, now: datetime) -> dict[str, Json]:
    return {"at": now, "kind": kind, "actor": by.id, "subject": subject, "data": data}


def _said(reason: str) -> str:
    if not reason.strip() or len(reason.strip()) > _REASON:
        raise InvalidPayloadError(f"Give a reason, at most {_REASON} characters long.")
    return reason.strip()
