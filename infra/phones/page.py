"""The phones on one page, kept live by server-sent events."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from infra.phones.config import Person
from infra.phones.state import State

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; connect-src 'self';"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_KEEP_ALIVE_SECONDS = 15.0


def page_router(state: State) -> APIRouter:
    """`/`, and `/events` that names each new revision."""
    router = APIRouter()
    templates = Environment(loader=FileSystemLoader(_HERE / "pages"), autoescape=True, undefined=StrictUndefined)

    @router.get("/")
    async def phones() -> HTMLResponse:
        slack = state.config.slack
        html = templates.get_template("phones.html").render(
            app_name=slack.app_name,
            people=state.config.people,
            apps=_apps,
            shortcuts=json.dumps([shortcut.model_dump() for shortcut in slack.shortcuts]),
        )
        return HTMLResponse(html, headers=PAGE_HEADERS)

    @router.get("/events")
    async def events(request: Request) -> StreamingResponse:
        headers = {"Cache-Control": "no-store"}
        return StreamingResponse(_revisions(state, request), media_type="text/event-stream", headers=headers)

    return router


def _apps(person: Person) -> list[tuple[str, str]]:
    """What is installed on a person's phone: (name, label)."""
    has = {
        "slack": ("Slack", person.slack_user_id),
        "home": ("Home", person.slack_user_id),
        "sms": ("SMS", person.phone),
        "whatsapp": ("WhatsApp", person.whatsapp),
        "voice": ("Calls", person.voice or person.phone),
        "email": ("Mail", person.email),
    }
    return [(name, label) for name, (label, address) in has.items() if address]


async def _revisions(state: State, request: Request) -> AsyncIterator[str]:
    seen = 0
    while not await request.is_disconnected():
        now = await state.changed_after(seen, _KEEP_ALIVE_SECONDS)
        yield f"data: {now}\n\n" if now != seen else ": still here\n\n"
        seen = now
