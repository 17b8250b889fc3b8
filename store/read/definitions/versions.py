"""Definitions: what opens exceptions now, their versions, drafts and rollouts. Writes nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, literal, null, select, union_all
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.errors import NotFoundError
from domain.language.definition import Definition
from store.read import site
from store.tables import DefinitionRow, DraftRow, ExceptionRow, InboxRow, RolloutRow, ShadowSignalRow

SLOTS = ("live", "trial", "shadow")
_NUMBER = re.compile(r"v(\d{1,9})|(\d{1,5})", re.ASCII)
_SHORTEST_HASH = 6


@dataclass(frozen=True)
class Pinned:
    """A definition and the version that names it."""

    version: str
    definition: Definition


@dataclass(frozen=True)
class InForce:
    """One definition at this moment. `running`: the versions of its open exceptions, in a slot or not."""

    name: str
    live: Pinned | None = None
    trial: Pinned | None = None
    areas: frozenset[str] = frozenset()
    share: int = 100
    shadow: Pinned | None = None
    running: tuple[Pinned, ...] = ()


async def in_force(session: AsyncSession) -> list[InForce]:
    """Every definition that opens, is tried, watches or runs, in the order of their names."""
    open_ones = col(ExceptionRow.closed_at).is_(None)
    running = select(
        col(ExceptionRow.definition), col(ExceptionRow.version), literal("running"), null().cast(JSONB), literal(0)
    )
    slots = select(
        col(RolloutRow.definition),
        col(RolloutRow.version),
        col(RolloutRow.slot),
        col(RolloutRow.areas),
        col(RolloutRow.share),
    ).where(col(RolloutRow.ended_at).is_(None))
    rows = (await session.execute(union_all(slots, running.where(open_ones).distinct()))).all()
    found: dict[str, list[tuple[str, str, Sequence[str] | None, int]]] = {}
    for name, version, slot, areas, share in sorted(rows, key=lambda row: (row[0], row[2], row[1])):
        found.setdefault(name, []).append((slot, version, areas, share))
    return [await _one(session, name, entries) for name, entries in found.items()]


async def _one(session: AsyncSession, name: str, entries: list[tuple[str, str, Sequence[str] | None, int]]) -> InForce:
    pinned = {(slot, version): await _pinned(session, version) for slot, version, _, _ in entries}
    by_slot = {slot: pin for (slot, _), pin in pinned.items() if slot in SLOTS}
    scope = next(((areas or [], share) for slot, _, areas, share in entries if slot == "trial"), ([], 100))
    return InForce(
        name,
        live=by_slot.get("live"),
        trial=by_slot.get("trial"),
        areas=frozenset(scope[0]),
        share=scope[1],
        shadow=by_slot.get("shadow"),
        running=tuple(pin for (slot, _), pin in pinned.items() if slot == "running" and pin),
    )


async def _pinned(session: AsyncSession, version: str) -> Pinned | None:
    definition = await site.definition(session, version)
    return Pinned(version, definition) if definition else None


async def names(session: AsyncSession) -> list[str]:
    """Every definition that has a version."""
    statement = select(col(DefinitionRow.definition)).distinct().order_by(col(DefinitionRow.definition))
    return list((await session.scalars(statement)).all())


async def newest(session: AsyncSession, definition: str) -> DefinitionRow | None:
    """The version with the highest number, in force or not."""
    return next(iter(await versions(session, definition)), None)


async def versions(session: AsyncSession, definition: str | None = None) -> list[DefinitionRow]:
    """The versions of one definition or of all, the newest first."""
    statement = select(DefinitionRow).order_by(col(DefinitionRow.definition), col(DefinitionRow.number).desc())
    if definition is not None:
        statement = statement.where(col(DefinitionRow.definition) == definition)
    return list((await session.scalars(statement)).all())


async def find(session: AsyncSession, definition: str, wanted: str) -> DefinitionRow:
    """A version by `v3`, the start of its hash, `newest`, or the slot that it is in. Raises NotFoundError."""
    known = await versions(session, definition)
    if not known:
        raise NotFoundError(f"no version of '{definition}' is published: 'mos versions' lists what is")
    number = _NUMBER.fullmatch(wanted)
    if wanted == "newest":
        return known[0]
    if wanted in SLOTS:
        slots = await rollouts(session, definition)
        found = [row for row in known if any(slot.slot == wanted and slot.version == row.version for slot in slots)]
    elif number:
        found = [row for row in known if row.number == int(number[1] or number[2])]
    else:
        found = [row for row in known if len(wanted) >= _SHORTEST_HASH and row.version.startswith(wanted)]
    if len(found) != 1:
        there = ", ".join(f"v{row.number}" for row in known)
        raise NotFoundError(f"'{definition}' has no version '{wanted}': there are {there}")
    return found[0]


async def rollouts(session: AsyncSession, definition: str | None = None, *, ended: bool = False) -> list[RolloutRow]:
    """What is in a slot now (with `ended` also what was), the newest first."""
    statement = select(RolloutRow).order_by(col(RolloutRow.definition), col(RolloutRow.id).desc())
    if definition is not None:
        statement = statement.where(col(RolloutRow.definition) == definition)
    if not ended:
        statement = statement.where(col(RolloutRow.ended_at).is_(None))
    return list((await session.scalars(statement)).all())


async def running(session: AsyncSession) -> dict[str, int]:
    """How many exceptions are open, by version."""
    statement = (
        select(col(ExceptionRow.version), func.count())
        .where(col(ExceptionRow.closed_at).is_(None))
        .group_by(col(ExceptionRow.version))
    )
    return {str(version): int(count) for version, count in (await session.execute(statement)).all()}


async def drafts(session: AsyncSession, definition: str | None = None) -> list[DraftRow]:
    """Drafts that are being written or wait for a signature, the last touched first."""
    statement = select(DraftRow).where(col(DraftRow.status).in_(("draft", "submitted")))
    if definition is not None:
        statement = statement.where(col(DraftRow.definition) == definition)
    return list((await session.scalars(statement.order_by(col(DraftRow.changed_at).desc()))).all())


async def draft(session: AsyncSession, draft_id: int) -> DraftRow:
    """A draft in any state. Raises NotFoundError."""
    found = await session.get(DraftRow, draft_id)
    if found is None:
        raise NotFoundError(f"there is no draft {draft_id}")
    return found


async def shadow_signals(
    session: AsyncSession, version: str, after: int = 0, limit: int = 1000
) -> list[tuple[ShadowSignalRow, InboxRow]]:
    """What a version saw from the shadow, with the signals themselves, in inbox order."""
    statement = (
        select(ShadowSignalRow, InboxRow)
        .join(InboxRow, col(InboxRow.seq) == col(ShadowSignalRow.seq))
        .where(col(ShadowSignalRow.version) == version, col(ShadowSignalRow.seq) > after)
        .order_by(col(ShadowSignalRow.seq))
        .limit(limit)
    )
    return [(saw, signal) for saw, signal in (await session.execute(statement)).all()]
