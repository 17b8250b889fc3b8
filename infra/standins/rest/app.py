"""Three kinds of doors, one for each strategy against doubles: a header's key, the natural key, and none at all.

- `POST /downtimes`: `Idempotency-Key` required; the same key and body gives the first answer again, another body 409.
- `PUT /orders/{id}`: sets fields of what the address names; `If-Match` with the version is required (428, 412).
- `POST /notes`: every call is a new note; `GET /notes?reference=` finds them.
"""

import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.plant.catalogue import Catalogue, load_catalogue
from infra.standins.control import control_routes
from infra.standins.records import Records

Row = dict[str, Any]
_FIELDS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "downtimes": {"machine": str, "start": str, "end": (str, type(None)), "reason": str, "reference": str},
    "orders": {"priority": int, "start": str, "end": str, "state": str},
    "notes": {"about": str, "text": str, "reference": str},
}
_REQUIRED = {"downtimes": ("machine", "start", "reason"), "orders": (), "notes": ("about", "text")}


class Refused(Exception):
    """A refusal: status, code, sentence. `kind` as in the records."""

    def __init__(self, status: int, code: str, message: str, kind: str = "request") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.kind = status, code, message, kind


class RestStandIn:
    """The books: orders of the demo plant, downtimes, notes. `token` is the bearer that is let in."""

    def __init__(
        self,
        token: str,
        *,
        catalogue: Catalogue | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.records = Records()
        self._token, self._clock = token, clock
        self._catalogue = catalogue or load_catalogue()
        self.seed()

    def reset(self) -> None:
        """Empty books."""
        self.books: dict[str, dict[str, Row]] = {part: {} for part in _FIELDS}
        self._keys: dict[str, tuple[str, Row]] = {}

    def seed(self) -> None:
        """The demo plant's orders."""
        self.reset()
        for order in self._catalogue.job_orders:
            self.books["orders"][order.id] = {"id": order.id, "priority": 50, "state": order.state, "version": 1}

    def dump(self, part: str) -> Any:
        """All rows of a part; without one, how many each has."""
        return list(self.books[part].values()) if part else {name: len(rows) for name, rows in self.books.items()}

    async def answer(self, request: Request) -> Response:
        """Every request but those of the control interface."""
        try:
            status, found = self._run(request, await request.body())
        except Refused as refused:
            self.records.add(request.method, request.url.path, refused.status, refused.kind, refused.message)
            return JSONResponse({"code": refused.code, "message": refused.message}, refused.status)
        self.records.add(request.method, request.url.path, status)
        headers = {"etag": f'"{found["version"]}"'} if isinstance(found, dict) and "version" in found else {}
        return JSONResponse(found, status, headers)

    def _run(self, request: Request, raw: bytes) -> tuple[int, Any]:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {self._token}".encode()):
            raise Refused(401, "login", "Token missing or wrong", "login")
        part, name = request.path_params["part"], request.path_params.get("name", "")
        if part not in _FIELDS:
            raise Refused(404, "unknown", f"There is no {part}")
        if request.method == "GET":
            return 200, self._row(part, name) if name else self._found(part, dict(request.query_params))
        body = _body(part, raw, complete=request.method == "POST")
        if request.method == "PUT" and part == "orders":
            return 200, self._set(name, body, request.headers.get("if-match"))
        if request.method == "POST" and part == "downtimes" and not name:
            return self._once(request.headers.get("idempotency-key"), body)
        if request.method == "POST" and part == "notes" and not name:
            return 201, self._add(part, body)
        raise Refused(405, "method", f"{request.method} is not possible here")

    def _row(self, part: str, name: str) -> Row:
        if name not in self.books[part]:
            raise Refused(404, "missing", f"There is no {name}", "state")
        return self.books[part][name]

    def _found(self, part: str, wanted: Row) -> list[Row]:
        for name in wanted:
            if name not in _FIELDS[part]:
                raise Refused(400, "field", f"{part} have no {name}")
        rows = self.books[part].values()
        return [row for row in rows if all(str(row.get(name)) == value for name, value in wanted.items())]

    def _set(self, name: str, body: Row, match: str | None) -> Row:
        row = self._row("orders", name)
        if match is None:
            raise Refused(428, "version", "Send If-Match")
        if match.strip('"') != str(row["version"]):
            raise Refused(412, "version", f"{name} was changed", "state")
        self.books["orders"][name] = row | body | {"version": row["version"] + 1}
        return self.books["orders"][name]

    def _once(self, key: str | None, body: Row) -> tuple[int, Row]:
        if not key:
            raise Refused(400, "key", "Send Idempotency-Key")
        said = json.dumps(body, sort_keys=True)
        if key not in self._keys:
            self._keys[key] = (said, self._add("downtimes", body))
            return 201, self._keys[key][1]
        if self._keys[key][0] != said:
            raise Refused(409, "key_reused", "This key was used with another body", "state")
        return 200, self._keys[key][1]

    def _add(self, part: str, body: Row) -> Row:
        number = str(len(self.books[part]) + 1)
        self.books[part][number] = body | {"id": number, "created": self._clock().isoformat()}
        return self.books[part][number]


def _body(part: str, raw: bytes, *, complete: bool) -> Row:
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise Refused(400, "json", "The body is no JSON") from error
    if not isinstance(found, dict):
        raise Refused(400, "json", "The body must be one object")
    for name, value in found.items():
        if name not in _FIELDS[part] or not isinstance(value, _FIELDS[part][name]) or isinstance(value, bool):
            raise Refused(422, "field", f"{part} have no {name} of this type")
    missing = [name for name in _REQUIRED[part] if complete and name not in found]
    if missing:
        raise Refused(422, "field", f"{missing[0]} is missing")
    return found


def build_app(system: RestStandIn, control_token: str) -> Starlette:
    """The application with its control interface."""
    methods = ["GET", "POST", "PUT", "DELETE"]
    routes = control_routes(system, control_token)
    routes += [
        Route("/{part}", system.answer, methods=methods),
        Route("/{part}/{name}", system.answer, methods=methods),
    ]
    return Starlette(routes=routes)
