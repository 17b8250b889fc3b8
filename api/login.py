"""Signing in and out."""

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from admin.sessions import LIFETIME
from api.deps import ApiDeps, Deps
from api.rendering import page, site_of
from api.visitors import ForgedFormError, Visitor, VisitorForm, cookie_name, login_proof, same_site_form
from domain.errors import AuthError, RateLimitedError

router = APIRouter()
_NONCE = "mos_login"


def local_path(path: str) -> str:
    """A path of this console to go on to; anything that could lead elsewhere becomes the board."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith(("//", "/login", "/logout")) else "/"


async def _form(request: Request, deps: ApiDeps, status: int, *, going_to: str, wrong: str, name: str) -> Response:
    nonce = request.cookies.get(_NONCE) or deps.randomness(16).hex()
    values: dict[str, Any] = {"going_to": going_to, "wrong": wrong, "name": name, "note": deps.login_note}
    answer = page(
        request, "login.html", status=status, site=await site_of(deps), csrf=login_proof(deps, nonce), **values
    )
    answer.set_cookie(_NONCE, nonce, httponly=True, samesite="lax", secure=deps.secure, path="/login")
    return answer


@router.get("/login")
async def login_form(request: Request, deps: Deps, going_to: Annotated[str, Query(alias="next")] = "/") -> Response:
    return await _form(request, deps, 200, going_to=local_path(going_to), wrong="", name="")


@router.post("/login")
async def log_in(request: Request, deps: Deps, form: Annotated[dict[str, str], Depends(same_site_form)]) -> Response:
    """A cookie for the right password; the form again, saying why, for a wrong one."""
    proof = login_proof(deps, request.cookies.get(_NONCE, ""))
    if _NONCE not in request.cookies or not hmac.compare_digest(form.get("csrf", "").encode(), proof.encode()):
        raise ForgedFormError("This page is out of date. Load it again, then sign in.")
    going_to, name = local_path(form.get("next", "/")), form.get("person", "").strip()[:100]
    try:
        token = await deps.sessions.log_in(name, form.get("password", ""), deps.now())
    except RateLimitedError as error:
        return await _form(request, deps, 429, going_to=going_to, wrong=error.message, name=name)
    except AuthError as error:
        return await _form(request, deps, 401, going_to=going_to, wrong=error.message, name=name)
    answer = RedirectResponse(going_to, 303)
    age = int(LIFETIME.total_seconds())
    answer.set_cookie(
        cookie_name(deps), token, max_age=age, httponly=True, samesite="lax", secure=deps.secure, path="/"
    )
    return answer


@router.post("/logout")
async def log_out(request: Request, deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    await deps.sessions.log_out(request.cookies.get(cookie_name(deps), ""), login.person.id, deps.now())
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(cookie_name(deps), path="/", secure=deps.secure, httponly=True, samesite="lax")
    return answer
