"""Lists of resources in pages, as Twilio's 2010 API cuts them."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from infra.phones.state import Json
from infra.phones.twilio.call import TwilioRefusal
from infra.phones.twilio.door import PREFIX


def page_of(request: Request, given: Json, name: str, found: list[Json]) -> Json:
    """The page that PageSize, Page or PageToken asks for; the resources stand under `name`."""
    size, number = given.get("PageSize", 50), given.get("Page", 0)
    start = size * number
    if given.get("PageToken"):  # the sid of the last resource of the page before
        tokens = [f"PA{resource['sid']}" for resource in found]
        if given["PageToken"] not in tokens:
            raise TwilioRefusal(20422, "Invalid parameter: PageToken")
        start = tokens.index(given["PageToken"]) + 1
    page = found[start : start + size]
    more = len(found) > start + size
    return {
        name: page,
        "page": number,
        "page_size": size,
        "start": start,
        "end": max(start, start + len(page) - 1),
        "uri": _uri(request, size, number),
        "first_page_uri": _uri(request, size, 0),
        "next_page_uri": _uri(request, size, number + 1, f"PA{page[-1]['sid']}") if more else None,
        "previous_page_uri": None,
    }


def aware(value: Any) -> datetime:
    """A moment of a filter; without a zone it is UTC."""
    moment: datetime = value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _uri(request: Request, size: int, number: int, token: str = "") -> str:
    kept = [(k, v) for k, v in request.query_params.multi_items() if k not in ("PageSize", "Page", "PageToken")]
    kept += [("PageSize", str(size)), ("Page", str(number))] + ([("PageToken", token)] if token else [])
    return f"{request.url.path.removeprefix(PREFIX)}?{urlencode(kept)}"
