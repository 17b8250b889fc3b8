"""`$batch`: reads and changesets in one multipart body (OData v2, batch processing). A changeset is all or nothing."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from secrets import token_hex

from infra.standins.sap.errors import Refusal, malformed
from infra.standins.sap.operations import WRITES, Answer, Operation
from infra.standins.sap.service import Dispatcher

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
_LINE = re.compile(r"([A-Z]+) (\S+) HTTP/1\.1")
_EOL = b"\r\n"
Headers = dict[str, str]


class _Failed(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Batch:
    """Answers one batch for one user. `answers` are those of its operations, for the records."""

    def __init__(self, dispatcher: Dispatcher, user: str) -> None:
        self._dispatcher, self._user = dispatcher, user
        self.answers: list[tuple[Operation, Answer]] = []

    def run(self, content_type: str, body: bytes) -> Answer:
        """202 with one part for every part. Raises Refusal for what is no batch."""
        boundary = f"batch_{token_hex(8)}"
        parts = []
        for headers, inner in _parts(content_type, body):
            if headers.get("content-type", "").startswith("multipart/mixed"):
                parts.append(self._changeset(headers["content-type"], inner))
            else:
                parts.append(_part(self._single(headers, inner), ""))
        kind = f"multipart/mixed; boundary={boundary}"
        return Answer(202, _joined(boundary, parts), {"content-type": kind, "dataserviceversion": "2.0"})

    def _single(self, headers: Headers, inner: bytes) -> Answer:
        operation = _operation(headers, inner)
        if operation.method in WRITES:
            raise malformed("A change in a batch belongs into a changeset")
        answer = self._dispatcher.run(operation, self._user)
        self.answers.append((operation, answer))
        return answer

    def _changeset(self, content_type: str, body: bytes) -> bytes:
        operations = [(headers, _operation(headers, inner)) for headers, inner in _parts(content_type, body)]
        if any(operation.method == "GET" for _, operation in operations):
            raise malformed("A changeset takes no reads")
        done: list[bytes] = []
        boundary = f"changeset_{token_hex(8)}"
        try:
            with self._dispatcher.books.transaction():
                for headers, operation in operations:
                    answer = self._dispatcher.run(operation, self._user)
                    self.answers.append((operation, answer))
                    if answer.failed:
                        raise _Failed(answer)
                    done.append(_part(answer, headers.get("content-id", "")))
        except _Failed as failed:
            return _part(failed.answer, "")
        kind = f"Content-Type: multipart/mixed; boundary={boundary}".encode()
        inner = _joined(boundary, done)
        return _EOL.join([kind, b"Content-Length: %d" % len(inner), b"", inner])


def _parts(content_type: str, body: bytes) -> Iterator[tuple[Headers, bytes]]:
    found = _BOUNDARY.search(content_type)
    if not content_type.startswith("multipart/mixed") or found is None:
        raise Refusal(415, "/IWFND/CM_MGW/415", "A batch is multipart/mixed with a boundary")
    marker = b"--" + found[1].strip().encode()
    pieces = (_EOL + body).split(_EOL + marker)
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise malformed("The batch does not end with its boundary")
    for piece in pieces[1:-1]:
        yield _headed(piece.removeprefix(_EOL))


def _headed(piece: bytes) -> tuple[Headers, bytes]:
    head, found, rest = piece.partition(_EOL + _EOL)
    if not found:
        raise malformed("A part of the batch has no empty line after its headers")
    lines = [line.partition(":") for line in head.decode().split("\r\n") if line]
    return {name.strip().lower(): value.strip() for name, _, value in lines}, rest


def _operation(headers: Headers, inner: bytes) -> Operation:
    if headers.get("content-type") != "application/http" or headers.get("content-transfer-encoding") != "binary":
        raise malformed("A part is Content-Type: application/http with Content-Transfer-Encoding: binary")
    first, _, rest = inner.partition(_EOL)
    line = _LINE.fullmatch(first.decode().strip())
    if line is None:
        raise malformed(f"'{first.decode()[:60]}' is no request line")
    named, body = _headed(rest) if not rest.startswith(_EOL) else ({}, rest.removeprefix(_EOL))
    if "content-length" in named:
        body = body[: int(named["content-length"])]
    return Operation(line[1], line[2], named, body)


def _part(answer: Answer, content_id: str) -> bytes:
    status = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"
    headers = {**answer.headers, "content-length": str(len(answer.body))}
    inner = (
        "\r\n".join([status, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode() + answer.body
    )
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary", f"Content-Length: {len(inner)}"]
    head += [f"Content-ID: {content_id}"] if content_id else []
    return "\r\n".join([*head, "", ""]).encode() + inner


def _joined(boundary: str, parts: list[bytes]) -> bytes:
    marker = f"--{boundary}".encode()
    return b"".join(marker + _EOL + part + _EOL for part in parts) + marker + b"--" + _EOL
