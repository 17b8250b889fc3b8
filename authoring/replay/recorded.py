"""The recording of a time as the store has it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.contracts.model import OpeningSignal
from authoring.replay.model import Answer, Asked, Case, Decided, Fact, History, Posted, Recorded, Recording
from domain import correlation
from domain.values import parse_time
from store.read.definitions import recorded as read_rows

_BEFORE, _REPEATED, _ELSEWHERE = (
    "they belong to exceptions that were open before",
    "they repeated a state that was known",
    "they belong to exceptions of other definitions that came first (but a definition about safety gets them)",
)


async def read(
    session: AsyncSession, definition: str, since: datetime, until: datetime, *, limit: int | None = None
) -> Recording:
    """Signals received in this time, and what came of them. `limit`: so many signals at most."""
    rows = await read_rows.signals(session, since, until, limit)
    if limit and len(rows) == limit:
        until = rows[-1].received_at
    signals, left_out = _signals(rows, definition, since)
    parts = await _Parts.read(session, definition, since, until)
    spans = await read_rows.open_spans(
        session, sorted({row.definition for row in rows if row.definition}), since, until
    )
    parents: dict[tuple[str, str], list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for name, key, opened_at, closed_at in spans:
        parents[name, key].append((opened_at, closed_at))
    return Recording(
        definition,
        since,
        until,
        signals,
        parts.histories(),
        tuple(parts.cases(signals)),
        {key: tuple(found) for key, found in parents.items()},
        dict(left_out),
        "the inbox",
    )


async def as_seen_from_shadow(session: AsyncSession, recording: Recording, version: str) -> Recording:
    """Only what the version in the shadow saw, with the key and the verdict that it gave at the time."""
    seen = await read_rows.seen_from_shadow(session, version, recording.since, recording.until)
    signals, left_out = [], Counter(recording.left_out)
    for one in recording.signals:
        saw = seen.get(one.signal.seq)
        if saw is None:
            left_out["the version was not in the shadow, or does not listen to them"] += 1
        elif saw.key is None:
            left_out[f"the version in the shadow could not tell their key: {saw.error}"] += 1
        else:
            signals.append(replace(one, key=saw.key, held=saw.held))
    return replace(
        recording, signals=tuple(signals), left_out=dict(left_out), source="the inbox, as seen from the shadow"
    )


def _signals(rows: Iterable[Any], definition: str, since: datetime) -> tuple[tuple[Recorded, ...], Counter[str]]:
    """In the order of the inbox, without those that no definition was asked about."""
    found: list[Recorded] = []
    left_out: Counter[str] = Counter()
    opened: set[str] = set()
    for row in rows:
        mine = row.definition in (None, definition) or row.child == definition
        if (row.outcome or {}).get("code") == correlation.REPEAT:
            left_out[_REPEATED] += 1
            continue
        if row.definition == definition and row.opened_at < since:
            left_out[_BEFORE] += 1
            continue
        joined = row.exception_id in opened or (row.opened_at is not None and row.opened_at < since)
        opened.add(row.exception_id or "")
        first = mine or definition < row.definition  # definitions are asked in the order of their names
        may_join, may_open = mine or first or not joined, mine or (first and not joined)
        if not may_join:  # it may tell that the condition of another one is over
            left_out[_ELSEWHERE] += 1
        record = row.exception_id if row.definition == definition else ""
        found.append(Recorded(_signal(row), record or "", may_join, may_open))
    return tuple(found), +left_out


def _signal(row: Any) -> OpeningSignal:
    told = row.signal
    return OpeningSignal(
        seq=row.seq,
        type=told["type"],
        subject=told["subject"],
        equipment=told["equipment"],
        occurred_at=row.occurred_at or row.received_at,
        received_at=row.received_at,
        facts=told["facts"],
    )


class _Parts:
    """What is recorded of the exceptions, by their id."""

    def __init__(self, rows: Mapping[str, list[Any]], until: datetime) -> None:
        self._exceptions, self._until = rows["exceptions"], until
        self._pages = _by_id(rows["prompts"])
        self._entries = _by_id(rows["entries"])
        self._decisions = _by_id(rows["decisions"])
        self._postings = _by_id(rows["postings"])
        self._facts = _by_id(rows["facts"])

    @staticmethod
    async def read(session: AsyncSession, definition: str, since: datetime, until: datetime) -> "_Parts":
        asks = (
            *(read_rows.exceptions, read_rows.prompts, read_rows.entries),
            *(read_rows.decisions, read_rows.postings, read_rows.facts),
        )
        return _Parts({ask.__name__: await ask(session, definition, since, until) for ask in asks}, until)

    def histories(self) -> dict[str, History]:
        return {
            row.id: History(
                self._asked(row.id),
                tuple(_answers(self._entries[row.id])),
                tuple(Fact(fact.source, Fact.asked(fact.asked), fact.value) for fact in self._facts[row.id]),
            )
            for row in self._exceptions
        }

    def cases(self, signals: Iterable[Recorded]) -> Iterable[Case]:
        members = defaultdict(list)
        for one in signals:
            members[one.exception].append(one.signal.seq)
        for row in self._exceptions:
            closed = row.closed_at if row.closed_at and row.closed_at <= self._until else None
            ending = [entry.data.get("ending", "") for entry in self._entries[row.id] if entry.kind == "closed"]
            yield Case(
                key=row.key,
                opened_at=row.opened_at,
                received_at=parse_time(row.milestones["received"]),
                closed_at=closed,
                ending=str(ending[-1]) if closed and ending else "open",
                signals=tuple(members[row.id]),
                equipment=row.equipment or "",
                record=row.id,
                pages=self._asked(row.id),
                decisions=tuple(
                    Decided(made.at, made.step, made.verdict, made.option, made.person)
                    for made in self._decisions[row.id]
                ),
                postings=tuple(_posted(posting) for posting in self._postings[row.id]),
            )

    def _asked(self, exception: str) -> tuple[Asked, ...]:
        """One page for a person and task, however many messages it took."""
        found: dict[tuple[str, str], Asked] = {}
        for row in self._pages[exception]:
            found.setdefault((row.task_id, row.person), Asked(row.created_at, row.person, row.step, row.purpose))
        return tuple(found.values())


def _by_id(rows: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.exception_id].append(row)
    return found


def _answers(entries: Iterable[Any]) -> Iterable[Answer]:
    for entry in entries:
        if entry.kind in read_rows.ANSWERS and entry.person:
            data = entry.data
            yield Answer(
                data.get("task", ""),
                entry.person,
                data.get("verb", ""),
                entry.at,
                data.get("fields") or {},
                data.get("channel", ""),
                entry.kind == "answer",
            )


def _posted(row: Any) -> Posted:
    kinds = " + ".join(str(outcome["kind"]) for outcome in row.outcomes)
    return Posted(row.posted_at or row.drafted_at, row.system, kinds, row.status)
