"""The pages that only show: board, inbox, people, what the ERP holds."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.access.visitors import Visitor
from api.deps import Deps
from api.exceptions import shelving
from api.references import sections
from api.rendering import show
from domain.errors import MosError, NotFoundError
from domain.values import Json, iso
from store.read import board as board_read
from store.read import console, health, shelves
from store.read.evidence import media
from store.read.messages import reach

router = APIRouter()


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
async def board(request: Request, deps: Deps, login: Visitor) -> Response:
    found = await board_read.board(deps.database, deps.now())
    waiting = [(card, task) for card in found.open for task in card.tasks if login.person.id in task.asked]
    mine = [(card, task) for card, task in waiting if task.person in (None, login.person.id)]
    shelved = await shelves.how_many(deps.database, deps.now())
    return await show(request, login, "board.html", board=found, mine=mine, shelved=shelved)


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
