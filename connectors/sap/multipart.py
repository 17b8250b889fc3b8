"""`$batch` bodies with one changeset (OData 2.0 "Batch Processing"): all of it happens, or nothing. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP

from domain.errors import InvalidPayloadError
from domain.values import Json

_LINE = "\r\n"


@dataclass(frozen=True)
class Part:
    """One request of a changeset. `address` is relative to the service."""

    method: str
    address: str
    body: Mapping[str, Json]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: str


def changeset(parts: Sequence[Part], boundary: str) -> tuple[str, bytes]:
    """Content type and body. `boundary` must occur in no part (it is random)."""
    inner = f"changeset_{boundary}"
    lines = [f"--batch_{boundary}", f"Content-Type: multipart/mixed; boundary={inner}", ""]
    for number, part in enumerate(parts, start=1):
        lines += [f"--{inner}", *_part(part, number)]
    lines += [f"--{inner}--", "", f"--batch_{boundary}--", ""]
    return f"multipart/mixed; boundary=batch_{boundary}", _LINE.join(lines).encode()


def _part(part: Part, number: int) -> list[str]:
    body = json.dumps(part.body, ensure_ascii=True)
    headers = {"Content-Type": "application/json", "Accept": "application/json", **part.headers}
    headers["Content-Length"] = str(len(body))
    outer = ["Content-Type: application/http", "Content-Transfer-Encoding: binary", f"Content-ID: {number}", ""]
    request = [f"{part.method} {part.address} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return [*outer, *request, "", body]


def answers(content_type: str, body: bytes) -> list[Answer]:
    """The answers in order; a refused changeset has one for all of it. Raises InvalidPayloadError."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    found = [_answer(part) for part in message.walk() if part.get_content_type() == "application/http"]
    if not found:
        raise InvalidPayloadError("SAP's answer to a batch cannot be read.", detail=body[:200].decode(errors="replace"))
    return found


def _answer(part: Message) -> Answer:
    payload = part.get_payload(decode=True)
    text = payload if isinstance(payload, bytes) else b""
    first, _, rest = text.lstrip().partition(b"\n")
    words = first.split()
    if len(words) < 2 or not words[1].isdigit():
        raise InvalidPayloadError("SAP's answer to a batch cannot be read.", detail=repr(first[:80]))
    inner = BytesParser(policy=HTTP).parsebytes(rest)
    content = inner.get_payload(decode=True)
    return Answer(
        status=int(words[1]),
        headers={name.lower(): str(value) for name, value in inner.items()},
        body=content.decode(errors="replace") if isinstance(content, bytes) else "",
    )
