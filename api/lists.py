"""The pages that only show: board, inbox, ledger, people, what the ERP holds."""

from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api import shelving
from api.deps import Deps
from api.references import sections
from api.rendering import show, site_of
from api.visitors import Visitor
from domain.errors import MosError, NotFoundError
from store.read import board as board_read
from store.read import console, health, shelves

router = APIRouter()


@router.get("/healthz")
async def healthz(deps: Deps) -> dict[str, str]:
    """200 when the database answers, else 503."""
    await health.ping(deps.database)
    return {"status": "ok"}


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
    return await show(request, login, "inbox.html", arrivals=arrivals, shelved=shelved)


@router.get("/ledger")
async def ledger(request: Request, deps: Deps, login: Visitor) -> Response:
    entries, names = await console.ledger(deps.database)
    return await show(request, login, "ledger.html", entries=entries, names=names)


@router.get("/people")
async def people(request: Request, deps: Deps, login: Visitor) -> Response:
    """Who is on the roster, and on shift now."""
    roster = await console.roster(deps.database)
    site = await site_of(deps)
    zone, now = ZoneInfo(site.timezone if site else "UTC"), deps.now()
    rows = [(person, roster.on_shift(person, now, zone)) for person in roster.people]
    rows.sort(key=lambda row: (not (row[1] and row[0].active), row[0].name))
    return await show(request, login, "people.html", people=rows, shifts=roster.shifts)


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
