"""The plant's controls, for a site that has a simulated plant: one button, one call to its control interface."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.access.visitors import Visitor, VisitorForm
from api.deps import ApiDeps, Deps
from api.rendering import show
from domain.errors import InvalidPayloadError, MosError, NotFoundError, RejectedError, TransientError
from domain.values import Json

router = APIRouter()
_TIMEOUT_S = 30.0
_VERBS = ("break", "clear", "fail-inspection", "short", "slow")


@router.get("/plant")
async def plant(
    request: Request, deps: Deps, login: Visitor, done: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """Every machine as its own process tells it, and what a hand on the floor could do."""
    try:
        status, drawn = await asyncio.gather(
            call(deps, "GET", "/status"), call(deps, "GET", f"/draw?seed={deps.now():%Y%m%d%H}")
        )
    except MosError as error:
        if isinstance(error, NotFoundError):
            raise
        return await show(request, login, "plant.html", units=[], away=[error.message], drawn={}, done="")
    units, away = machines(status)
    return await show(request, login, "plant.html", units=units, away=away, drawn=drawn, done=done)


@router.post("/plant/{verb}")
async def act(deps: Deps, login: Visitor, form: VisitorForm, verb: str) -> Response:
    """`break`, `clear`, `fail-inspection`, `short`, `slow` name their thing in the form; `rush` needs none."""
    thing = form.get("thing", "").strip()
    if verb == "rush":
        await call(deps, "POST", "/rush")
    elif verb in _VERBS and 0 < len(thing) <= 100:
        await call(deps, "POST", f"/{verb}/{quote(thing, safe='')}")
    else:
        raise InvalidPayloadError("Say what: name a machine, a lot or a job order.")
    return RedirectResponse(f"/plant?done={quote(f'{verb} {thing}'.strip())}", 303)


async def call(deps: ApiDeps, method: str, path: str) -> dict[str, Json]:
    """Ask the plant. Raises NotFoundError (no plant), RejectedError (it said no), TransientError (away)."""
    if not deps.plant_url:
        raise NotFoundError("There is no simulated plant here.")
    try:
        status, body = await asyncio.to_thread(_exchange, deps.plant_url, deps.plant_token, method, path)
    except (OSError, HTTPException, ValueError) as error:
        raise TransientError("The plant's control does not answer. Look whether it runs.") from error
    if status >= HTTPStatus.BAD_REQUEST:
        raise RejectedError(str(body.get("detail") or body.get("title") or f"The plant answered {status}."))
    return body


def _exchange(url: str, token: str, method: str, path: str) -> tuple[int, dict[str, Json]]:
    """One request with the standard library: HTTP clients of vendors stay in connectors."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    connection = HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_S)
    with closing(connection):
        connection.request(method, path, body="{}" if method == "POST" else None, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def machines(status: Mapping[str, Json]) -> tuple[list[Json], list[str]]:
    """All work units by id, and who of the plant's processes is away."""
    units, away = [], []
    for part in ("machines", "gateway"):
        told = status.get(part)
        units += told if isinstance(told, list) else []
        away += [str(told["away"])] if isinstance(told, Mapping) and "away" in told else []
    return sorted(units, key=lambda unit: str(unit["id"])), away
