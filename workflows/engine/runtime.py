"""The port between the interpreter and what runs it: Temporal in production, a simulator elsewhere.

The interpreter uses nothing of its surroundings but this, and `asyncio.gather` for branches.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from activities.contracts.model import (
    Authorised,
    AuthoriseRequest,
    CloseRequest,
    CloseResult,
    GatherRequest,
    GatherResult,
    PostRequest,
    PostResult,
    Projection,
    ProposeRequest,
    SettleRequest,
    TellRequest,
    Told,
)
from domain.values import Json


class EffectFailedError(Exception):
    """An effect gave up for good; `code` and `message` say why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Runtime(Protocol):
    """Time, waiting and effects. Every effect raises EffectFailedError when it gave up."""

    def now(self) -> datetime: ...

    async def wait(self, until: Callable[[], bool], within: timedelta | None) -> bool:
        """True as soon as the condition holds, False when the time is up (None = no limit)."""
        ...

    async def gather(self, request: GatherRequest) -> GatherResult: ...

    async def tell(self, request: TellRequest) -> Told: ...

    async def settle(self, request: SettleRequest) -> None: ...

    async def authorise(self, request: AuthoriseRequest) -> Authorised: ...

    async def propose(self, request: ProposeRequest) -> Json: ...

    async def post(self, request: PostRequest) -> PostResult: ...

    async def record(self, projection: Projection) -> None: ...

    async def close(self, request: CloseRequest) -> CloseResult: ...
