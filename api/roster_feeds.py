"""Feeds in, as the page of people shows them, and the button that has one looked at."""

from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from admin import roster_feeds
from admin.actors import Actor
from api.deps import Deps
from api.roster import Name
from api.visitors import Visitor, VisitorForm

router = APIRouter()


@router.post("/schedule-feeds/{name}")
async def look_now(deps: Deps, login: Visitor, _: VisitorForm, name: Name) -> Response:
    """A worker does it within seconds; the page says how it went."""
    await roster_feeds.ask(deps.database, name, by=Actor(login.person.id), now=deps.now())
    return RedirectResponse(f"/people#feed-{quote(name, safe='')}", 303)
