"""Shelving: from the inbox page by a form, from a program as JSON. What is shelved is for everybody to see."""

import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from admin import shelving
from admin.access.sessions import Login
from api.access.visitors import ForgedFormError, Visitor, VisitorForm, actor_of
from api.bodies import FORM_LIMIT, read_body
from api.deps import ApiDeps, Deps
from domain.errors import InvalidPayloadError
from domain.language import misfits
from domain.rosters.people import ChannelName, may_decide
from store.read import shelves as read
from store.read.shelves import Shelves, Standing

router = APIRouter()
_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@dataclass(frozen=True)
class Panel:
    """What the page shows; `may`: whether to offer the buttons (some may in their areas only)."""

    shelves: Shelves
    may: bool


async def panel(deps: ApiDeps, login: Login) -> Panel:
    """For one reader."""
    may = not may_decide(login.person, shelving.AUTHORITY, "", ChannelName.CONSOLE.value, "normal")
    return Panel(await read.shelved(deps.database, deps.now()), may)


@router.post("/shelves")
async def shelve(deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    """`definition`, either `equipment` or `key`, `until`, `reason`."""
    target = shelving.Target(*(form.get(name, "").strip() for name in ("definition", "key", "equipment")))
    until, reason = form.get("until", ""), form.get("reason", "")
    await shelving.shelve(deps.database, target, until, reason=reason, by=actor_of(login), now=deps.now())
    return RedirectResponse("/inbox#shelved", 303)


@router.post("/shelves/{shelf}/end")
async def unshelve(deps: Deps, login: Visitor, _: VisitorForm, shelf: _Number) -> Response:
    await shelving.unshelve(deps.database, shelf, by=actor_of(login), now=deps.now())
    return RedirectResponse("/inbox#shelved", 303)


class ShelfIn(BaseModel):
    """A shelf as programs ask for it: a key, or a piece of equipment."""

    model_config = ConfigDict(extra="forbid")

    definition: str = Field(max_length=200)
    key: str = Field(default="", max_length=200)
    equipment: str = Field(default="", max_length=200)
    until: str = Field(max_length=60)
    reason: str = Field(max_length=500)


@router.get("/api/shelves")
async def standing(deps: Deps, login: Visitor) -> Response:
    """What is shelved now, and the token that a change has to carry."""
    found = await panel(deps, login)
    told = [_told(one) for one in found.shelves.standing]
    return JSONResponse({"shelves": told, "may_shelve": found.may, "csrf": login.csrf})


@router.post("/api/shelves")
async def begin(request: Request, deps: Deps, login: Visitor, x_csrf_token: Annotated[str, Header()] = "") -> Response:
    """201 with the shelf. The header `x-csrf-token` proves that it comes from this log-in."""
    _check(login, x_csrf_token)
    try:
        asked = ShelfIn.model_validate_json(await read_body(request, FORM_LIMIT))
    except ValidationError as error:
        raise InvalidPayloadError(f"Can't be read: {misfits.first(error, ShelfIn, whole='body')}.") from error
    target = shelving.Target(asked.definition, asked.key.strip(), asked.equipment.strip())
    row = await shelving.shelve(
        deps.database, target, asked.until, reason=asked.reason, by=actor_of(login), now=deps.now()
    )
    return JSONResponse(_told(Standing(row, 0)), 201)


@router.delete("/api/shelves/{shelf}")
async def end(deps: Deps, login: Visitor, shelf: _Number, x_csrf_token: Annotated[str, Header()] = "") -> Response:
    """End it before its time: 204."""
    _check(login, x_csrf_token)
    await shelving.unshelve(deps.database, shelf, by=actor_of(login), now=deps.now())
    return Response(status_code=204)


def _check(login: Login, token: str) -> None:
    if not hmac.compare_digest(token.encode(), login.csrf.encode()):
        raise ForgedFormError("Send the token of your log-in in the header x-csrf-token.")


def _told(one: Standing) -> dict[str, object]:
    told: dict[str, object] = one.row.model_dump(mode="json", exclude={"ended_by", "ended_at"})
    return told | {"waiting": one.waiting}
