"""RFC 9457 problem documents, the way every HTTP interface of the plant refuses."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

TYPE_PREFIX = "urn:havel:mes:problem:"


class Problem(Exception):
    """A refusal: status, the last part of its type, and a sentence that says what to do."""

    def __init__(
        self, status: int, slug: str, detail: str, headers: dict[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.headers = headers
        self.extra = extra

    def response(self) -> JSONResponse:
        """The problem document, with its extra members."""
        title = self.slug.replace("-", " ").capitalize()
        body = {"type": TYPE_PREFIX + self.slug, "title": title, "status": self.status, "detail": str(self)}
        return JSONResponse(
            body | self.extra, status_code=self.status, media_type="application/problem+json", headers=self.headers
        )


def invalid(errors: list[dict[str, Any]]) -> Problem:
    """The request says something that cannot be: 422 with one entry per fault."""
    return Problem(422, "invalid", "Correct the request and send it again with the same key.", errors=errors)


def refuse_by_problem(app: Starlette) -> None:
    """Make this app answer every refusal as a problem document."""

    async def problem(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return error.response()

    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        slug = "not-found" if error.status_code == 404 else "refused"
        return Problem(error.status_code, slug, str(error.detail)).response()

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(HTTPException, http)
