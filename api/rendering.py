"""Pages: Jinja with autoescape, the site's clock, and who is signed in."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import templates
from admin.access.sessions import Login
from api import wording
from api.deps import ApiDeps, deps_of
from api.references import link_of
from domain.errors import NotFoundError
from domain.site import Site
from store.read import console
from store.read.messages import reach
from store.read.messages.reach import Outage

NO_OUTAGE = Outage()
FOLDER = Path(templates.__path__[0]) / "console"
STATIC = FOLDER / "static"
MACHINES = ("/webhooks/", "/slack/", "/twilio/", "/healthz", "/events", "/api/")


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The console's templates and their filters."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "authored": wording.authored,
        "span": wording.span,
        "words": wording.words,
        "number": wording.number,
        "many": wording.many,
    }
    environment.globals |= {"between": wording.between}
    return environment


def wants_page(request: Request) -> bool:
    """Is this a person's browser, not a program?"""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(MACHINES)


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    login: Login | None = None,
    site: Site | None = None,
    outage: Outage = NO_OUTAGE,
    **values: Any,
) -> HTMLResponse:
    """One page; times are the site's."""
    deps = deps_of(request)
    zone, now = ZoneInfo(site.timezone if site else "UTC"), deps.now()
    shell = {
        "login": login,
        "outage": outage,
        "now": now,
        "zone": zone,
        "path": request.url.path,
        "site_title": deps.site_title or (site.title if site else "mos"),
        "links": {"phones": deps.phones_url, "plant": deps.plant_url, "erp": deps.erp_page is not None},
        "clock": lambda value, seconds=True: wording.clock(value, zone, now, seconds=seconds),
        "full": lambda value: wording.full(value, zone),
        "age": lambda value: wording.age(value, now),
        "moment": wording.moment,
        "link_of": lambda document: link_of(document, deps.erp_links, has_page=deps.erp_page is not None),
    }
    html = environment().get_template(template).render(shell | values)
    return HTMLResponse(html, status, dict(headers or {}))


async def site_of(deps: ApiDeps) -> Site | None:
    """The site document in force; None before the first push."""
    try:
        return await console.site(deps.database)
    except NotFoundError:
        return None


async def show(request: Request, login: Login, template: str, **values: Any) -> HTMLResponse:
    """A page for a signed-in person."""
    deps = deps_of(request)
    outage = await reach.outage(deps.database)
    return page(request, template, login=login, site=await site_of(deps), outage=outage, **values)
