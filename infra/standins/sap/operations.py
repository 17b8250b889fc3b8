"""One operation on a service of either version of OData: what is asked, what is answered, and the frame it runs in."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from infra.standins.sap.books import Books
from infra.standins.sap.errors import Refusal, Refusing, malformed

MERGES = ("PATCH", "MERGE")
WRITES = ("POST", "PUT", "DELETE", *MERGES)


@dataclass(frozen=True)
class Operation:
    """One operation; `target` is relative to the service (path and query), header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What is answered. `kind` and `error` are for the records."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    error: str = ""

    @property
    def failed(self) -> bool:
        """Whether a changeset with this answer is undone."""
        return self.status >= 400


class Runner(ABC):
    """Operations on one service. Writes run inside the caller's transaction."""

    def __init__(self, books: Books) -> None:
        self.books = books

    def run(self, operation: Operation, user: str) -> Answer:
        """The answer; a refusal is one."""
        try:
            return self._run(operation, user)
        except Refusal as refusal:
            return self.told(refusal)

    def alone(self, operation: Operation, user: str) -> Answer:
        """The same for one that belongs to no changeset: a write is in a transaction of its own."""
        if operation.method not in WRITES:
            return self.run(operation, user)
        try:
            with self.books.transaction():
                return self._run(operation, user)
        except Refusal as refusal:
            return self.told(refusal)

    @abstractmethod
    def _run(self, operation: Operation, user: str) -> Answer:
        """Raises Refusal."""

    @abstractmethod
    def told(self, refusal: Refusal) -> Answer:
        """The answer that tells of a refusal."""


def query_of(text: str) -> dict[str, str]:
    """The options of an address. Raises Refusal when one is given twice."""
    pairs = parse_qsl(text, keep_blank_values=True)
    if len({name for name, _ in pairs}) < len(pairs):
        raise malformed("A query option is given twice")
    return dict(pairs)


def number_of(query: Mapping[str, str], name: str, default: int, wrong: Refusing) -> int:
    """A query option that is a number. Raises Refusal."""
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise wrong(f"'{text}' is no value of {name}")
    return int(text)


def json_of(operation: Operation, unsupported: str, wrong: Refusing) -> Any:
    """The body; `unsupported` is the code for another content type. Raises Refusal."""
    kind = operation.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, unsupported, f"Content type '{kind}' is not supported: send application/json")
    try:
        return json.loads(operation.body)
    except ValueError as problem:
        raise wrong("The body is no JSON document") from problem
