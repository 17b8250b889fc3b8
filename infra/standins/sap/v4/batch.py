"""`$batch` in JSON (OData JSON Format 4.01 section 19): requests one by one, an atomicity group all or nothing."""

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from infra.standins.sap.errors import Refusal
from infra.standins.sap.operations import Answer, Operation
from infra.standins.sap.v4.errors import malformed, not_played
from infra.standins.sap.v4.service import Dispatcher4

_MEMBERS = {"id", "method", "url", "headers", "body", "atomicityGroup"}


class _FailedError(Exception):
    pass


class Batch4:
    """Answers one batch for one user. `answers` are those of its operations, for the records."""

    def __init__(self, dispatcher: Dispatcher4, user: str) -> None:
        self._dispatcher, self._user = dispatcher, user
        self.answers: list[tuple[Operation, Answer]] = []

    def run(self, content_type: str, body: bytes) -> Answer:
        """200 with one answer for each request. Raises Refusal for what is no batch."""
        requests = _requests(content_type, body)
        responses: list[dict[str, Any]] = []
        for name, group in groupby(requests, key=lambda request: request.get("atomicityGroup", "")):
            together = list(group)
            responses += self._group(name, together) if name else [self._one(request) for request in together]
        told = json.dumps({"responses": responses}).encode()
        return Answer(200, told, {"content-type": "application/json", "odata-version": "4.0"})

    def _one(self, request: Mapping[str, Any]) -> dict[str, Any]:
        operation = _operation(request)
        answer = self._dispatcher.alone(operation, self._user)
        self.answers.append((operation, answer))
        return _told(request, answer)

    def _group(self, name: str, requests: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """When one is refused the others are undone, and say so: 424."""
        done: list[dict[str, Any]] = []
        try:
            with self._dispatcher.books.transaction():
                for request in requests:
                    operation = _operation(request)
                    answer = self._dispatcher.run(operation, self._user)
                    self.answers.append((operation, answer))
                    done.append(_told(request, answer))
                    if answer.failed:
                        raise _FailedError
        except _FailedError:
            failed = done[-1]
            done = [failed if request["id"] == failed["id"] else _undone(request) for request in requests]
        return [one | {"atomicityGroup": name} for one in done]


def _requests(content_type: str, body: bytes) -> list[Mapping[str, Any]]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "STANDIN/415", f"'{kind}' is no batch that the stand-in reads: send application/json")
    try:
        requests = json.loads(body)["requests"]
        ids = [request["id"] for request in requests]
    except (ValueError, KeyError, TypeError) as problem:
        raise malformed("The body is no batch: {'requests': [{'id', 'method', 'url', ..}]}") from problem
    if len(set(ids)) < len(ids):
        raise malformed("Two requests of the batch have one id")
    groups = [name for name, _ in groupby(request.get("atomicityGroup", "") for request in requests) if name]
    if len(set(groups)) < len(groups):
        raise malformed("The requests of an atomicity group are not next to each other")
    for request in requests:
        if more := set(request) - _MEMBERS:
            raise not_played(f"'{min(more)}' of a batch's request")
        if not isinstance(request.get("method"), str) or not isinstance(request.get("url"), str):
            raise malformed(f"Request {request['id']} has no method or no url")
        if request.get("atomicityGroup") and request["method"].upper() == "GET":
            raise malformed("An atomicity group takes no reads")
    return list(requests)


def _operation(request: Mapping[str, Any]) -> Operation:
    headers = {name.lower(): value for name, value in request.get("headers", {}).items()}
    body = json.dumps(request["body"]).encode() if "body" in request else b""
    return Operation(request["method"].upper(), request["url"], headers, body)


def _told(request: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    return {
        "id": request["id"],
        "status": answer.status,
        "headers": dict(answer.headers),
        "body": json.loads(answer.body),
    }


def _undone(request: Mapping[str, Any]) -> dict[str, Any]:
    error = {"code": "STANDIN/424", "message": "Undone or not tried: another request of its group was refused"}
    return {"id": request["id"], "status": 424, "headers": {}, "body": {"error": error}}
