"""A strict stand-in for POST /v1/chat/completions: it takes what the reference describes, and nothing else."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

KEY = "sk-stand-in"
MODEL = "stand-in-1"
_KNOWN = {
    "model", "messages", "response_format", "n", "stream", "max_tokens", "max_completion_tokens", "temperature",
}  # fmt: skip


@dataclass
class Server:
    """`content`: what the model says; `status`: what the server says instead; `mode`: how it misbehaves."""

    content: str = '{"cause": "belt"}'
    status: int = 200
    mode: str = ""
    message: dict[str, Any] = field(default_factory=dict)
    finish: str = "stop"
    seen: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)  # of the next answers, before `status` counts

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/chat/completions", self.complete, methods=["POST"])])

    async def complete(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return _error(401, "Incorrect API key provided")
        body = await request.json()
        self.wrong += list(_wrong(body))
        if request.headers.get("accept-encoding") != "identity":
            self.wrong.append("a packed answer can't be counted")
        self.seen.append(body)
        if body.get("model") != MODEL:
            return _error(404, "The model does not exist")
        status = self.statuses.pop(0) if self.statuses else self.status
        if status != 200:
            return _error(status, "told to")
        return await self._misbehaving(request) or JSONResponse(self.answer())

    async def _misbehaving(self, request: Request) -> Response | None:
        if self.mode == "slow":
            while not await request.is_disconnected():  # slower than whoever asks, however long that stands still
                await asyncio.sleep(0.02)
        if self.mode == "redirect":
            return RedirectResponse("http://127.0.0.1:9/v1/chat/completions", 307)
        if self.mode == "garbage":
            return Response("<html>upstream error</html>", media_type="text/html")
        if self.mode == "endless":
            return StreamingResponse(_endless(), media_type="application/json")
        if self.mode == "packed":
            return Response(_packed(), media_type="application/json", headers={"Content-Encoding": "gzip"})
        return JSONResponse({"object": "list", "data": []}) if self.mode == "form" else None

    def answer(self) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.content, "refusal": None} | self.message
        choice = {"index": 0, "message": message, "finish_reason": self.finish, "logprobs": None}
        usage = {"prompt_tokens": 40, "completion_tokens": 12, "total_tokens": 52}
        head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_780_000_000, "model": f"{MODEL}-0601"}
        return {**head, "choices": [choice], "usage": usage}


def _wrong(body: Any) -> Any:
    """What the reference does not allow."""
    yield from (f"unknown field {name}" for name in set(body) - _KNOWN)
    if not all(one.keys() == {"role", "content"} and isinstance(one["content"], str) for one in body["messages"]):
        yield "messages have role and content"
    if [one["role"] for one in body["messages"]] != ["system", "user"]:
        yield "one system message, one user message"
    wanted = body["response_format"]
    if wanted["type"] == "json_schema":
        named = wanted["json_schema"]
        if not (named["name"].isidentifier() and named["strict"] is True):
            yield "a schema has a name and is strict"
        schema = named["schema"]
        if set(schema["required"]) != set(schema["properties"]) or schema["additionalProperties"] is not False:
            yield "a strict schema requires every property and allows no other"
    elif wanted != {"type": "json_object"}:
        yield "an unknown response_format"
    if ("max_tokens" in body) == ("max_completion_tokens" in body):
        yield "one limit is wanted"


def _packed() -> bytes:
    """Small as it comes, and far more than may be read."""
    return gzip.compress(b'{"choices": ["' + b"x" * 2_000_000)


async def _endless() -> AsyncIterator[bytes]:
    yield b'{"choices": ["'
    for _ in range(40):  # many times what may be read
        await asyncio.sleep(0)
        yield b"x" * 65_536


def _error(status: int, message: str) -> JSONResponse:
    headers = {"Retry-After": "0"} if status == 429 else {}
    said = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": said}, status, headers)
