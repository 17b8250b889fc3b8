"""Exceptions: their identity (made by intake) and the projection of their workflow."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.values import Json, iso
from store.db import ARRIVED, CHANGED, storable
from store.tables import ExceptionRow, InboxRow, TaskRow
from store.write.evidence.audit import split


async def find_open(session: AsyncSession, site: str, definition: str, key: str) -> ExceptionRow | None:
    """The open exception of this key, locked against closing until the transaction ends."""
    statement = (
        select(ExceptionRow)
        .where(col(ExceptionRow.site) == site, col(ExceptionRow.definition) == definition, col(ExceptionRow.key) == key)
        .where(col(ExceptionRow.closed_at).is_(None))
        .with_for_update()
    )
    found: ExceptionRow | None = await session.scalar(statement)
    return found


async def open_new(session: AsyncSession, row: ExceptionRow) -> None:
    """Add an exception's identity; at the flush, the partial unique index allows one open one a key."""
    session.add(row)
    await changed(session, row.id)


async def taken(session: AsyncSession, exception_id: str, seqs: Sequence[int], outcome: Json) -> None:
    """Its workflow runs and has taken these inbox rows."""
    given = {"id": exception_id, "seqs": list(seqs), "outcome": storable(outcome), "channel": CHANGED}
    await session.execute(_TAKEN, given)


_TAKEN = text(
    """
    WITH rows AS (
        UPDATE inbox SET status = 'delivered', outcome = CAST(:outcome AS jsonb), error = NULL, due_at = NULL
        WHERE seq = ANY(:seqs)
    ), running AS (
        UPDATE plant_exception SET started = true WHERE id = :id AND NOT started
    )
    SELECT pg_notify(:channel, :id)
    """
)


async def hold_back(session: AsyncSession, exception_id: str, why: str, until: Callable[[int], datetime]) -> int:
    """Its oldest waiting row did not get through: that row says so, and nothing is given to it before `until` (of how
    often it was tried, which is returned). 0 when nothing waits any more."""
    statement = (
        select(InboxRow)
        .where(col(InboxRow.exception_id) == exception_id, col(InboxRow.status) == "correlated")
        .order_by(col(InboxRow.seq))
        .limit(1)
        .with_for_update()
    )
    row: InboxRow | None = await session.scalar(statement)
    if row is None:
        return 0
    row.attempts, row.error = row.attempts + 1, why[:500]
    row.due_at = until(row.attempts)
    await changed(session, exception_id)
    return row.attempts


async def project(
    session: AsyncSession,
    exception_id: str,
    rev: int,
    values: dict[str, Json],
    entries: list[dict[str, Json]],
    audited: Mapping[int, Json] = MappingProxyType({}),
) -> None:
    """Write the workflow's state, where an older `rev` never wins, and its timeline entries, where one that is there
    already (by its mark) stays as it is. `values`: handling and condition, perhaps title, priority, version,
    milestones, state: what is not named, or empty, stays. `audited`: the entries that are a fact for the auditor as
    well, once each, with this `data` beside their own.

    One statement, since every effect does this."""
    kept = {name: storable(values[name]) if name in values else None for name in ("milestones", "state")}
    told = storable([{**entry, "at": iso(entry["at"])} for entry in entries])
    facts, kept_apart = _facts(exception_id, entries, audited)
    named = {"id": exception_id, "rev": rev, "channel": CHANGED, "entries": told, "facts": facts, "apart": kept_apart}
    texts = {name: values.get(name) or None for name in ("title", "priority", "version")}
    await session.execute(_PROJECT, {**values, **texts, **kept, **named})


def _facts(exception_id: str, entries: list[dict[str, Json]], audited: Mapping[int, Json]) -> tuple[str, str]:
    """The audited entries' data, with commitments for personal values, and those values."""
    facts, apart = [], []
    for entry in entries:
        number, actor = entry["entry"], entry["person"] or "mos"
        if number in audited:
            data, kept = split({**entry["data"], **audited[number]}, actor, exception_id)
            facts.append({"entry": number, "data": data})
            apart += [{"entry": number, **vars(one)} for one in kept]
    return storable(facts), storable(apart)


_PROJECT = text(
    """
    WITH story AS (
        INSERT INTO timeline (exception_id, entry, mark, at, kind, step, person, data)
        SELECT :id, entry, mark, at, kind, step, person, data
        FROM jsonb_to_recordset(CAST(:entries AS jsonb))
            AS told (entry integer, mark text, at timestamptz, kind text, step text, person text, data jsonb)
        WHERE NOT EXISTS (  -- a release before marks wrote it
            SELECT FROM timeline AS earlier
            WHERE earlier.exception_id = CAST(:id AS varchar) AND earlier.entry = told.entry AND earlier.mark = ''
        )
        ON CONFLICT DO NOTHING
        RETURNING entry, at, kind, step, person, data
    ), audited AS (
        INSERT INTO audit (at, kind, actor, subject, data)
        SELECT story.at, story.kind, coalesce(story.person, 'mos'), :id,
            story.data || fact.data || jsonb_build_object('entry', story.entry, 'step', story.step)
        FROM story JOIN jsonb_to_recordset(CAST(:facts AS jsonb)) AS fact (entry integer, data jsonb) USING (entry)
    ), apart AS (
        INSERT INTO audit_personal (commitment, person, value, salt)
        SELECT commitment, kept.person, value, salt
        FROM story JOIN jsonb_to_recordset(CAST(:apart AS jsonb))
            AS kept (entry integer, commitment text, person text, value text, salt text) USING (entry)
    ), state AS (
        UPDATE plant_exception
        SET rev = :rev, handling = :handling, condition = :condition, title = coalesce(CAST(:title AS text), title),
            priority = coalesce(CAST(:priority AS text), priority),
            version = coalesce(CAST(:version AS text), version),
            milestones = coalesce(CAST(:milestones AS jsonb), milestones),
            state = coalesce(CAST(:state AS jsonb), state)
        WHERE id = :id AND rev <= :rev
    )
    SELECT pg_notify(:channel, :id)
    """
)


async def close(session: AsyncSession, exception_id: str, highest_seq: int, at: datetime) -> bool:
    """Close the row unless a correlated signal beyond `highest_seq` is on its way to it.

    Those up to `highest_seq` are delivered, whether or not the pump lived to write it down: given again, they would
    open the same exception a second time. Those that had joined as children (`under`) and whose condition the source
    still reports are handed back to intake, which lets them open as their own exceptions now.
    """
    statement = select(ExceptionRow).where(col(ExceptionRow.id) == exception_id).with_for_update()
    row: ExceptionRow | None = await session.scalar(statement)
    if row is None or row.closed_at is not None:
        return True
    undelivered = await session.scalar(
        select(col(InboxRow.seq))
        .where(col(InboxRow.exception_id) == exception_id, col(InboxRow.category) == "signal")
        .where(col(InboxRow.status) == "correlated", col(InboxRow.seq) > highest_seq)
        .limit(1)
    )
    if undelivered is not None:
        return False
    given = {"id": exception_id, "definition": row.definition, "key": row.key, "at": at, "channel": ARRIVED}
    await session.execute(_LET_GO, given)
    row.closed_at = at
    await changed(session, exception_id)
    return True


_LET_GO = text(
    """
    WITH child AS (
        SELECT DISTINCT ON (definition, key, signal ->> 'state_key')
            seq, signal ->> 'state_key' AS state_key, signal ->> 'state' AS state
        FROM inbox
        WHERE exception_id = :id AND category = 'signal' AND definition IS NOT NULL
            AND (definition, key) IS DISTINCT FROM (CAST(:definition AS text), CAST(:key AS text))
        ORDER BY definition, key, signal ->> 'state_key', seq DESC
    ), standing AS (
        SELECT seq FROM child JOIN source_state ON source_state.key = child.state_key
            AND source_state.state = child.state
    ), back AS (
        UPDATE inbox SET status = 'settling', exception_id = NULL, outcome = NULL, error = NULL, due_at = :at
        WHERE seq IN (SELECT seq FROM standing)
        RETURNING seq
    ), delivered AS (
        UPDATE inbox
        SET status = 'delivered', outcome = '{"accepted": true, "code": "joined"}', error = NULL, due_at = NULL
        WHERE exception_id = :id AND category = 'signal' AND status = 'correlated'
            AND seq NOT IN (SELECT seq FROM standing)
    )
    SELECT pg_notify(:channel, '') FROM back LIMIT 1
    """
)


async def upsert_task(session: AsyncSession, row: dict[str, Json]) -> None:
    """A task as asked; asked again (ladder) it gains people and keeps its code."""
    statement = insert(TaskRow).values(row)
    keep = {name: row[name] for name in ("asked", "standing", "shown", "shown_hash") if name in row}
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=keep))


async def update_task(session: AsyncSession, task_id: str, **values: Any) -> None:
    """Set columns of a task."""
    await session.execute(update(TaskRow).where(col(TaskRow.id) == task_id).values(**values))


async def changed(session: AsyncSession, exception_id: str) -> None:
    """Tell listeners (the console's live pages) at commit."""
    await session.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANGED, "payload": exception_id})
