"""When an exception ends whatever its steps do (`closes.within`): with as few timers as that takes.

A timer that begins with the exception costs two events of its history, and hardly any exception comes so far. So the
limit has none as long as something else wakes the exception earlier: the deadline of a wait, or an effect, which ends
by itself. Whenever the exception has nothing left to do at the moment, that is looked at again; a timer that was begun
stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflows.engine.interpreter import Interpreter

SOON = timedelta(minutes=2)
"""More than the first attempt of a posting takes, with the time until a worker takes it (`workflows.transaction`)."""


class Underway:
    """What is under way as long as the block lasts: it ends by itself at `due`, or is quick. An exception has dozens of
    them: no generator for each."""

    __slots__ = ("_due", "_limit", "_quick")

    def __init__(self, limit: Limit, due: datetime | None, *, quick: bool = False) -> None:
        self._limit, self._due, self._quick = limit, due, quick

    def __enter__(self) -> None:
        self._limit.begin(self._due, quick=self._quick)

    def __exit__(self, *_: object) -> None:
        self._limit.end(self._due, quick=self._quick)


class Limit:
    """`reached`: time is up. Pauses move it (`paused_for`)."""

    def __init__(self, engine: Interpreter) -> None:
        self.reached = False
        self.paused_for = timedelta()
        self.paused_at: datetime | None = None
        self._engine = engine
        self._end: datetime | None = None
        self._wakes: list[datetime] = []
        self._soon: set[str] = set()
        self._quick = 0
        self._timed = False

    async def watch(self, end: datetime) -> None:
        """Until time is up; a pause holds it up. `end`: when that is without any pause."""
        self._end, engine = end, self._engine
        while not self._is_up():
            await engine.runtime.wait(self._is_mine, None)
            await self._others_first()
            if not engine.paused and not self._is_covered() and not self._is_up():
                self._timed = True
                await engine.runtime.wait(lambda: engine.paused, self.at(end) - engine.runtime.now())
                self._timed = False
        self.reached = True

    async def _others_first(self) -> None:
        """Until nobody else can go on at this moment: what a wait ended for has begun by then. A wait looks once when
        it begins, then whenever nothing is ready."""
        looks = iter((False,))
        await self._engine.runtime.wait(lambda: next(looks, True), None)

    def at(self, end: datetime) -> datetime:
        return end + self.paused_for

    def wakes(self, within: timedelta | None) -> Underway:
        """Something ends by itself within this span; None: nothing is known of it."""
        return Underway(self, None if within is None else self._engine.runtime.now() + within)

    def effect(self, within: timedelta | None) -> Underway:
        """An effect is under way; None: it ends as soon as the database answers, without which nothing could end."""
        return Underway(self, None if within is None else self._engine.runtime.now() + within, quick=within is None)

    def begin(self, due: datetime | None, *, quick: bool) -> None:
        self._quick += quick
        if due is not None:
            self._wakes.append(due)

    def end(self, due: datetime | None, *, quick: bool) -> None:
        self._quick -= quick
        if due is not None:
            self._wakes.remove(due)

    @contextmanager
    def posting(self, transaction: str, *, begun: bool) -> Iterator[bool]:
        """A posting ends at its first attempt, or says that it takes longer (`slow`). Gives whether it has to say so;
        one that an earlier run began has taken longer already."""
        watched = not begun and self._has_time()
        if watched:
            self._soon.add(transaction)
        try:
            yield watched
        finally:
            self._soon.discard(transaction)

    def slow(self, transaction: str) -> None:
        self._soon.discard(transaction)

    def pause(self, at: datetime) -> None:
        self.paused_at = at

    def resume(self, at: datetime) -> None:
        self.paused_for += at - (self.paused_at or at)
        self.paused_at = None

    def _has_time(self) -> bool:
        """Is the limit far enough for a first attempt, and without a timer until now?"""
        now = self._engine.runtime.now()
        return self._end is not None and not self._timed and self.at(self._end) - now > SOON

    def _is_up(self) -> bool:
        return self._end is not None and not self._engine.paused and self._engine.runtime.now() >= self.at(self._end)

    def _is_mine(self) -> bool:
        """Is it up, or does nothing else wake the exception before?"""
        return self._is_up() or not (self._engine.paused or self._is_covered())

    def _is_covered(self) -> bool:
        if self._quick or self._soon:
            return True
        return self._end is not None and any(due < self.at(self._end) for due in self._wakes)
