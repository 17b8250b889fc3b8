"""Enrolments as administrators see them: strangers who wrote, changed addresses, accounts at the provider."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from admin.access import oidc
from admin.access.enrolment import Address
from admin.access.sessions import Login
from admin.access.tokens import MANAGE
from admin.actors import Actor, NotAllowedError
from api.access.visitors import Visitor, VisitorForm, confirmed
from api.deps import ApiDeps, Deps
from api.problems import status_of
from api.rendering import page, site_of
from domain.errors import MosError, NotFoundError

router = APIRouter()
_SAID = {
    "sent": "A code went to the address. The person types it under My account.",
    "done": "Done.",
    "": "",
}


def _admin(login: Login) -> None:
    if MANAGE not in login.person.authorities:
        raise NotAllowedError(f"This needs the authority '{MANAGE}': ask somebody who has it")


async def _page(request: Request, deps: ApiDeps, login: Login, status: int = 200, **values: Any) -> Response:
    waiting = await deps.enrolments.waiting(deps.now())
    shown: dict[str, Any] = {"wrong": "", "said": "", "waiting": waiting, "tokens": await deps.tokens.of("")}
    shown["names"] = {person.id: person.name for person in waiting.people}
    return page(request, "enrolments.html", status=status, login=login, site=await site_of(deps), **(shown | values))


@router.get("/enrolments")
async def enrolments(request: Request, deps: Deps, login: Visitor, said: str = "") -> Response:
    _admin(login)
    return await _page(request, deps, login, said=_SAID.get(said, ""))


@router.post("/enrolments/{what}")
async def act(request: Request, deps: Deps, login: Visitor, form: VisitorForm, what: str) -> Response:
    """One of the forms of the page; each needs the password again, since each lets somebody in."""
    _admin(login)
    if what not in _DEEDS:
        raise NotFoundError("There is nothing like that on this page.")
    try:
        await confirmed(deps, login, form)
        await _DEEDS[what](deps, login, form)
    except MosError as error:
        return await _page(request, deps, login, status_of(error), wrong=error.message)
    return RedirectResponse(f"/enrolments?said={'sent' if what == 'this-is' else 'done'}", 303)


async def _this_is(deps: ApiDeps, login: Login, form: dict[str, str]) -> None:
    """The administrator thinks to know a stranger: a code goes there, and only the person can use it."""
    wanted = Address(form.get("channel", "")[:40], form.get("address", "")[:300])
    await deps.enrolments.begin(form.get("person", "")[:100], wanted, _actor(login), deps.now())


async def _vouch(deps: ApiDeps, login: Login, form: dict[str, str]) -> None:
    channel, address = form.get("channel", "")[:40], form.get("address", "")[:300]
    await deps.enrolments.vouch(channel, address, _actor(login), deps.now())


async def _bind(deps: ApiDeps, login: Login, form: dict[str, str]) -> None:
    await oidc.bind(deps.database, _account(form), _actor(login), deps.now(), person=form.get("person", "")[:100])


async def _unbind(deps: ApiDeps, login: Login, form: dict[str, str]) -> None:
    await oidc.unbind(deps.database, _account(form), _actor(login), deps.now())


async def _reset(deps: ApiDeps, login: Login, form: dict[str, str]) -> None:
    """The authenticator is lost, and so are the recovery codes."""
    person = form.get("person", "")[:100]
    if person == login.person.id:
        raise NotAllowedError("Somebody else has to take your authenticator away.")
    await deps.sessions.totp.remove(person, deps.now(), by=login.person.id)
    await deps.sessions.revoke(person, "", deps.now())


async def _end_token(deps: ApiDeps, login: Login, form: dict[str, str]) -> None:
    await deps.tokens.revoke(form.get("number", "")[:80], _actor(login), deps.now(), anybodys=True)


_DEEDS = {
    "this-is": _this_is,
    "vouch": _vouch,
    "bind": _bind,
    "unbind": _unbind,
    "reset-authenticator": _reset,
    "end-token": _end_token,
}


def _account(form: dict[str, str]) -> tuple[str, str]:
    return form.get("issuer", "")[:300], form.get("subject", "")[:255]


def _actor(login: Login) -> Actor:
    return Actor(login.person.id)
