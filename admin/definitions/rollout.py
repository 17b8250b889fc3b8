"""Which published version opens exceptions: everywhere, for areas or a share, or only watching from the shadow.

Every function is one transaction with its audit record. `seen` is the version that the person saw in the slot: somebody
who was quicker is not undone by accident. An exception that runs keeps its version whatever happens here.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from admin.actors import Actor, may, name_of
from domain.errors import ConflictError, InvalidPayloadError, NotFoundError
from domain.values import Json
from store.db import Database
from store.read import site as site_read
from store.read.definitions import versions as read
from store.tables import DefinitionRow, RolloutRow
from store.write.books import ledger
from store.write.definitions import publishing
from store.write.definitions import rollouts as write


@dataclass(frozen=True)
class Move:
    """Who changes a rollout, why and when; `seen` as above."""

    by: Actor
    now: datetime
    reason: str = ""
    seen: str | None = None


async def go_live(database: Database, definition: str, version: str, move: Move) -> None:
    """This version opens exceptions everywhere from now on; a trial ends. `version`: `v3`, or the start of its hash."""
    async with database.transaction() as session:
        row, standing = await _look(session, definition, version, move, "live")
        await put_live(session, row, standing, move)


async def put_live(
    session: AsyncSession, row: DefinitionRow, standing: dict[str, RolloutRow], move: Move, kind: str = "live"
) -> None:
    """Inside a transaction that has locked the definition. Live already and alone: nothing changes."""
    live, trial, shadow = (standing.get(slot) for slot in read.SLOTS)
    if live and live.version == row.version and not trial:
        return
    if trial:
        await write.end(session, trial, move.by.id, move.now)
    if shadow and shadow.version == row.version:
        await write.end(session, shadow, move.by.id, move.now)
    if live is None or live.version != row.version:
        await _replace_live(session, row, live, live.id if live else None, move)
    await _audit(session, row.definition, kind, move, {"version": row.version, "number": row.number})


async def try_out(
    database: Database, definition: str, version: str, move: Move, *, areas: Sequence[str] = (), share: int = 100
) -> None:
    """This version opens exceptions in these areas and for this share (percent) of the correlation keys; the live one
    everywhere else. A trial that runs is replaced. Raises InvalidPayloadError for an unknown area or no share."""
    async with database.transaction() as session:
        row, standing = await _look(session, definition, version, move, "trial")
        _check_share(areas, share)
        await _check_areas(session, areas)
        live = standing.get("live")
        if live and live.version == row.version:
            raise ConflictError(f"v{row.number} of '{definition}' is live everywhere: there is nothing to try")
        await _take_slot(session, "trial", row, standing, move, list(areas), share)


async def watch(database: Database, definition: str, version: str, move: Move) -> None:
    """Put a version into the shadow: it sees every signal, opens nothing and tells nobody."""
    async with database.transaction() as session:
        row, standing = await _look(session, definition, version, move, "shadow")
        await _take_slot(session, "shadow", row, standing, move, [], 100)


async def stop_watching(database: Database, definition: str, move: Move) -> None:
    """Take the version out of the shadow; what it saw stays. Raises NotFoundError when there is none."""
    async with database.transaction() as session:
        standing = await _lock(session, definition, move, "shadow")
        shadow = _there(standing, "shadow", definition)
        await write.end(session, shadow, move.by.id, move.now)
        await _audit(session, definition, "shadow_ended", move, {"version": shadow.version})


async def promote(database: Database, definition: str, move: Move) -> DefinitionRow:
    """The version on trial becomes the live one. Raises NotFoundError when nothing is tried."""
    async with database.transaction() as session:
        standing = await _lock(session, definition, move, "trial")
        row = await read.find(session, definition, _there(standing, "trial", definition).version)
        await put_live(session, row, standing, move, "promoted")
        return row


async def roll_back(database: Database, definition: str, move: Move) -> DefinitionRow | None:
    """End the trial; without one, the version that was live before is live again. Gives what is live now, if any.

    Raises ConflictError when nothing was live before. `seen`: the version on trial, or the live one.
    """
    async with database.transaction() as session:
        standing = await _lock(session, definition, move)
        live, trial = standing.get("live"), standing.get("trial")
        await _check_seen(session, definition, trial or live, move)
        if trial is not None:
            await write.end(session, trial, move.by.id, move.now)
            await _audit(session, definition, "rolled_back", move, {"from": trial.version, "trial": True})
            return await read.find(session, definition, live.version) if live else None
        return await _back(session, definition, live, move)


async def _back(session: AsyncSession, definition: str, live: RolloutRow | None, move: Move) -> DefinitionRow:
    before = await session.get(RolloutRow, live.replaces) if live and live.replaces else None
    if live is None or before is None:
        raise ConflictError(f"nothing was live before: to stop '{definition}', retire it")
    row = await read.find(session, definition, before.version)
    await _replace_live(session, row, live, before.replaces, move)
    await _audit(session, definition, "rolled_back", move, {"from": live.version, "version": row.version})
    return row


async def retire(database: Database, definition: str, move: Move) -> int:
    """It opens nothing more; exceptions that run go on. Gives how many. Raises ConflictError when it is retired."""
    async with database.transaction() as session:
        standing = await _lock(session, definition, move)
        if not standing:
            raise ConflictError(f"'{definition}' opens nothing already")
        for slot in standing.values():
            await write.end(session, slot, move.by.id, move.now)
        counts = await read.running(session)
        going_on = sum(counts.get(row.version, 0) for row in await read.versions(session, definition))
        ended = {slot: row.version for slot, row in standing.items()}
        await _audit(session, definition, "retired", move, {"ended": ended, "running": going_on})
        return going_on


async def _look(
    session: AsyncSession, definition: str, version: str, move: Move, slot: str
) -> tuple[DefinitionRow, dict[str, RolloutRow]]:
    standing = await _lock(session, definition, move, slot)
    return await read.find(session, definition, version), standing


async def _lock(session: AsyncSession, definition: str, move: Move, slot: str = "") -> dict[str, RolloutRow]:
    await may(session, move.by)
    await publishing.lock_definition(session, definition)
    if definition not in await read.names(session):
        raise NotFoundError(f"no version of '{definition}' is published: 'mos versions' lists what is")
    standing = await write.standing(session, definition)
    if slot:
        await _check_seen(session, definition, standing.get(slot), move)
    return standing


async def _check_seen(session: AsyncSession, definition: str, slot: RolloutRow | None, move: Move) -> None:
    if move.seen is None or (slot and slot.version == move.seen):
        return
    history = await read.rollouts(session, definition, ended=True)
    last = max(history, key=lambda row: row.ended_at or row.started_at, default=None)
    who = await name_of(session, last.ended_by or last.started_by) if last else "Somebody"
    raise ConflictError(f"{who} changed the rollout of '{definition}' meanwhile: look at it again")


def _there(standing: dict[str, RolloutRow], slot: str, definition: str) -> RolloutRow:
    if slot not in standing:
        raise NotFoundError(f"'{definition}' has no version in the slot '{slot}'")
    return standing[slot]


async def _replace_live(
    session: AsyncSession, row: DefinitionRow, live: RolloutRow | None, replaces: int | None, move: Move
) -> None:
    if live:
        await write.end(session, live, move.by.id, move.now)
    fresh = _slot("live", row, move)
    fresh.replaces = replaces
    await write.begin(session, fresh)


async def _take_slot(
    session: AsyncSession,
    slot: str,
    row: DefinitionRow,
    standing: dict[str, RolloutRow],
    move: Move,
    areas: list[str],
    share: int,
) -> None:
    if slot in standing:
        await write.end(session, standing[slot], move.by.id, move.now)
    await write.begin(session, _slot(slot, row, move, areas, share))
    data = {"version": row.version, "number": row.number, "areas": areas, "share": share}
    await _audit(session, row.definition, slot, move, data)


def _slot(slot: str, row: DefinitionRow, move: Move, areas: Sequence[str] = (), share: int = 100) -> RolloutRow:
    return RolloutRow(
        definition=row.definition,
        version=row.version,
        slot=slot,
        areas=list(areas),
        share=share,
        reason=move.reason,
        started_by=move.by.id,
        started_at=move.now,
    )


def _check_share(areas: Sequence[str], share: int) -> None:
    if not 0 <= share <= 100:
        raise InvalidPayloadError(f"a share of {share} %: give 0 to 100")
    if share == 100 and not areas:
        raise InvalidPayloadError("a trial of everything is no trial: name areas or a share, or put it live")


async def _check_areas(session: AsyncSession, areas: Sequence[str]) -> None:
    known = [] if not areas else [node.id for node in (await site_read.site(session)).equipment]
    for area in areas:
        if area not in known:
            near = difflib.get_close_matches(area, known, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise InvalidPayloadError(f"no area, work center or work unit '{area}' at this site{hint}")


async def _audit(session: AsyncSession, definition: str, what: str, move: Move, data: Json) -> None:
    fact = {"at": move.now, "kind": f"rollout.{what}", "actor": move.by.id, "subject": definition}
    await ledger.audit(session, fact | {"data": data | {"reason": move.reason, "evidence": move.by.evidence}})
