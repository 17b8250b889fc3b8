"""The port between the interpreter and what runs it: Temporal in production, a simulator elsewhere.

The interpreter uses nothing of its surroundings but this, and asyncio's tasks for branches.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

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
from domain.errors import TransientError
from domain.values import Json


class EffectFailedError(Exception):
    """An effect gave up for good; `code` and `message` say why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class RenewingError(TransientError):
    """The run is about to continue as new: send the message again."""

    code = "mos.renewing"


class Runtime(Protocol):
    """Time, waiting and effects. Every effect raises EffectFailedError when it gave up."""

    def now(self) -> datetime: ...

    async def wait(self, until: Callable[[], bool], within: timedelta | None) -> bool:
        """True as soon as the condition holds, False when the time is up (None = no limit)."""
        ...

    def full(self) -> bool:
        """Should this run end and continue as new? Once true it stays true."""
        ...

    def quiet(self) -> bool:
        """Is no message being handled?"""
        ...

    async def gather(self, request: GatherRequest) -> GatherResult: ...

    async def who(self, request: WhoRequest) -> People: ...

    async def tell(self, request: TellRequest) -> Told: ...

    async def settle(self, request: SettleRequest) -> None: ...

    async def authorise(self, request: AuthoriseRequest) -> Authorised: ...

    async def propose(self, request: ProposeRequest) -> Json: ...

    async def agent(self, request: AgentRequest) -> AgentAnswer: ...

    async def post(self, request: PostRequest, *, started: bool, slow: Callable[[], None]) -> PostResult:
        """`started`: an earlier run started it already; only wait for its end. `slow` is called when a `watched` one
        does not end at its first attempt."""
        ...

    async def record(self, projection: Projection) -> None: ...

    async def close(self, request: CloseRequest) -> CloseResult: ...
