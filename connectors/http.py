"""One HTTP call with the domain's errors: what a refusal or a lost answer means for the caller."""

import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.util import find_spec
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from domain.errors import (
    AuthError,
    ConfigError,
    InvalidPayloadError,
    OutcomeUnknownError,
    RateLimitedError,
    TransientError,
)
from domain.values import Json

if "sniffio" not in sys.modules and find_spec("sniffio") is None:
    # httpcore tries to import this optional package four times a request; a search that finds nothing is not remembered
    # by Python, and was a fifth of what a call costs.
    sys.modules["sniffio"] = None  # type: ignore[assignment]

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_DEFAULT_WAIT = 5.0
IDLE = httpx.Limits(max_connections=20, keepalive_expiry=1.5)
"""Drop idle connections before common servers do (gunicorn's threads after 2 s): a stale one costs an unsure write."""


def trust(url: str) -> ssl.SSLContext:
    """`verify` of a client for this address: the machine's certificates, read once a process, not once a client (that
    takes 30 ms and more). Plain http reads none: were it sent on to https, every certificate would be refused."""
    return _nobody() if urlsplit(url).scheme == "http" else _everybody_known()


@cache
def _nobody() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def _everybody_known() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class Endpoint(Protocol):
    """What the settings of every system over HTTP have; `timeout` in seconds."""

    @property
    def url(self) -> str: ...

    @property
    def timeout(self) -> float: ...


Hook = Callable[[httpx.Response], Awaitable[None]]


def open_client(
    to: Endpoint, headers: Mapping[str, str], transport: httpx.AsyncBaseTransport | None, *hooks: Hook
) -> httpx.AsyncClient:
    """A client for one system: redirects are not followed. `transport` is for tests; `hooks` see each response."""
    return httpx.AsyncClient(
        base_url=to.url,
        headers=dict(headers),
        timeout=to.timeout,
        limits=IDLE,
        transport=transport,
        verify=trust(to.url),
        event_hooks={"response": list(hooks)},
    )


def json_of(response: httpx.Response, *, writes: bool, system: str) -> Json:
    """The answer. Raises OutcomeUnknownError where a posting's cannot be read, InvalidPayloadError elsewhere."""
    try:
        return response.json()
    except ValueError as error:
        if writes:
            message = f"{system}'s answer to a posting cannot be read."
            raise OutcomeUnknownError(message, detail=repr(error)) from error
        raise InvalidPayloadError(f"{system}'s answer is no JSON.", detail=response.text[:200]) from error


def stays(response: httpx.Response, system: str) -> None:
    """Raises ConfigError where the system sends us elsewhere."""
    if response.is_redirect:
        message = f"{system} sends us elsewhere: put its final address into the settings."
        raise ConfigError(message, detail=f"HTTP {response.status_code} to {response.headers.get('Location', '')}")


async def exchange(client: httpx.AsyncClient, request: httpx.Request, *, writes: bool, system: str) -> httpx.Response:
    """Send once (a read that lost its connection: twice). Raises AuthError (401, 403), RateLimitedError (429),
    TransientError (not sent, 503, a failed read) and OutcomeUnknownError (a write that was sent and not answered,
    or answered 500, 502, 504). Every other status is returned, 501 too: who has no such function has done nothing."""
    try:
        response = await _send(client, request, repeat=not writes)
    except _NOT_SENT as error:
        raise TransientError(f"{system} cannot be reached; it is tried again.", detail=repr(error)) from error
    except httpx.RequestError as error:
        raise _lost(system, writes, repr(error)) from error
    _refuse(response, writes, system)
    return response


async def _send(client: httpx.AsyncClient, request: httpx.Request, *, repeat: bool) -> httpx.Response:
    try:
        return await client.send(request)
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
        if not repeat:
            raise
        return await client.send(request)


def _lost(system: str, writes: bool, detail: str) -> TransientError | OutcomeUnknownError:
    if writes:
        return OutcomeUnknownError(f"{system} did not answer a posting; it is looked up by its key.", detail=detail)
    return TransientError(f"{system} did not answer; it is asked again.", detail=detail)


def _refuse(response: httpx.Response, writes: bool, system: str) -> None:
    status = response.status_code
    detail = f"HTTP {status}: {response.text[:300]}"
    if status in (401, 403):
        raise AuthError(f"{system} refused our credentials: renew them in its connector's settings.", detail=detail)
    if status == 429:
        raise RateLimitedError(f"{system} asks us to slow down.", retry_after=retry_after(response), detail=detail)
    if status == 503:
        raise TransientError(f"{system} is not ready; it is tried again.", detail=detail)
    if status >= 500 and status != 501:
        raise _lost(system, writes, detail)


def retry_after(response: httpx.Response) -> float:
    """Seconds to wait by RFC 9110 `Retry-After` (seconds or a date), 5 when absent or unreadable."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return _DEFAULT_WAIT
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
