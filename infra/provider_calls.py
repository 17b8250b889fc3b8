"""Calls to the company's identity provider over HTTP."""

from collections.abc import Callable, Mapping

import httpx

from domain.errors import TransientError
from domain.values import Json

_TIMEOUT_S = 10.0
_AWAY = "The identity provider does not answer. Sign in with your password."


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=_TIMEOUT_S)


class HttpCalls:
    """`client` makes the HTTP client; no redirect is followed."""

    def __init__(self, client: Callable[[], httpx.AsyncClient] = _client) -> None:
        self._client = client

    async def get(self, url: str) -> Json:
        """The JSON at this address. Raises TransientError."""
        try:
            async with self._client() as client:
                return (await client.get(url)).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise TransientError(_AWAY) from error

    async def post(self, url: str, form: Mapping[str, str], who: tuple[str, str]) -> tuple[int, Json]:
        """Status below 500 and JSON of the answer; `who`: client id and secret. Raises TransientError."""
        try:
            async with self._client() as client:
                answer = await client.post(url, data=dict(form), auth=httpx.BasicAuth(*who))
                told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise TransientError(_AWAY) from error
        if answer.status_code >= 500:
            raise TransientError(_AWAY)
        return answer.status_code, told
