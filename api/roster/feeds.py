"""Feeds in, as the page of people shows them, and the button that has one looked at."""

from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from admin.actors import Actor
from admin.roster import followed as roster_feeds
from api.access.visitors import Visitor, VisitorForm
from api.deps import Deps
from api.roster.pages import Name

router = APIRouter()


@router.post("/schedule-feeds/{name}")
async def look_now(deps: Deps, login: Visitor, _: VisitorForm, name: Name) -> Response:
    """A worker does it within seconds; the page says how it went."""
    await roster_feeds.ask(deps.database, name, by=Actor(login.person.id), now=deps.now())
    return RedirectResponse(f"/people#feed-{quote(name, safe='')}", 303)
