"""The agents' page: which there are, what came of their questions lately, and their switches."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from admin import agents as admin
from admin.actors import Actor
from api.access.visitors import Visitor, VisitorForm
from api.deps import Deps
from api.rendering import show
from store.read.definitions import agents as read

router = APIRouter()
_DAYS = 30


@router.get("/agents")
async def agents(request: Request, deps: Deps, login: Visitor) -> Response:
    found = await read.agents(deps.database, deps.now(), _DAYS)
    may = admin.AUTHORITY in login.person.authorities
    return await show(request, login, "agents.html", agents=found, days=_DAYS, may=may)


@router.post("/agents")
async def switch(deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    """`agent`, `do` (stop or start), `reason`."""
    stop, by = form.get("do") == "stop", Actor(login.person.id)
    reason = form.get("reason", "")
    await admin.switch(deps.database, form.get("agent", ""), stop=stop, reason=reason, by=by, now=deps.now())
    return RedirectResponse("/agents", 303)
