"""The pages that only show: board, inbox, people, what the ERP holds."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from api.access.visitors import Visitor
from api.deps import Deps
from api.exceptions import shelving
from api.references import sections
from api.rendering import show
from domain.correlation import PRIORITIES
from domain.errors import MosError, NotFoundError
from domain.values import Json, iso
from store.read import board as board_read
from store.read import console, health, shelves
from store.read.evidence import media
from store.read.messages import reach

router = APIRouter()


class Asked(BaseModel):
    """Which open exceptions; empty = all. `page` from 1."""

    words: str = Field("", max_length=200)
    priority: str = Field("", max_length=20)
    definition: str = Field("", max_length=100)
    page: int = Field(1, ge=1, le=1_000_000)

    def look(self, size: int = board_read.PAGE) -> board_read.Look:
        return board_read.Look(self.words.strip(), self.priority, self.definition, self.page, size)


@router.get("/healthz")
async def healthz(deps: Deps) -> dict[str, str]:
    """200 when the database answers, else 503."""
    await health.ping(deps.database)
    return {"status": "ok"}


@router.get("/api/channels")
async def channels(deps: Deps, login: Visitor) -> Json:
    """Do the channels to people work? `{"down": [{"channel", "since", "error"}], "everything": bool}`: what the banner
    of every page says; an empty list when all work."""
    outage = await reach.outage(deps.database)
    down = [
        {"channel": row.channel, "since": iso(row.down_since), "error": row.error}
        for row in outage.down
        if row.down_since
    ]
    return {"down": down, "everything": outage.everything}


@router.get("/")
async def board(request: Request, deps: Deps, login: Visitor, asked: Annotated[Asked, Query()]) -> Response:
    look = asked.look()
    found = await board_read.board(deps.database, deps.now(), look, person=login.person.id)
    shelved = await shelves.how_many(deps.database, deps.now())
    query = {name: value for name in ("words", "priority", "definition") if (value := getattr(look, name))}
    return await show(
        request,
        login,
        "board.html",
        board=found,
        shelved=shelved,
        look=look,
        query=urlencode(query),
        pages=-(-found.fits // look.size),
        priorities=PRIORITIES[::-1],
    )


@router.get("/inbox")
async def inbox(request: Request, deps: Deps, login: Visitor) -> Response:
    arrivals, shelved = await console.arrivals(deps.database), await shelving.panel(deps, login)
    loose = await media.loose(deps.database)
    return await show(request, login, "inbox.html", arrivals=arrivals, shelved=shelved, loose=loose)


@router.get("/phones")
async def phones(deps: Deps, login: Visitor) -> Response:
    if not deps.phones_url:
        raise NotFoundError("There are no stand-in phones here: people are reached on their own.")
    return RedirectResponse(deps.phones_url, 303)


@router.get("/erp")
async def erp(request: Request, deps: Deps, login: Visitor) -> Response:
    """What the ERP holds, as it says itself, now."""
    if deps.erp_page is None:
        raise NotFoundError("No page of the ERP is connected here.")
    try:
        holds, wrong = await deps.erp_page(), ""
    except MosError as error:
        holds, wrong = {}, error.message
    return await show(request, login, "erp.html", sections=sections(holds), wrong=wrong)
