"""Writing the audit: facts in the transaction of the fact, seals and heads by the one sealer."""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, insert, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.audit.chain import Head, Kept, Seal, apart
from domain.values import Json, iso
from store.db import storable
from store.tables import (
    AuditCheckpointRow,
    AuditHeadRow,
    AuditHoldRow,
    AuditRow,
    AuditSealRow,
    PersonalRow,
)

_SEALING = 0x6D6F7341  # advisory lock: one transaction seals at a time


async def add(session: AsyncSession, row: Mapping[str, Json]) -> None:
    """A fact for the auditor: `at`, `kind`, `actor`, `subject`, `data`. Personal values in `data` are kept apart."""
    data, kept = split(row["data"], row["actor"], row["subject"])
    session.add(AuditRow(**{**row, "data": data}))
    if kept:
        session.add_all([PersonalRow(**vars(one)) for one in kept])


def split(data: Json, actor: str, subject: str) -> tuple[Json, list[Kept]]:
    """`data` as the record holds it, and its personal values; both as PostgreSQL will give them back."""
    return apart(json.loads(storable(data)), actor, subject, lambda: secrets.token_hex(16))


async def sealing(session: AsyncSession) -> bool:
    """Is it this transaction's turn to seal? Others are not kept waiting."""
    return bool(await session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _SEALING}))


async def seal(session: AsyncSession, seals: Sequence[Seal], head: Head, now: datetime) -> None:
    """Keep these seals and the head that signs the last of them."""
    rows = storable([vars(one) for one in seals])
    await session.execute(_SEAL, {"seals": rows, "now": iso(now)})
    await session.execute(insert(AuditHeadRow).values(**vars(head)))


_SEAL = text(
    """
    WITH seal AS (
        SELECT * FROM jsonb_to_recordset(CAST(:seals AS jsonb))
            AS seal (number bigint, record_id bigint, digest text, hash text)
    ), kept AS (
        INSERT INTO audit_seal (number, record_id, digest, hash, sealed_at)
        SELECT number, record_id, digest, hash, CAST(CAST(:now AS text) AS timestamptz) FROM seal
    )
    DELETE FROM audit_pending WHERE record_id IN (SELECT record_id FROM seal)
    """
)


async def erase(session: AsyncSession, person: str) -> list[str]:
    """Remove a person's values with their salts; gives the commitments that nobody can open any more."""
    gone = delete(PersonalRow).where(col(PersonalRow.person) == person).returning(col(PersonalRow.commitment))
    return sorted(await session.scalars(gone))


async def place_hold(session: AsyncSession, row: dict[str, Json]) -> int:
    """Gives its id."""
    placed = insert(AuditHoldRow).values(row).returning(col(AuditHoldRow.id))
    return (await session.execute(placed)).scalar_one() or 0


async def lift_hold(session: AsyncSession, hold: int, by: str, now: datetime) -> bool:
    """False when there is none, or it was lifted before."""
    standing = (col(AuditHoldRow.id) == hold, col(AuditHoldRow.lifted_at).is_(None))
    lifted = update(AuditHoldRow).where(*standing).values(lifted_by=by, lifted_at=now).returning(col(AuditHoldRow.id))
    return await session.scalar(lifted) is not None


async def checkpoint(session: AsyncSession, row: dict[str, Json]) -> None:
    """From here on, what it covers may be dropped."""
    await session.execute(upsert(AuditCheckpointRow).values(row).on_conflict_do_nothing())


async def drop(session: AsyncSession, upto: int) -> None:
    """Remove what a checkpoint covers: values, records, heads, seals. The triggers check once more."""
    await session.execute(_DROP_VALUES, {"upto": upto})
    sealed = col(AuditSealRow.number) <= upto
    await session.execute(text(_DROP_RECORDS), {"upto": upto})
    await session.execute(delete(AuditHeadRow).where(col(AuditHeadRow.number) <= upto))
    await session.execute(delete(AuditSealRow).where(sealed))


_DROP_VALUES = text(
    """
    DELETE FROM audit_personal WHERE commitment IN (
        SELECT found #>> '{}' FROM audit_seal JOIN audit ON audit.id = record_id,
            jsonb_path_query(data, 'strict $.**.personal') AS found
        WHERE number <= :upto AND jsonb_typeof(found) = 'string'
    )
    """
)
_DROP_RECORDS = "DELETE FROM audit USING audit_seal WHERE audit.id = record_id AND number <= :upto"
