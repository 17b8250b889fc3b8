"""The interpreter's port in the simulator: effects at virtual times, retried as production retries them."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from temporalio.common import RetryPolicy

from activities.contracts import calls
from activities.contracts.agents import AgentAnswer, AgentRequest
from activities.contracts.model import (
    Authorised,
    AuthoriseRequest,
    CloseRequest,
    CloseResult,
    GatherRequest,
    GatherResult,
    People,
    PostRequest,
    PostResult,
    ProposeRequest,
    SettleRequest,
    TellRequest,
    Told,
    WhoRequest,
)
from activities.contracts.story import Projection
from authoring.simulator.cast import Page
from authoring.simulator.clock import VirtualLoop
from authoring.simulator.effects import Effects
from domain.errors import MosError, TransientError
from domain.values import Json
from workflows.engine.runtime import EffectFailedError

_AT_ONCE = timedelta()


class SimulatedRuntime:
    """`asked` hears of every page. `renew_after`: the run is full after so many effects; 0 = never."""

    def __init__(self, loop: VirtualLoop, effects: Effects, asked: Callable[[Page], None], renew_after: int) -> None:
        self.busy = 0  # messages being handled
        self._loop, self._effects, self._asked = loop, effects, asked
        self._renew_after, self._count = renew_after, 0
        self._postings: dict[str, tuple[datetime, PostResult]] = {}

    def renewed(self) -> None:
        """A new run begins."""
        self._count = 0

    def now(self) -> datetime:
        return self._loop.now()

    async def wait(self, until: Callable[[], bool], within: timedelta | None) -> bool:
        return await self._loop.until(until, within)

    def full(self) -> bool:
        return 0 < self._renew_after <= self._count

    def quiet(self) -> bool:
        return self.busy == 0

    async def gather(self, request: GatherRequest) -> GatherResult:
        result, takes = self._effects.gather(request, self.now())
        await self._done(takes)
        return result

    async def who(self, request: WhoRequest) -> People:
        found = self._effects.who(request, self.now())
        await self._done()
        return found

    async def tell(self, request: TellRequest) -> Told:
        try:
            told, pages = self._effects.tell(request, self.now())
        except MosError as error:
            await self._done()
            raise _failed(error) from error
        for page in pages:
            self._asked(page)
        await self._done()
        return told

    async def settle(self, request: SettleRequest) -> None:
        self._effects.settle(request)
        await self._done()

    async def authorise(self, request: AuthoriseRequest) -> Authorised:
        found = self._effects.authorise(request)
        await self._done()
        return found

    async def propose(self, request: ProposeRequest) -> Json:
        pauses = retries(calls.PROPOSE.retry)
        for attempt in range(1, calls.PROPOSE.retry.maximum_attempts + 1):
            try:
                found = self._effects.propose(request, self.now())
            except TransientError as error:
                if attempt == calls.PROPOSE.retry.maximum_attempts:
                    await self._done()
                    raise _failed(error) from error
                await self._loop.pause(next(pauses))
            except MosError as error:
                await self._done()
                raise _failed(error) from error
            else:
                break
        await self._done()
        return found

    async def agent(self, request: AgentRequest) -> AgentAnswer:
        try:
            answer, takes = self._effects.agent(request, self.now())
        except MosError as error:
            await self._done()
            raise _failed(error) from error
        await self._done(takes)
        return answer

    async def post(self, request: PostRequest, *, started: bool, slow: Callable[[], None]) -> PostResult:
        """It goes on by itself once it is begun: cancelled or renewed, its outcome comes at the same moment."""
        key = request.transaction.id
        if not started:
            self._count += 1
            self._postings[key] = self._outcome(request)
        due, result = self._postings[key]
        if request.watched and due > self.now():
            slow()
        await self._loop.pause(due - self.now())
        return result

    def _outcome(self, request: PostRequest) -> tuple[datetime, PostResult]:
        """When and how it ends: systems' outages are known beforehand."""
        begun = at = self.now()
        attempts = 1
        for pause in retries(calls.POST.retry):
            try:
                result = self._effects.post(request, at)
                break
            except TransientError:
                attempts += 1
                at += pause
                if at - begun > _GIVEN_UP:
                    return datetime.max.replace(tzinfo=at.tzinfo) - _GIVEN_UP, PostResult(status="posting")
        self._effects.posted(request, result, begun, at, attempts)
        return at, result

    async def record(self, projection: Projection) -> None:
        self._effects.record(projection)
        await self._done()

    async def close(self, request: CloseRequest) -> CloseResult:
        result = self._effects.close(request)
        await self._done()
        return result

    async def _done(self, takes: timedelta = _AT_ONCE) -> None:
        """An effect always lets the others run before its result is there, as it does in production."""
        self._count += 1
        await self._loop.pause(takes)


_GIVEN_UP = timedelta(days=30)  # a system that is down for good: beyond every deadline


def retries(policy: RetryPolicy) -> Iterator[timedelta]:
    """The pauses between attempts."""
    pause = policy.initial_interval
    while True:
        yield pause
        pause = min(pause * policy.backoff_coefficient, policy.maximum_interval or pause * 2)


def _failed(error: MosError) -> EffectFailedError:
    """As `activities.errors` and `workflows.exception` pass an error on: by its class's name."""
    return EffectFailedError(type(error).__name__, f"{error.message} {error.detail}".strip())
