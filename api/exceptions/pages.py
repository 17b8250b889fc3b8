"""One exception's page, and the answers given on it."""

from functools import partial
from typing import Annotated
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.access.visitors import Visitor, VisitorForm
from api.deps import ApiDeps, Deps
from api.exceptions.asking import must_sign, reply, view
from api.exceptions.drawn import drawn
from api.exceptions.signing import signed
from api.exceptions.steering import panel
from api.rendering import show, site_of
from api.wording import moment
from domain.errors import InvalidPayloadError, NotFoundError
from domain.values import Json
from intake.answers import console_event, receive_console
from store.read import console
from store.read.access import authority
from store.read.console import Page

router = APIRouter()
MILESTONES = (
    "signal", "received", "opened", "sent", "delivered", "accepted", "arrived", "fixed", "decided", "posted", "closed",
)  # fmt: skip
_MAYBE = ("delivered", "arrived", "fixed")
_FIELD = "field."
_TEXT_LIMIT = 2000


@router.get("/exceptions/{exception_id}")
async def exception(
    request: Request,
    deps: Deps,
    login: Visitor,
    exception_id: str,
    answer: Annotated[str, Query(max_length=300)] = "",
    steer: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Everything about one exception; `answer` and `steer` name what this person gave, to say what became of it."""
    found = await console.exception_page(deps.database, exception_id)
    if found is None:
        raise NotFoundError("There is no such exception. Look for it on the board.")
    reader = await authority.of_reader(deps.database, login.person.id, deps.now())
    asks = [view(task, login.person, reader, deps.now()) for task in found.tasks]
    return await show(
        request,
        login,
        "exception.html",
        found=found,
        asks=asks,
        mine=[ask for ask in asks if ask.answerable],
        titles={ask.shown.step: ask.shown.title for ask in asks},
        options={option.id: option.title for ask in asks for option in ask.shown.options},
        milestones=milestones(found),
        outcome=await console.outcome(deps.database, login.person.id, answer) if answer else None,
        steer=await panel(deps, login, found.exception, steer),
        drawing=await drawn(deps.database, found),
        reply=partial(reply, login.person.language, await _zone(deps)),
        press_id=lambda: deps.randomness(16).hex(),
    )


async def _zone(deps: ApiDeps) -> ZoneInfo:
    site = await site_of(deps)
    return ZoneInfo(site.timezone if site else "UTC")


def milestones(found: Page) -> list[str]:
    """The names of what was reached, as it came, then of what is always still to come."""
    row, reached = found.exception, found.milestones
    known = [name for name in MILESTONES if name in reached]
    ahead = [name for name in MILESTONES if name not in reached and name not in _MAYBE]
    known.sort(key=lambda name: moment(reached[name]) or row.opened_at)
    return known + ([] if row.closed_at else ahead)


@router.post("/tasks/{task_id}/answer")
async def answer(request: Request, deps: Deps, login: Visitor, form: VisitorForm, task_id: str) -> Response:
    """Commit this person's answer; the workflow decides what it counts for."""
    task = await console.task(deps.database, task_id)
    if task is None:
        raise NotFoundError("There is no such task. Look for it on the board.")
    verb, reference, press_id = (_short(form, name) for name in ("verb", "task", "press_id"))
    if reference.partition(":")[0] != task.id or not press_id.isalnum():
        raise InvalidPayloadError("This form is not whole. Load the page again.")
    reader = await authority.of_reader(deps.database, login.person.id, deps.now())
    if must_sign(task, reader) and (task.kind == "approve" or verb == "done"):
        await signed(deps, login, task, form, console_event(login.person.id, press_id))
    event_id = await receive_console(
        deps.database,
        person=login.person.id,
        task=reference,
        verb=verb,
        fields=_fields(form),
        press_id=press_id,
        now=deps.now(),
    )
    return RedirectResponse(f"/exceptions/{task.exception_id}?answer={quote(event_id, safe='')}", 303)


def _short(form: dict[str, str], name: str) -> str:
    value = form.get(name, "")
    if len(value) > 200:
        raise InvalidPayloadError("This form is not whole. Load the page again.")
    return value


def _fields(form: dict[str, str]) -> dict[str, Json]:
    """The written values: inputs of a task (`field.<name>`), the comment of a decision."""
    fields: dict[str, Json] = {
        name.removeprefix(_FIELD): value.strip()[:_TEXT_LIMIT]
        for name, value in form.items()
        if name.startswith(_FIELD) and value.strip()
    }
    comment = form.get("comment", "").strip()[:_TEXT_LIMIT]
    return fields | ({"comment": comment} if comment else {})
