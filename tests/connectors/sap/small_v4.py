"""A small OData v4 service of our own making, strict by its own metadata. None of SAP's: theirs is not among our facts.

CSRF token with its cookie, `If-Match` on every change, types and lengths, pages, a bound action, and JSON batches whose
atomicity group is all or nothing.
"""

import copy
import re
from threading import Lock
from typing import Any

from connectors.sap import edm4
from connectors.sap.metadata import EntitySet, Property
from tests.support.json_server import Asked, Told

SERVICE = "api_order/srvd_a2x/sap/order/0001"
ACTION = "com.example.order.v0001.Release"
TOKEN, COOKIE = "csrf-token", "SAP_SESSIONID=abc"
ORDERS = EntitySet(
    service=SERVICE,
    name="Order",
    keys=("Order",),
    properties={
        "Order": Property("String", max_length=12, updatable=False),
        "StartDate": Property("Date"),
        "StartTime": Property("TimeOfDay"),
        "Priority": Property("String", max_length=1),
        "Quantity": Property("Decimal"),
        "Released": Property("Boolean", creatable=False, updatable=False),
        "ChangedAt": Property("DateTimeOffset", creatable=False, updatable=False),
    },
    navigation=(),
    edm=edm4,
)
_SHAPES = {
    "String": r".*",
    "Date": r"\d{4}-\d{2}-\d{2}",
    "TimeOfDay": r"\d{2}:\d{2}:\d{2}",
    "Decimal": r"-?\d+(\.\d+)?",
}


class RefusedError(Exception):
    """A status and what went wrong."""


class SmallV4:
    """`orders` by number; `writes`: what was changed, in order; `stale`: the token is refused once more."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.orders = {f"JO-{n}": self._order(f"JO-{n}") for n in (1, 2, 3)}
        self.writes: list[str] = []
        self.fetched = 0
        self.stale = False

    @staticmethod
    def _order(number: str, **values: Any) -> dict[str, Any]:
        started = {"StartDate": "2026-11-22", "StartTime": "06:00:00", "Priority": "5", "Quantity": "4.000"}
        return {"Order": number, **started, "Released": False, "ChangedAt": "2026-11-22T05:00:00Z", "v": 1, **values}

    def __call__(self, asked: Asked) -> Told:
        with self._lock:
            try:
                return self._answer(asked)
            except RefusedError as refused:
                status, message = refused.args
                error = {"code": f"X/{status}", "message": message, "details": [{"code": "Y/1", "message": "why"}]}
                required = {"X-CSRF-Token": "Required"} if message == "CSRF" else {}
                return Told(status, {"error": error}, required)

    def _answer(self, asked: Asked) -> Told:
        address = "/".join(asked.parts).removeprefix(f"sap/opu/odata4/sap/{SERVICE}/")
        if asked.method == "GET":
            return self._read(asked, address)
        if self.stale or asked.headers.get("x-csrf-token") != TOKEN or COOKIE not in asked.headers.get("cookie", ""):
            self.stale = False
            raise RefusedError(403, "CSRF")
        if asked.headers.get("content-type") != edm4.FORMAT:
            raise RefusedError(415, "content type")
        if address == "$batch":
            return Told(200, {"responses": self._batch(asked.body["requests"])})
        status, found = self._write(asked.method, address, asked.headers, asked.body)
        return Told(status, found)

    def _read(self, asked: Asked, address: str) -> Told:
        if address.rstrip("/") in ("", f"sap/opu/odata4/sap/{SERVICE}"):
            self.fetched += 1
            return Told(200, {}, {"X-CSRF-Token": TOKEN, "Set-Cookie": f"{COOKIE}; path=/"})
        if address == "Order":
            wanted = re.fullmatch(r"Priority eq '(.)'", asked.params["$filter"][0])
            if wanted is None:
                raise RefusedError(400, "filter")
            found = [self._told(order) for order in self.orders.values() if order["Priority"] == wanted[1]]
            if asked.params.get("$skiptoken"):
                return Told(200, {"value": found[1:]})
            link = (
                f"https://elsewhere.example/sap/opu/odata4/sap/{SERVICE}/Order?$filter=Priority%20eq%20'5'&$skiptoken=1"
            )
            return Told(200, {"value": found[:1], "@odata.nextLink": link})
        return Told(200, self._told(self._named(address)))

    def _batch(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        before, answers = copy.deepcopy(self.orders), []
        if {one["atomicityGroup"] for one in requests} != {"all"}:
            raise RefusedError(400, "one group")
        for one in requests:
            headers = {name.lower(): value for name, value in one["headers"].items()}
            try:
                status, found = self._write(one["method"], one["url"], headers, one["body"])
            except RefusedError as refused:
                self.orders = before
                error = {"error": {"code": "X", "message": refused.args[1]}}
                return [{"id": one["id"], "status": refused.args[0], "body": error}]
            answers.append({"id": one["id"], "status": status, "body": found})
        return answers

    def _write(self, method: str, address: str, headers: Any, body: Any) -> tuple[int, Any]:
        if method == "POST" and address == "Order":
            self._fits(body, creating=True)
            if body["Order"] in self.orders:
                raise RefusedError(400, "there already")
            self.orders[body["Order"]] = self._order(body["Order"], **body)
            self.writes.append(f"POST {body['Order']}")
            return 201, self._told(self.orders[body["Order"]])
        entity, _, action = address.partition("/")
        order = self._named(entity)
        if headers.get("if-match") is None:
            raise RefusedError(428, "If-Match is missing")
        if headers["if-match"] != f'W/"{order["v"]}"':
            raise RefusedError(412, "changed meanwhile")
        if action not in ("", ACTION) or (method == "POST") is not bool(action):
            raise RefusedError(405, "not here")
        if not action:
            self._fits(body, creating=False)
        order |= ({"Released": True} if action else body) | {"v": order["v"] + 1}
        self.writes.append(f"{method} {order['Order']}")
        return 200, self._told(order)

    @staticmethod
    def _fits(body: dict[str, Any], *, creating: bool) -> None:
        for name, value in body.items():
            known = ORDERS.properties.get(name)
            if known is None or not (known.creatable if creating else known.updatable):
                raise RefusedError(400, f"{name} cannot be set")
            if not isinstance(value, str) or not re.fullmatch(_SHAPES[known.type], value):
                raise RefusedError(400, f"{name} is no {known.type}")

    def _named(self, address: str) -> dict[str, Any]:
        found = re.fullmatch(r"Order\('(.+)'\)", address)
        if found is None or found[1] not in self.orders:
            raise RefusedError(404, "not found")
        return self.orders[found[1]]

    @staticmethod
    def _told(order: dict[str, Any]) -> dict[str, Any]:
        values = {name: value for name, value in order.items() if name != "v"}
        return {"@odata.etag": f'W/"{order["v"]}"', **values}
