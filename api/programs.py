"""What programs read with a token: open exceptions, the roster, and what else they may call. JSON."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from api import lists, signals
from api.access.visitors import Visitor
from api.deps import Deps
from api.exceptions import shelving, steering
from api.openapi import document
from api.roster import programs as roster_programs
from store.read import board as board_read
from store.read import console

router = APIRouter()
_EXCEPTION = {"id", "definition", "version", "key", "title", "priority", "equipment", "handling", "condition"}
_AT_ONCE = 500
_TASK = {"id", "step", "kind", "standing", "person", "asked", "risk", "deadline_at", "opened_at"}


@router.get("/api/exceptions")
async def exceptions(deps: Deps, login: Visitor, asked: Annotated[lists.Asked, Query()]) -> Response:
    """Open exceptions with their open tasks, by priority, then age: 500 a page, of `total` that fit."""
    async with deps.database.transaction() as session:
        cards, fits, _ = await board_read.opened(session, asked.look(_AT_ONCE))
    told = [
        card.exception.model_dump(mode="json", include=_EXCEPTION | {"opened_at"})
        | {"tasks": [task.model_dump(mode="json", include=_TASK) for task in card.tasks]}
        for card in cards
    ]
    return JSONResponse({"total": fits, "exceptions": told})


@router.get("/api/openapi.json")
async def described(deps: Deps) -> Response:
    """What programs may call: the same everywhere, hence for everybody."""
    rooms = (router, roster_programs.router, shelving.router, steering.router, lists.router, signals.router)
    return JSONResponse(document([route for room in rooms for route in room.routes], deps.public_url))


@router.get("/api/roster")
async def roster(deps: Deps, login: Visitor) -> Response:
    """People and shifts; addresses are not told."""
    found = await console.roster(deps.database)
    people = [person.model_dump(mode="json", exclude=roster_programs.UNTOLD) for person in found.people]
    return JSONResponse({"people": people, "shifts": [shift.model_dump(mode="json") for shift in found.shifts]})
