"""POST <url>/chat/completions: one request, one bounded answer, the domain's errors."""

import json

import httpx

from connectors.http import IDLE, retry_after, trust
from connectors.openai_compatible.config import ModelConfig
from domain.errors import (
    AuthError,
    InvalidPayloadError,
    RateLimitedError,
    RejectedError,
    TransientError,
)
from domain.values import Json

MOST = 262_144  # bytes of one answer; what is longer is not read
_SYSTEM = "The model's server"


class ModelClient:
    """Never logs what was asked or answered, nor the key; follows no redirect, so the question goes nowhere else."""

    def __init__(self, config: ModelConfig, key: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"} | (
            {"Authorization": f"Bearer {key}"} if key else {}
        )
        self._url = f"{config.url.rstrip('/')}/chat/completions"
        self._http = httpx.AsyncClient(
            headers=headers,
            timeout=config.timeout,
            limits=IDLE,
            transport=transport,
            verify=trust(config.url),
            follow_redirects=False,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def complete(self, body: Json) -> Json:
        """The answer as JSON. Raises AuthError, RateLimitedError, RejectedError, InvalidPayloadError, TransientError
        (unreachable, slow, or ill)."""
        try:
            async with self._http.stream("POST", self._url, json=body) as response:
                data = await _read(response)
        except httpx.TimeoutException as error:
            raise TransientError(f"{_SYSTEM} is slow.", detail=type(error).__name__, code="mos.timeout") from error
        except httpx.HTTPError as error:
            raise TransientError(f"{_SYSTEM} did not answer.", detail=type(error).__name__) from error
        _refuse(response, data)
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise InvalidPayloadError(f"{_SYSTEM} answered no JSON.", detail=type(error).__name__) from error


async def _read(response: httpx.Response) -> bytes:
    """Counted while it comes, and not unpacked: a few packed bytes may be gigabytes. Of a packed refusal the status is
    enough."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        if response.status_code != 200:
            return b""
        raise InvalidPayloadError(f"{_SYSTEM} packs its answer although it was asked not to.")
    found = b""
    async for chunk in response.aiter_raw():
        found += chunk
        if len(found) > MOST:
            raise InvalidPayloadError(f"{_SYSTEM} answers with more than {MOST} bytes.")
    return found


def _refuse(response: httpx.Response, data: bytes) -> None:
    status, detail = response.status_code, f"HTTP {response.status_code}: {_said(data)}"
    if status in (401, 403):
        raise AuthError(f"{_SYSTEM} refused our key: renew it in the agent's settings.", detail=detail)
    if status == 404:
        raise RejectedError(f"{_SYSTEM} knows no such model or address.", detail=detail)
    if status == 429:
        raise RateLimitedError(f"{_SYSTEM} asks us to slow down.", retry_after=retry_after(response), detail=detail)
    if status >= 500 or status == 408:
        raise TransientError(f"{_SYSTEM} is not well.", detail=detail)
    if status != 200:
        raise RejectedError(f"{_SYSTEM} does not take the question.", detail=detail)


def _said(data: bytes) -> str:
    """The error's own message, as `{"error": {"message": ..}}` has it."""
    try:
        error = json.loads(data)["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:200]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
