"""Which recorded signals open an exception and which join it, as `intake.correlate` decides it, key by key.

An exception's signals share a key, so each key has a story of its own and can be told in a process of its own.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from activities.contracts.model import OpeningSignal
from authoring.replay.model import Case, Recorded, Recording
from authoring.simulator.opening import Look, Opener
from domain import correlation
from domain.errors import ConfigError

_FIRST, _MORE = 16, 8  # signals that are offered to an exception at first; so many times more if it takes them all


Span = tuple[datetime, datetime | None]


@dataclass(frozen=True, slots=True)
class Seen:
    """A signal with what the definition makes of it. `parents`: when exceptions were open that take it (`under`)."""

    recorded: Recorded
    look: Look
    parents: tuple[Span, ...] = ()

    def parent(self, at: datetime) -> Span | None:
        """The parent that has it at that moment."""
        return next((span for span in self.parents if span[0] <= at and (span[1] is None or at < span[1])), None)

    @property
    def at(self) -> datetime:
        return self.recorded.signal.received_at


@dataclass(frozen=True)
class Looked:
    """`chains`: key -> its signals in inbox order. `problems`: what could not be looked at, how often."""

    chains: Mapping[str, list[Seen]]
    problems: Counter[str]
    listened: int


Waiting = list[tuple[datetime, int, Seen]]
"""When the wait is over, inbox number, signal; a heap."""
Simulate = Callable[[OpeningSignal, Look, datetime, Sequence[OpeningSignal], Recorded], Case]
"""One exception: opened by this signal, then; who may join; gives its case."""


def look(opener: Opener, recording: Recording) -> Looked:
    """What the definition makes of every recorded signal, by key."""
    chains: dict[str, list[Seen]] = {}
    problems: Counter[str] = Counter()
    listened = 0
    for recorded in recording.signals:
        try:
            found = _look(opener, recorded)
        except ConfigError as error:
            problems[error.message] += 1
            continue
        if found is None:
            continue
        if found.holds and opener.safety:
            recorded = replace(recorded, may_join=True, may_open=True)
        listened += 1
        parents = tuple(span for key in found.parents for span in recording.parents.get(key, ()))
        chains.setdefault(found.key, []).append(Seen(recorded, found, parents))
    return Looked(chains, problems, listened)


def _look(opener: Opener, recorded: Recorded) -> Look | None:
    found = opener.look(recorded.signal)
    if found is None or recorded.key is None:
        return found
    return replace(found, key=recorded.key, holds=bool(recorded.held))


def tell(chain: Sequence[Seen], simulate: Simulate) -> list[Case]:
    """The exceptions of one key, one after the other: while one is open, the signals of its key join it."""
    cases: list[Case] = []
    following, waiting = 0, Waiting()  # waiting: for the end of their on-delay
    while following < len(chain) or waiting:
        if waiting and (following == len(chain) or waiting[0][0] <= chain[following].at):
            at, _, seen = heapq.heappop(waiting)
        else:
            seen, at = chain[following], chain[following].at
            following += 1
            if not _opens(seen):
                if not seen.look.holds:
                    waiting.clear()  # it cleared while it waited
                continue
            if seen.look.settle and not seen.parent(at):
                heapq.heappush(waiting, (at + seen.look.settle, seen.recorded.signal.seq, seen))
                continue
        if span := seen.parent(at):
            waiting = _with_parent(waiting, seen, span)
            continue
        case, following, waiting = _told(seen, at, chain, following, waiting, simulate)
        cases.append(case)
    return cases


def _opens(seen: Seen) -> bool:
    return seen.look.holds and seen.recorded.may_open


def _with_parent(waiting: Waiting, seen: Seen, span: Span) -> Waiting:
    """A parent takes it. When that closes, the last of them is back unless its condition has ended by then."""
    end = span[1]
    if end is None or seen.recorded.signal.type not in correlation.STANDING:
        return waiting
    left = [one for one in waiting if span not in one[2].parents or one[0] < end]
    left.append((max(end, seen.at + seen.look.settle), seen.recorded.signal.seq, seen))
    heapq.heapify(left)
    return left


def _told(
    seen: Seen, at: datetime, chain: Sequence[Seen], following: int, waiting: Waiting, simulate: Simulate
) -> tuple[Case, int, Waiting]:
    """The exception that opens now, and what is left when it has closed. Few signals are offered to it at first: most
    exceptions end long before the last signal of their key."""
    many = _FIRST
    while True:
        offered = _offered(at, chain[following : following + many], waiting)
        case = simulate(seen.recorded.signal, seen.look, at, offered, seen.recorded)
        closed = case.closed_at
        last = chain[min(following + many, len(chain)) - 1].at if chain else at
        if following + many >= len(chain) or (closed is not None and closed < last):
            break
        many *= _MORE
    joined = [signal.seq for signal in offered if closed is None or signal.received_at <= closed]
    taken = following
    while taken < len(chain) and (closed is None or chain[taken].at <= closed):
        taken += 1
    ends = [one.at for one in chain[following:taken] if not one.look.holds]
    left = [] if closed is None or ends else sorted(one for one in waiting if one[0] > closed)
    return replace(case, signals=(seen.recorded.signal.seq, *joined)), taken, left


def _offered(at: datetime, coming: Sequence[Seen], waiting: Waiting) -> list[OpeningSignal]:
    """Who may join, in the order of time: those that come, and those whose on-delay ends before they clear."""
    clears = min((seen.at for seen in coming if not seen.look.holds), default=None)
    late = [_moved(seen.recorded.signal, due) for due, _, seen in waiting if clears is None or due <= clears]
    found = [_moved(seen.recorded.signal, at) for seen in coming if seen.recorded.may_join]
    return sorted([*late, *found], key=lambda signal: (signal.received_at, signal.seq))


def _moved(signal: OpeningSignal, at: datetime) -> OpeningSignal:
    return signal if signal.received_at >= at else signal.model_copy(update={"received_at": at})
