"""Errors as RFC 9457 problem documents; a person's browser gets the same as a page."""

import logging
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from admin.access.tokens import ScopeError
from admin.actors import NotAllowedError, UnsignedError
from api.access.visitors import ForgedFormError, SignInNeededError
from api.bodies import TooLargeError
from api.rendering import page, wants_page
from domain.errors import (
    AuthError,
    ConflictError,
    InvalidPayloadError,
    MosError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    RejectedError,
    TransientError,
)
from domain.language import misfits
from store.read.health import UNAVAILABLE

RETRY_SECONDS = 5
_STATUS: dict[type[MosError], int] = {
    SignInNeededError: 401,
    ForgedFormError: 403,
    TooLargeError: 413,
    AuthError: 401,
    ScopeError: 403,
    UnsignedError: 422,  # they may, once they sign
    NotAllowedError: 403,
    RateLimitedError: 429,
    TransientError: 503,
    RejectedError: 422,
    ConflictError: 409,
    NotFoundError: 404,
    InvalidPayloadError: 400,
    OutcomeUnknownError: 502,
}
_log = logging.getLogger(__name__)


def handle_problems(app: FastAPI) -> None:
    """Register the one handler for everything that goes wrong."""
    app.add_exception_handler(MosError, _domain)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _unreadable)
    for error in UNAVAILABLE:
        app.add_exception_handler(error, _unavailable)


def status_of(error: MosError) -> int:
    """The HTTP status of the nearest class that has one; what has none is a fault of ours."""
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)


def problem(request: Request, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """`application/problem+json`, or a page for a browser."""
    if wants_page(request):
        return page(request, "problem.html", status=status, headers=headers, code=code, detail=detail)
    body = {"type": f"urn:mos:problem:{code.removeprefix('mos.')}", "title": code, "status": status, "detail": detail}
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


async def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, MosError)
    if isinstance(error, SignInNeededError) and request.method == "GET" and wants_page(request):
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(path, safe='')}", 303)
    headers = {}
    if isinstance(error, RateLimitedError):
        headers["retry-after"] = str(max(1, round(error.retry_after)))
    elif isinstance(error, TransientError):
        headers["retry-after"] = str(RETRY_SECONDS)
    return problem(request, status_of(error), error.code, error.message, headers)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "mos.not_found", 405: "mos.method_not_allowed"}.get(error.status_code, "mos.http")
    return problem(request, error.status_code, code, str(error.detail), dict(error.headers or {}))


async def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = [(".".join(map(str, item["loc"])), misfits.words({**item, "input": None})) for item in error.errors()]
    told = "; ".join(dict.fromkeys(f"{where}: {said}" for where, said in wrong))
    return problem(request, 422, "mos.invalid_payload", f"Can't be read: {told}.")


async def _unavailable(request: Request, error: Exception) -> Response:
    _log.error("the database is not available: %s", type(error).__name__)
    detail = "Not recorded: the database is not available. Try again in a moment."
    return problem(request, 503, "mos.unavailable", detail, {"retry-after": str(RETRY_SECONDS)})
