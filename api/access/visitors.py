"""Who asks: the log-in behind the cookie, and the proof that a form was ours."""

import hashlib
import hmac
from typing import Annotated

from fastapi import Depends, Request

from admin.access.sessions import Login
from admin.actors import Actor
from api.access.bearer import given, log_in_of
from api.bodies import DOCUMENT_LIMIT, FORM_LIMIT, read_form
from api.deps import ApiDeps, Deps
from domain.errors import MosError


class SignInNeededError(MosError):
    """Nobody is signed in here (any more)."""

    code = "mos.sign_in"


class ForgedFormError(MosError):
    """The form did not come from our page of this log-in."""

    code = "mos.forged_form"


def cookie_name(deps: ApiDeps) -> str:
    """On HTTPS browsers themselves bind a `__Host-` cookie to this host and path."""
    return "__Host-mos" if deps.secure else "mos"


async def visitor(request: Request, deps: Deps) -> Login:
    """Who is signed in, or who answers for the program that calls. Raises SignInNeededError, AuthError, ScopeError."""
    bearer = given(request)
    if bearer:
        return await log_in_of(request, deps, bearer)
    token = request.cookies.get(cookie_name(deps), "")
    login = await deps.sessions.who(token, deps.now(), active=_by_hand(request)) if token else None
    if login is None:
        raise SignInNeededError("Sign in, then do it again: nothing was recorded.")
    return login


def actor_of(login: Login) -> Actor:
    """Who acts, and by which program when it was one: the audit tells a log-in from a token."""
    return Actor(login.person.id, via=login.via)


def _by_hand(request: Request) -> bool:
    """Did a person go to the page or send a form? A page that keeps itself fresh is nobody's doing."""
    return request.method != "GET" or request.headers.get("sec-fetch-mode", "navigate") == "navigate"


Visitor = Annotated[Login, Depends(visitor)]


async def same_site_form(request: Request) -> dict[str, str]:
    """The form's fields. Raises ForgedFormError when the browser says that another site sent it."""
    return await _same_site(request, FORM_LIMIT)


async def _same_site(request: Request, limit: int) -> dict[str, str]:
    if request.headers.get("sec-fetch-site", "same-origin") == "cross-site":
        raise ForgedFormError("This form came from another site. Open the page here and send it again.")
    return await read_form(request, limit)


async def visitor_form(request: Request, login: Visitor) -> dict[str, str]:
    """The fields of a signed-in person's form. Raises ForgedFormError without this log-in's token."""
    return _ours(await _same_site(request, FORM_LIMIT), login)


async def visitor_document(request: Request, login: Visitor) -> dict[str, str]:
    """The same of a form that carries a whole document."""
    return _ours(await _same_site(request, DOCUMENT_LIMIT), login)


def _ours(form: dict[str, str], login: Login) -> dict[str, str]:
    if not hmac.compare_digest(form.pop("csrf", "").encode(), login.csrf.encode()):
        raise ForgedFormError("This page is out of date. Load it again, then send it again.")
    return form


async def confirmed(deps: ApiDeps, login: Login, form: dict[str, str]) -> None:
    """The password again, and the authenticator's code where it is needed (fields `password`, `code`): before a
    signature, and before what opens doors. Raises AuthError, SecondFactorError, RateLimitedError."""
    password, code = form.pop("password", ""), form.pop("code", "")
    await deps.sessions.confirm(login.person.id, password, deps.now(), code=code, number=login.number)


VisitorForm = Annotated[dict[str, str], Depends(visitor_form)]
VisitorDocument = Annotated[dict[str, str], Depends(visitor_document)]


def login_proof(deps: ApiDeps, nonce: str) -> str:
    """What the log-in form carries for the nonce in its cookie: nobody else can sign somebody in as somebody else."""
    return hmac.new(deps.session_secret, b"login:" + nonce.encode(), hashlib.sha256).hexdigest()
