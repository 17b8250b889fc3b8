"""Signing in, in one step or two, here or at the company's provider; and signing out."""

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from admin.access.sessions import LIFETIME, Where
from api.access import drawn_codes as qr
from api.access.visitors import ForgedFormError, Visitor, VisitorForm, cookie_name, login_proof, same_site_form
from api.deps import ApiDeps, Deps
from api.problems import status_of
from api.rendering import page, site_of
from domain.errors import AuthError, MosError, NotFoundError, RateLimitedError

router = APIRouter()
_NONCE, _STEP, _OIDC = "mos_login", "mos_step", "mos_oidc"
_LoginForm = Annotated[dict[str, str], Depends(same_site_form)]


def local_path(path: str) -> str:
    """A path of this console to go on to; anything that could lead elsewhere becomes the board."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith(("//", "/login", "/logout")) else "/"


def where(request: Request) -> Where:
    """Where the browser is. Behind a proxy its address is what MOS_TRUSTED_PROXIES says of the matter."""
    return Where(request.client.host if request.client else "", request.headers.get("user-agent", ""))


async def _form(request: Request, deps: ApiDeps, status: int, template: str = "login.html", **values: Any) -> Response:
    nonce = request.cookies.get(_NONCE) or deps.randomness(16).hex()
    shown: dict[str, Any] = {
        "going_to": "/",
        "wrong": "",
        "name": "",
        "note": deps.login_note,
        "provider": deps.oidc is not None,
    }
    proof = {"csrf": login_proof(deps, nonce)}
    answer = page(request, template, status=status, site=await site_of(deps), **(shown | proof | values))
    _keep(answer, deps, _NONCE, nonce)
    return answer


def _keep(answer: Response, deps: ApiDeps, name: str, value: str) -> None:
    """A cookie of the log-in's own pages."""
    answer.set_cookie(name, value, max_age=600, httponly=True, samesite="lax", secure=deps.secure, path="/login")


def _proven(request: Request, deps: ApiDeps, form: dict[str, str]) -> None:
    """Raises ForgedFormError unless the form is ours and came from this browser."""
    proof = login_proof(deps, request.cookies.get(_NONCE, ""))
    if _NONCE not in request.cookies or not hmac.compare_digest(form.get("csrf", "").encode(), proof.encode()):
        raise ForgedFormError("This page is out of date. Load it again, then sign in.")


def _signed_in(answer: Response, deps: ApiDeps, token: str) -> Response:
    age = int(LIFETIME.total_seconds())
    answer.set_cookie(
        cookie_name(deps), token, max_age=age, httponly=True, samesite="lax", secure=deps.secure, path="/"
    )
    for name in (_STEP, _OIDC):
        answer.delete_cookie(name, path="/login", secure=deps.secure, httponly=True, samesite="lax")
    return answer


async def _on(deps: ApiDeps, token: str, going_to: str) -> Response:
    """To the page, or to the step that is missing."""
    step = await deps.sessions.step(token, deps.now())
    if step is None:
        return _signed_in(RedirectResponse(going_to, 303), deps, token)
    if step.stage == "enrol":
        await deps.sessions.totp.begin(step.person, deps.now())
    answer = RedirectResponse(f"/login/{step.stage}", 303)
    _keep(answer, deps, _STEP, f"{token}{going_to}")
    return answer


def _step(request: Request) -> tuple[str, str]:
    """The token of a log-in with steps to come, and where it goes on to."""
    token, slash, path = request.cookies.get(_STEP, "").partition("/")
    return token, local_path(slash + path)


@router.get("/login")
async def login_form(request: Request, deps: Deps, going_to: Annotated[str, Query(alias="next")] = "/") -> Response:
    return await _form(request, deps, 200, going_to=local_path(going_to))


@router.post("/login")
async def log_in(request: Request, deps: Deps, form: _LoginForm) -> Response:
    """A cookie for the right password; the form again, saying why, for a wrong one."""
    _proven(request, deps, form)
    going_to, name = local_path(form.get("next", "/")), form.get("person", "").strip()[:100]
    try:
        token = await deps.sessions.log_in(name, form.get("password", ""), deps.now(), where(request))
    except (RateLimitedError, AuthError) as error:
        return await _form(request, deps, status_of(error), going_to=going_to, wrong=error.message, name=name)
    return await _on(deps, token, going_to)


@router.get("/login/second")
async def second_form(request: Request, deps: Deps) -> Response:
    return await _form(request, deps, 200, "login_second.html")


@router.post("/login/second")
async def second(request: Request, deps: Deps, form: _LoginForm) -> Response:
    """The authenticator's code, or a recovery code."""
    _proven(request, deps, form)
    token, going_to = _step(request)
    try:
        entered = await deps.sessions.second(token, form.get("code", "")[:40], deps.now(), where(request))
    except (RateLimitedError, AuthError) as error:
        return await _form(request, deps, status_of(error), "login_second.html", wrong=error.message)
    return _signed_in(RedirectResponse(going_to, 303), deps, entered)


@router.get("/login/enrol")
async def enrol_form(request: Request, deps: Deps) -> Response:
    return await _form(request, deps, 200, "login_enrol.html", key=qr.key(await _uri(request, deps)))


@router.get("/login/code.svg")
async def enrol_code(request: Request, deps: Deps) -> Response:
    return qr.answer(await _uri(request, deps))


async def _uri(request: Request, deps: ApiDeps) -> str:
    step = await deps.sessions.step(_step(request)[0], deps.now())
    if step is None or step.stage != "enrol":
        raise NotFoundError("This took too long. Begin again with your password.")
    return await deps.sessions.totp.uri(step.person)


@router.post("/login/enrol")
async def enrol(request: Request, deps: Deps, form: _LoginForm) -> Response:
    """The first code of a new authenticator; then the recovery codes, once."""
    _proven(request, deps, form)
    token, going_to = _step(request)
    try:
        entered, codes = await deps.sessions.enrol(token, form.get("code", "")[:40], deps.now(), where(request))
    except (RateLimitedError, AuthError) as error:
        key = qr.key(await _uri(request, deps))
        return await _form(request, deps, status_of(error), "login_enrol.html", wrong=error.message, key=key)
    shown = page(request, "recovery_codes.html", site=await site_of(deps), codes=codes, going_to=going_to)
    return _signed_in(shown, deps, entered)


@router.get("/login/oidc")
async def to_provider(request: Request, deps: Deps, going_to: Annotated[str, Query(alias="next")] = "/") -> Response:
    """To the company's identity provider."""
    if deps.oidc is None:
        raise NotFoundError("No identity provider is connected here.")
    url, kept = await deps.oidc.begin(local_path(going_to), deps.now())
    answer = RedirectResponse(url, 303)
    _keep(answer, deps, _OIDC, kept)
    return answer


@router.get("/login/callback")
async def from_provider(request: Request, deps: Deps, state: str = "", code: str = "") -> Response:
    """Back from the provider. A refusal shows the form, which says what to do."""
    if deps.oidc is None:
        raise NotFoundError("No identity provider is connected here.")
    try:
        person, going_to = await deps.oidc.finish(request.cookies.get(_OIDC, ""), state, code, deps.now())
        token = await deps.sessions.begin(person, deps.now(), where(request), by="oidc")
    except MosError as error:
        return await _form(request, deps, status_of(error), wrong=error.message)
    return await _on(deps, token, local_path(going_to))


@router.post("/logout")
async def log_out(request: Request, deps: Deps, login: Visitor, form: VisitorForm) -> Response:
    await deps.sessions.log_out(request.cookies.get(cookie_name(deps), ""), login.person.id, deps.now())
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(cookie_name(deps), path="/", secure=deps.secure, httponly=True, samesite="lax")
    return answer
