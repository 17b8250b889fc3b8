"""The control port of a peer: a few questions and orders, JSON in and out, behind a token; refusals are problems.

FastAPI can do this and much more, and takes 0.4 s of processor time longer to load and set up, in every peer at every
start of the plant.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from json import JSONDecodeError
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse

from infra.plant import misfits
from infra.plant.problem import invalid, refuse_by_problem
from infra.plant.process import BearerToken

Answer = Callable[..., Awaitable[dict[str, Any]]]


class ControlPort:
    """`app` answers what `get` and `post` were put on. An answer is called with what the path names, in its order, and
    with what is asked for by a model: the query of a get, the body of a post. What does not fit the model is 422."""

    def __init__(self, token: str) -> None:
        self.app = Starlette()
        self._token = BearerToken(token)
        refuse_by_problem(self.app)

    def get(self, path: str, query: type[BaseModel] | None = None) -> Callable[[Answer], Answer]:
        """Put on what answers a question."""
        return self._route(path, "GET", _reader("query", query, _query) if query else None)

    def post(self, path: str, body: type[BaseModel] | None = None) -> Callable[[Answer], Answer]:
        """Put on what carries out an order."""
        return self._route(path, "POST", _reader("body", body, _body) if body else None)

    def _route(self, path: str, method: str, read: _Reader | None) -> Callable[[Answer], Answer]:
        def put_on(answer: Answer) -> Answer:
            async def endpoint(request: Request) -> JSONResponse:
                await self._token(request)
                asked = [await read(request)] if read else []
                return JSONResponse(await answer(*request.path_params.values(), *asked))

            self.app.add_route(path, endpoint, methods=[method])
            return answer

        return put_on


_Reader = Callable[[Request], Awaitable[BaseModel]]


def _reader(where: str, model: type[BaseModel], read: Callable[[Request], Awaitable[Any]]) -> _Reader:
    async def fitting(request: Request) -> BaseModel:
        try:
            return model.model_validate(await read(request))
        except (JSONDecodeError, UnicodeDecodeError) as error:
            at = error.pos if isinstance(error, JSONDecodeError) else error.start
            raise invalid([{"loc": f"{where}.{at}", "msg": "is no JSON"}]) from error
        except ValidationError as error:
            raise invalid(
                [{"loc": misfits.place(fault, where), "msg": misfits.words(fault)} for fault in error.errors()]
            ) from error

    return fitting


async def _query(request: Request) -> Any:
    return dict(request.query_params)


async def _body(request: Request) -> Any:
    return await request.json()
