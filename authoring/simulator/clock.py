"""asyncio on a clock that jumps to the next timer as soon as nobody has anything left to do.

Like Temporal's workflow loop it has no selector, no threads and no sockets: making one costs microseconds.
"""

import asyncio
import contextvars
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from domain.errors import InvariantError

Result = TypeVar("Result")
_MICROSECOND = timedelta(microseconds=1)
_FEW = 64


class EndlessError(InvariantError):
    """The run made more turns than allowed, or waits for what can't come."""

    code = "mos.simulator.endless"


class _Call:
    """What is to be called: `asyncio.Handle` without what only debugging needs, of which a run makes hundreds."""

    __slots__ = ("args", "callback", "context")

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: contextvars.Context | None
    ) -> None:
        self.callback: Callable[..., object] | None = callback
        self.args, self.context = args, contextvars.copy_context() if context is None else context

    def cancel(self) -> None:
        """Passed over when its turn comes."""
        self.callback, self.args = None, ()

    def cancelled(self) -> bool:
        return self.callback is None


class VirtualLoop:
    """One run. `until` waits for a condition; all are looked at whenever nothing is ready, as Temporal does.

    It has those methods of an event loop that tasks, futures, gather, TaskGroup, Semaphore and timeouts use.
    """

    def __init__(self, start: datetime, most_turns: int = 1_000_000) -> None:
        self._start, self._left = start, most_turns
        self._us, self._now = 0, start
        self._number = 0
        self._ready: deque[_Call] = deque()
        self._timers: list[tuple[int, int, _Call]] = []
        self._conditions: list[tuple[Callable[[], bool], asyncio.Future[bool]]] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._many = _FEW  # tasks that are kept before those are forgotten that are over
        self._problem: BaseException | None = None
        self._loop: Any = self  # in the place of an asyncio.AbstractEventLoop

    # -- the clock ----------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Virtual time, aware UTC."""
        return self._now

    def time(self) -> float:
        return self._us / 1e6

    async def until(self, condition: Callable[[], bool], within: timedelta | None) -> bool:
        """True when it holds, False when the time is up."""
        if condition():
            return True
        if within is not None and within <= timedelta():
            return False
        found: asyncio.Future[bool] = self.create_future()
        self._conditions.append((condition, found))
        timer = None if within is None else self._at(self._us + within // _MICROSECOND, _set, (found, False))
        try:
            return await found
        finally:
            if timer is not None:
                timer.cancel()

    async def pause(self, span: timedelta) -> None:
        """Others run meanwhile, even when the span is nothing."""
        over = self.create_future()
        timer = self._at(self._us + max(span // _MICROSECOND, 0), _set, (over, True))
        try:
            await over
        finally:
            timer.cancel()

    def at(self, moment: datetime, deed: Callable[[], None]) -> None:
        """Call it then; what lies in the past happens now."""
        self._at(max((moment - self._start) // _MICROSECOND, self._us), deed, ())

    # -- running ------------------------------------------------------------------------------------------------------

    def run(self, main: Coroutine[Any, Any, Result]) -> Result:
        """To the end of `main`; what else still runs then is cancelled. Raises EndlessError."""
        with self._as_running():
            task: asyncio.Task[Result] = self.create_task(main)
            try:
                while True:
                    self._settle()
                    if task.done():
                        return task.result()
                    self._jump()
            finally:
                self._wind_up()

    @contextmanager
    def _as_running(self) -> Iterator[None]:
        """May be called from within another loop, which stands still meanwhile."""
        outer = events._get_running_loop()
        events._set_running_loop(self._loop)
        try:
            yield
        finally:
            events._set_running_loop(outer)

    def _settle(self) -> None:
        """Until nobody can go on at this moment."""
        self._drain()
        while self._look():
            self._drain()

    def _drain(self) -> None:
        while self._ready:
            self._left -= 1
            if self._left < 0:
                raise EndlessError("the run does not come to an end: too many turns")
            call = self._ready.popleft()
            if call.callback is not None:
                call.context.run(call.callback, *call.args)
            if self._problem is not None:
                problem, self._problem = self._problem, None
                raise problem

    def _look(self) -> bool:
        """Wake whoever waits for what holds now."""
        if not self._conditions:
            return False
        waiting, self._conditions = self._conditions, []
        for condition, found in waiting:
            if found.done():
                continue
            if condition():
                found.set_result(True)
            else:
                self._conditions.append((condition, found))
        return bool(self._ready)

    def _jump(self) -> None:
        """To the next timer, and everything that is due with it."""
        due: int | None = None
        while self._timers and (due is None or self._timers[0][0] <= due):
            when, _, call = heapq.heappop(self._timers)
            if call.callback is None:
                continue
            due = self._us = max(when, self._us)
            self._ready.append(call)
        if due is None:
            raise EndlessError("the run waits for what can't come")
        self._now = self._start + timedelta(microseconds=due)

    def _wind_up(self) -> None:
        self._conditions.clear()
        for _, _, call in self._timers:
            call.cancel()
        self._timers.clear()
        for _ in range(3):  # a task may end by starting another
            for task in list(self._tasks):
                task.cancel()  # nothing to one that is over
            self._left = max(self._left, 10_000)
            self._drain()

    # -- what asyncio asks of a loop ----------------------------------------------------------------------------------

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> _Call:
        call = _Call(callback, args, context)
        self._ready.append(call)
        return call

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> _Call:
        return self._at(self._us + max(int(delay * 1e6), 0), callback, args, context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> _Call:
        return self._at(max(int(when * 1e6), self._us), callback, args, context)

    def _at(
        self,
        us: int,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context | None = None,
    ) -> _Call:
        call = _Call(callback, args, context)
        self._number += 1
        heapq.heappush(self._timers, (us, self._number, call))
        return call

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self._loop)

    def create_task(
        self,
        coro: Any,
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self._loop, name=name, context=context)
        self._tasks.append(task)
        if len(self._tasks) > self._many:
            self._tasks = [one for one in self._tasks if not one.done()]
            self._many = max(_FEW, 2 * len(self._tasks))
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """An error that nobody awaited ends the run: it is a bug."""
        error = context.get("exception")
        if error is not None and self._problem is None:
            self._problem = error

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False


def _set(future: "asyncio.Future[bool]", value: bool) -> None:
    if not future.done():
        future.set_result(value)
