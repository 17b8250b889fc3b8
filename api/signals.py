"""Signals of programs that have a token and sign nothing."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access.bearer import given, program
from api.bodies import DOOR_LIMIT, read_body
from api.deps import Deps
from domain.errors import AuthError

router = APIRouter()


@router.post("/api/signals")
async def signal(request: Request, deps: Deps) -> Response:
    """A CloudEvent (structured or binary mode), its id also in the header `webhook-id`: 202 new, 200 known, 422 not
    readable. Needs the scope `signals:write`."""
    token = given(request)
    if not token:
        raise AuthError("Send a token with the scope signals:write.")
    await program(request, deps, token)
    headers = {name.lower(): value for name, value in request.headers.items() if name.lower() != "authorization"}
    answer = await deps.doors.program(headers, await read_body(request, DOOR_LIMIT), deps.now())
    return Response(answer.body, answer.status, media_type=answer.content_type)
