"""My account: where I am signed in, my authenticator, my addresses, my programs' tokens."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from admin.access.enrolment import Address
from admin.access.sessions import Login, set_password
from admin.access.tokens import ADMIN_SCOPES, MANAGE, SCOPES, Wanted
from admin.actors import Actor
from api.access import drawn_codes as qr
from api.access.visitors import Visitor, VisitorForm, confirmed
from api.deps import ApiDeps, Deps
from api.problems import status_of
from api.rendering import page, show, site_of
from api.roster import notifying
from domain.errors import (
    AuthError,
    ConflictError,
    InvalidPayloadError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
)

router = APIRouter()
CHANNELS = {"sms": "SMS", "whatsapp": "WhatsApp", "voice": "Voice call", "email": "E-mail"}
_TOLD = (AuthError, ConflictError, InvalidPayloadError, NotFoundError, RateLimitedError, RejectedError)
_SAID = {
    "sent": "The code is on its way. Type it below when it is there.",
    "verified": "The address is yours.",
    "removed": "The address is removed.",
    "revoked": "It is ended.",
    "notify": "From now on you are reached so.",
    "authenticator_removed": "The authenticator is removed.",
    "": "",
}


async def _account(request: Request, deps: ApiDeps, login: Login, status: int = 200, **values: Any) -> Response:
    me, now = login.person, deps.now()
    shown: dict[str, Any] = {"wrong": "", "said": "", "link_code": "", "token": ""}
    shown |= {
        "sessions": await deps.sessions.all_of(me.id, now),
        "addresses": await deps.enrolments.of(me.id, now),
        "tokens": await deps.tokens.of(me.id),
        "key": qr.key(await deps.sessions.totp.uri(me.id)),
        "channels": CHANNELS,
        "reaching": await notifying.of(deps, me.id),
        "scopes": {name: told for name, told in SCOPES.items() if _offered(login, name)},
        "manages": MANAGE in me.authorities,
    }
    return page(request, "account.html", status=status, login=login, site=await site_of(deps), **(shown | values))


def _offered(login: Login, scope: str) -> bool:
    return scope not in ADMIN_SCOPES or MANAGE in login.person.authorities


def _said(what: str, part: str) -> Response:
    return RedirectResponse(f"/account?said={what}#{part}", 303)


@router.get("/account")
async def account(request: Request, deps: Deps, login: Visitor, said: Annotated[str, Query()] = "") -> Response:
    return await _account(request, deps, login, said=_SAID.get(said, ""))


@router.get("/account/code.svg")
async def code(deps: Deps, login: Visitor) -> Response:
    return qr.answer(await deps.sessions.totp.uri(login.person.id))


async def _done(request: Request, deps: ApiDeps, login: Login, form: dict[str, str], what: str) -> Response:
    """Do it; what went wrong is said on the page, above what was typed."""
    do = _DEEDS.get(what)
    if do is None:
        raise NotFoundError("There is nothing like that on this page.")
    try:
        return await do(request, deps, login, form)
    except _TOLD as error:
        return await _account(request, deps, login, status_of(error), wrong=error.message)


@router.post("/account/{what}")
async def act(request: Request, deps: Deps, login: Visitor, form: VisitorForm, what: str) -> Response:
    """One of the forms of the page."""
    return await _done(request, deps, login, form, what)


async def _password(request: Request, deps: ApiDeps, login: Login, form: dict[str, str]) -> Response:
    new = form.get("new", "")
    if new != form.get("again", ""):
        raise InvalidPayloadError("The two new passwords differ. Type them again.")
    await confirmed(deps, login, form)
    await set_password(deps.database, login.person.id, new, deps.now(), actor=login.person.id)
    return RedirectResponse("/login", 303)


async def _end_session(request: Request, deps: ApiDeps, login: Login, form: dict[str, str]) -> Response:
    await deps.sessions.revoke(login.person.id, form.get("number", "")[:40], deps.now())
    return _said("revoked", "sessions")


async def _begin_totp(request: Request, deps: ApiDeps, login: Login, form: dict[str, str]) -> Response:
    await confirmed(deps, login, form)
    await deps.sessions.totp.begin(login.person.id, deps.now())
    return RedirectResponse("/account#second", 303)


async def _finish_totp(request: Request, deps: ApiDeps, login: Login, form: dict[str, str]) -> Response:
    codes = await deps.sessions.totp.finish(login.person.id, form.get("code", "")[:40], deps.now())
    return await show(request, login, "recovery_codes.html", codes=codes, going_to="/account#second")


async def _remove_totp(request: Request, deps: ApiDeps, login: Login, form: dict[str, str]) -> Response:
    if not form.get("code", "").strip():
        raise InvalidPayloadError("Type a code of the authenticator, or a recovery code.")
    await confirmed(deps, login, form)
    await deps.sessions.totp.remove(login.person.id, deps.now(), by=login.person.id)
    return _said("authenticator_removed", "second")


async def _add_address(request: Request, deps: ApiDeps, login: Login, form: dict[str, str]) -> Response:
    await confirmed(deps, login, form)
    names = ("channel", "address", "replaces")
    wanted = Address(*(form.get(name, "")[:300] for name in names))
    await deps.enrolments.begin(login.person.id, wanted, _actor(login), deps.now())
    return _said("sent", "addresses")


async def _verify_address(request: Request, deps: ApiDeps, login: Login, form: dict[str, str]) -> Response:
    number, typed = form.get("number", "")[:80], form.get("typed", "")[:40]
    await deps.enrolments.verify(number, typed, _actor(login), deps.now())
    return _said("verified", "addresses")


async def _remove_address(request: Request, deps: ApiDeps, login: Login, form: dict[str, str]) -> Response:
    await confirmed(deps, login, form)
    channel, address = form.get("channel", "")[:40], form.get("address", "")[:300]
    await deps.enrolments.remove(login.person.id, channel, address, deps.now())
    return _said("removed", "addresses")


async def _link_slack(request: Request, deps: ApiDeps, login: Login, form: dict[str, str]) -> Response:
    await confirmed(deps, login, form)
    link_code = await deps.enrolments.begin_link(login.person.id, _actor(login), deps.now())
    return await _account(request, deps, login, link_code=link_code)


async def _make_token(request: Request, deps: ApiDeps, login: Login, form: dict[str, str]) -> Response:
    days = form.get("days", "")
    wanted = Wanted(
        form.get("title", ""),
        [scope for scope in SCOPES if form.get(f"scope.{scope}")],
        int(days) if days.isdecimal() and len(days) < 5 else 0,
    )
    await confirmed(deps, login, form)
    token = await deps.tokens.create(wanted, _actor(login), deps.now())
    return await _account(request, deps, login, token=token)


async def _end_token(request: Request, deps: ApiDeps, login: Login, form: dict[str, str]) -> Response:
    await deps.tokens.revoke(form.get("number", "")[:80], _actor(login), deps.now())
    return _said("revoked", "tokens")


_DEEDS = {
    "password": _password,
    "end-session": _end_session,
    "begin-authenticator": _begin_totp,
    "finish-authenticator": _finish_totp,
    "remove-authenticator": _remove_totp,
    "add-address": _add_address,
    "verify-address": _verify_address,
    "remove-address": _remove_address,
    "link-slack": _link_slack,
    "make-token": _make_token,
    "end-token": _end_token,
}


def _actor(login: Login) -> Actor:
    return Actor(login.person.id)
