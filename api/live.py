"""Server-sent events: which exception changed. The page then fetches itself; nothing but ids travels here."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from admin.access.sessions import Login
from api.access.visitors import Visitor, cookie_name
from api.deps import ApiDeps, Deps
from domain.errors import RateLimitedError
from store.read.changes import EVERYTHING
from store.read.health import UNAVAILABLE

router = APIRouter()
HEARTBEAT_SECONDS = 15.0
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


@router.get("/events")
async def events(request: Request, deps: Deps, login: Visitor) -> StreamingResponse:
    """`data: <exception id>` for a change, `data: *` when all may have changed, a comment every 15 s."""
    if deps.changes.full:
        raise RateLimitedError("Too many open pages. This one looks again by itself.", retry_after=30)
    token = request.cookies.get(cookie_name(deps), "")
    return StreamingResponse(_stream(deps, login, token), media_type="text/event-stream", headers=HEADERS)


async def _stream(deps: ApiDeps, login: Login, token: str) -> AsyncIterator[str]:
    async with deps.changes.reader() as queue:
        yield f"retry: 3000\ndata: {EVERYTHING}\n\n"
        while await _still_signed_in(deps, login, token):
            async for text in _for_a_while(queue):
                yield text


async def _for_a_while(queue: asyncio.Queue[str]) -> AsyncIterator[str]:
    """Changes as they come, then a heartbeat. (No yield inside a timeout: it would cancel the reader.)"""
    clock = asyncio.get_running_loop().time
    end = clock() + HEARTBEAT_SECONDS
    while (left := end - clock()) > 0:
        try:
            changed = await asyncio.wait_for(queue.get(), left)
        except TimeoutError:
            break
        yield f"data: {changed}\n\n"
    yield ": still here\n\n"


async def _still_signed_in(deps: ApiDeps, login: Login, token: str) -> bool:
    """A log-out ends the stream; a database that is away for a moment does not."""
    try:
        now = await deps.sessions.who(token, deps.now())
    except UNAVAILABLE:
        return True
    return now is not None and now.person.id == login.person.id
