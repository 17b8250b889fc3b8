"""The stand-in as an ASGI application: log-in, CSRF, routing to services, batches, control."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.plant.catalogue import Catalogue, load_catalogue
from infra.standins.control import control_routes
from infra.standins.records import Records
from infra.standins.sap.batch import Batch
from infra.standins.sap.books import STOCK, Books, set_named, wire
from infra.standins.sap.errors import Refusal, not_found
from infra.standins.sap.metadata import edmx
from infra.standins.sap.operations import WRITES, Answer, Operation, Runner
from infra.standins.sap.schema import services
from infra.standins.sap.seed import plant_of, seed
from infra.standins.sap.service import Dispatcher, refused
from infra.standins.sap.sessions import COOKIE, Session, Sessions
from infra.standins.sap.v4 import errors as errors4
from infra.standins.sap.v4 import metadata as metadata4
from infra.standins.sap.v4 import schema as schema4
from infra.standins.sap.v4.batch import Batch4
from infra.standins.sap.v4.service import PAGE, Dispatcher4

ROOT = "/sap/opu/odata/sap"
ROOT4 = "/sap/opu/odata4/sap"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "MERGE", "DELETE"]
_LOGIN = "<html><head><title>Logon Error Message</title></head><body>Logon failed</body></html>"


class SapStandIn:
    """The six v2 services and the one of v4 on one set of books. `users` maps user to password; `clock` gives aware
    UTC; `page`: rows of one v4 answer at most."""

    def __init__(
        self,
        users: Mapping[str, str],
        *,
        catalogue: Catalogue | None = None,
        path: Path | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.records, self.page = Records(), PAGE
        self.books, self.sessions = Books(path), Sessions(users)
        self._catalogue, self._clock = catalogue or load_catalogue(), clock
        self.plant = plant_of(self._catalogue)
        if self.books.empty:
            self.seed()

    def reset(self) -> None:
        """Empty books, no sessions."""
        self.books.clear()
        self.sessions.expire()

    def seed(self) -> None:
        """The demo plant."""
        seed(self.books, self.plant, self._catalogue, self._clock())

    def dump(self, part: str) -> Any:
        """All rows of an entity set as JSON; `stock` = what lies where; without a part, how many rows each set has."""
        if part == "stock":
            return [[*place, str(row["quantity"])] for place, row in self.books.items(STOCK)]
        if part:
            return [wire(set_named(part), row) for row in self.books.all(part)]
        return {name: len(list(self.books.all(name))) for service in services().values() for name in service.sets}

    async def answer(self, request: Request) -> Response:
        """Every request below ROOT and ROOT4."""
        body = await request.body()
        path = request.scope.get("raw_path", request.url.path.encode()).decode().partition("?")[0]
        session: Session | None = None
        user = self.sessions.user(request.headers.get("authorization", ""))
        if user is None:
            found = Answer(
                401,
                _LOGIN.encode(),
                {"content-type": "text/html", "www-authenticate": 'Basic realm="Stand-in"'},
                "login",
            )
        else:
            found, session = self._let_in(request, path, body, user)
        self.records.add(request.method, path, found.status, found.kind, found.error)
        response = Response(found.body, found.status, dict(found.headers))
        if session is not None:
            response.headers["x-csrf-token"] = session.token
            response.set_cookie(COOKIE, session.id, path="/", httponly=True)
        return response

    def _let_in(self, request: Request, path: str, body: bytes, user: str) -> tuple[Answer, Session | None]:
        token, cookie = request.headers.get("x-csrf-token", ""), request.cookies.get(COOKIE, "")
        if request.method in WRITES and not self.sessions.valid(cookie, token):
            headers = {"x-csrf-token": "Required", "content-type": "text/plain"}
            return Answer(403, b"CSRF token validation failed", headers, "login"), None
        fetched = self.sessions.fetch(cookie) if token.lower() == "fetch" and request.method == "GET" else None
        try:
            served = self._served4 if path.startswith(ROOT4) else self._served
            return served(request, path, body, user), fetched
        except Refusal as refusal:
            told = errors4.refused if path.startswith(ROOT4) else refused
            return told(refusal), fetched

    def _served(self, request: Request, path: str, body: bytes, user: str) -> Answer:
        name, _, rest = path.removeprefix(f"{ROOT}/").partition("/")
        service = services().get(name)
        if service is None:
            raise not_found(f"service '{name}'")
        root = f"{request.url.scheme}://{request.url.netloc}{ROOT}/{name}"
        dispatcher = Dispatcher(service, self.books, self.plant, root, self._clock)
        if rest == "$metadata":
            return Answer(200, edmx(service), {"content-type": "application/xml", "dataserviceversion": "2.0"})
        if not rest:
            listed = json.dumps({"d": {"EntitySets": list(service.sets)}}).encode()
            return Answer(200, listed, {"content-type": "application/json"})
        if rest == "$batch":
            return self._batch(Batch(dispatcher, user), request, body)
        return _alone(dispatcher, request, rest, body, user)

    def _served4(self, request: Request, path: str, body: bytes, user: str) -> Answer:
        service = schema4.service()
        if not path.startswith(f"{ROOT4}/{service.path}/"):
            raise errors4.not_found(f"service '{path}'")
        rest = path.removeprefix(f"{ROOT4}/{service.path}/")
        root = f"{request.url.scheme}://{request.url.netloc}{ROOT4}/{service.path}"
        dispatcher = Dispatcher4(service, self.books, self.plant, root, self._clock, self.page)
        if rest == "$metadata":
            return Answer(200, metadata4.edmx(service), {"content-type": "application/xml", "odata-version": "4.0"})
        if not rest:
            listed = json.dumps({"value": [{"name": name, "url": name} for name in service.sets]}).encode()
            return Answer(200, listed, {"content-type": "application/json", "odata-version": "4.0"})
        if rest == "$batch":
            return self._batch(Batch4(dispatcher, user), request, body)
        return _alone(dispatcher, request, rest, body, user)

    def _batch(self, batch: Batch | Batch4, request: Request, body: bytes) -> Answer:
        if request.method != "POST":
            raise Refusal(405, "/IWFND/CM_MGW/096", "A batch is sent with POST")
        answer = batch.run(request.headers.get("content-type", ""), body)
        for operation, inner in batch.answers:
            self.records.add(operation.method, f"$batch/{operation.target}", inner.status, inner.kind, inner.error)
        return answer


def _alone(runner: Runner, request: Request, rest: str, body: bytes, user: str) -> Answer:
    target = f"{rest}?{request.url.query}" if request.url.query else rest
    return runner.alone(Operation(request.method, target, dict(request.headers), body), user)


def build_app(system: SapStandIn, control_token: str) -> Starlette:
    """The application; besides the control interface of every stand-in: POST /control/sap/expire ends all sessions."""

    def expire() -> dict[str, bool]:
        system.sessions.expire()
        return {"expired": True}

    routes = control_routes(system, control_token, {"sap/expire": expire})
    served = [Route(root + "/{rest:path}", system.answer, methods=METHODS) for root in (ROOT, ROOT4)]
    return Starlette(routes=[*routes, *served])
