"""One operation on a service, however it came: alone over HTTP or as a part of a batch."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from infra.standins.sap import changes
from infra.standins.sap.addresses import Address, address_of, arguments_of, parse_address
from infra.standins.sap.books import Books, Row
from infra.standins.sap.context import Context, Plant
from infra.standins.sap.errors import Refusal, malformed
from infra.standins.sap.operations import MERGES, Answer, Operation, Runner, json_of, query_of
from infra.standins.sap.reads import Reader
from infra.standins.sap.schema import EntitySet, Service


class Dispatcher(Runner):
    """Operations on one service of v2."""

    def __init__(self, service: Service, books: Books, plant: Plant, root: str, clock: Callable[[], datetime]) -> None:
        super().__init__(books)
        self.service = service
        self._plant, self._root, self._clock = plant, root, clock
        self._reader = Reader(books, root)

    def _run(self, operation: Operation, user: str) -> Answer:
        method = operation.method
        if method == "POST":
            method = operation.headers.get("x-http-method", method).upper()
        parts = urlsplit(operation.target)
        query = query_of(parts.query)
        address = parse_address(self.service, parts.path)
        context = Context(self.books, self._plant, self._clock(), user)
        if address.function is not None:
            return self._call(context, method, address, query, operation.headers.get("if-match"))
        if method == "GET":
            _wants_json(operation.headers, query)
            body, etag = self._reader.read(address, query)
            text = body if isinstance(body, str) else json.dumps(body)
            return _answer(200, text, {"etag": etag} if etag else {}, "text/plain" if isinstance(body, str) else "")
        return self._change(context, method, address, operation)

    def _change(self, context: Context, method: str, address: Address, operation: Operation) -> Answer:
        if method == "POST":
            entity_set, row = changes.create(context, address, _json(operation))
            return self._made(entity_set, row, 201)
        if method in MERGES:
            changes.update(context, address, _json(operation), operation.headers.get("if-match"))
            return Answer(204)
        if method == "DELETE":
            changes.delete(context, address, operation.headers.get("if-match"))
            return Answer(204)
        raise Refusal(405, "/IWFND/CM_MGW/096", f"Method {method} is not supported")

    def _call(
        self, context: Context, method: str, address: Address, query: Mapping[str, str], if_match: str | None
    ) -> Answer:
        assert address.function is not None
        if method != "POST":
            raise Refusal(405, "/IWFND/CM_MGW/096", f"Function import {address.function.name} is called with POST")
        entity_set, row = changes.call(context, address.function, arguments_of(address.function, query), if_match)
        return self._made(entity_set, row, 200)

    def _made(self, entity_set: EntitySet, row: Row, status: int) -> Answer:
        opened = ",".join(name for name, item in entity_set.navigation.items() if item.many and status == 201)
        query = {"$expand": opened} if opened else {}
        etag = self._reader.etag(entity_set, row)
        headers = {"location": f"{self._root}/{address_of(entity_set, row)}"} if status == 201 else {}
        body = json.dumps({"d": self._reader.entity(entity_set, row, query)})
        return _answer(status, body, headers | ({"etag": etag} if etag else {}))

    def told(self, refusal: Refusal) -> Answer:
        """In the form of OData v2."""
        return refused(refusal)


def refused(refusal: Refusal) -> Answer:
    """The answer that tells of a refusal."""
    headers = {"content-type": "application/json", "dataserviceversion": "1.0"}
    body = json.dumps(refusal.body()).encode()
    return Answer(refusal.status, body, headers, refusal.kind, f"{refusal.code} {refusal.message}")


def _answer(status: int, text: str, headers: Mapping[str, str], kind: str = "") -> Answer:
    return Answer(
        status, text.encode(), {"content-type": kind or "application/json", "dataserviceversion": "2.0"} | dict(headers)
    )


def _json(operation: Operation) -> Any:
    return json_of(operation, "/IWFND/CM_MGW/415", malformed)


def _wants_json(headers: Mapping[str, str], query: Mapping[str, str]) -> None:
    """The default format of OData v2 is Atom, which the stand-in does not speak: who wants JSON must say so."""
    if "application/json" not in headers.get("accept", "") and query.get("$format") != "json":
        raise Refusal(
            406, "STANDIN/406", "Ask for JSON: Accept: application/json, or $format=json (the default is Atom)"
        )
