"""What somebody looks for in the ledger, as an address or a form says it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from admin.access.sessions import Login
from admin.books.ledger import AUTHORITY
from api.deps import ApiDeps
from api.rendering import site_of
from api.wording import day_of
from store.read.books.ledger import Search

_FILTERS = ("words", "status", "system", "queue", "kind", "definition")
_DAYS = ("since", "until")
_LONGEST = 200


async def search_of(deps: ApiDeps, given: Mapping[str, str]) -> Search:
    """Days are the site's, as YYYY-MM-DD."""
    values: dict[str, Any] = {name: given.get(name, "")[:_LONGEST].strip() for name in _FILTERS}
    page = given.get("page", "1")
    site = await site_of(deps)
    zone = ZoneInfo(site.timezone if site else "UTC")
    start, end = (day_of(given.get(name, ""), zone) for name in _DAYS)
    values |= {"start": start, "end": end + timedelta(days=1) if end else None}
    return Search(**values, page=int(page) if page.isdecimal() and len(page) < 7 else 1)


def asked_of(given: Mapping[str, str]) -> dict[str, str]:
    """What a kept view or the next page has to ask again."""
    return {name: value for name in (*_FILTERS, *_DAYS) if (value := given.get(name, "").strip()[:_LONGEST])}


def manages(login: Login) -> bool:
    """Do they keep the ledger?"""
    return AUTHORITY in login.person.authorities
