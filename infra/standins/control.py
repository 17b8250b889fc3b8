"""The control interface of every stand-in, for tests and demos, behind a bearer token of its own (`/control/..`)."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.standins.records import Records


class Controlled(Protocol):
    """What a stand-in lets a test do: forget everything, seed the demo plant again, show its books."""

    records: Records

    def reset(self) -> None: ...

    def seed(self) -> None: ...

    def dump(self, part: str) -> Any: ...


def control_routes(
    system: Controlled, token: str, more: Mapping[str, Callable[[], Any]] = MappingProxyType({})
) -> list[Route]:
    """POST reset, POST seed, GET dump?part=, GET calls, GET violations, and `more` POSTs. A refused token: 401."""

    def guarded(act: Callable[[Request], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
                return JSONResponse({"detail": "control token missing or wrong"}, 401)
            return JSONResponse(act(request))

        return endpoint

    def reset(_: Request) -> Any:
        system.reset()
        system.records.clear()
        return {"reset": True}

    def seed(_: Request) -> Any:
        system.reset()
        system.seed()
        return {"seeded": True}

    def doing(act: Callable[[], Any]) -> Callable[[Request], Any]:
        return lambda _: act()

    return [
        *(Route(f"/control/{name}", guarded(doing(act)), methods=["POST"]) for name, act in more.items()),
        Route("/control/reset", guarded(reset), methods=["POST"]),
        Route("/control/seed", guarded(seed), methods=["POST"]),
        Route("/control/dump", guarded(lambda request: system.dump(request.query_params.get("part", "")))),
        Route("/control/calls", guarded(lambda _: system.records.calls())),
        Route("/control/violations", guarded(lambda _: system.records.violations())),
    ]
