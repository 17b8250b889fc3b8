"""What HTTP says and what it means for the caller, as a table."""

import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from unittest.mock import patch

import httpx
import pytest

from connectors.http import exchange, retry_after
from domain.errors import AuthError, MosError, OutcomeUnknownError, RateLimitedError, TransientError

Handler = Callable[[httpx.Request], httpx.Response]


async def call(handler: Handler, *, writes: bool) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url="http://peer") as client:
        return await exchange(client, client.build_request("POST", "/"), writes=writes, system="The peer")


def raises(error: type[httpx.RequestError]) -> Handler:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error("gone", request=request)

    return handler


@pytest.mark.parametrize(
    "error, reading, writing",
    [
        (httpx.ConnectError, TransientError, TransientError),
        (httpx.ConnectTimeout, TransientError, TransientError),
        (httpx.PoolTimeout, TransientError, TransientError),
        (httpx.ReadTimeout, TransientError, OutcomeUnknownError),
        (httpx.WriteTimeout, TransientError, OutcomeUnknownError),
        (httpx.ReadError, TransientError, OutcomeUnknownError),
        (httpx.RemoteProtocolError, TransientError, OutcomeUnknownError),
        (httpx.DecodingError, TransientError, OutcomeUnknownError),
    ],
)
async def test_lost_connections(
    error: type[httpx.RequestError], reading: type[MosError], writing: type[MosError]
) -> None:
    for writes, expected in ((False, reading), (True, writing)):
        with pytest.raises(MosError) as caught:
            await call(raises(error), writes=writes)
        assert type(caught.value) is expected


@pytest.mark.parametrize(
    "status, reading, writing",
    [
        (401, AuthError, AuthError),
        (403, AuthError, AuthError),
        (429, RateLimitedError, RateLimitedError),
        (500, TransientError, OutcomeUnknownError),
        (502, TransientError, OutcomeUnknownError),
        (503, TransientError, TransientError),
        (504, TransientError, OutcomeUnknownError),
    ],
)
async def test_refusals(status: int, reading: type[MosError], writing: type[MosError]) -> None:
    for writes, expected in ((False, reading), (True, writing)):
        with pytest.raises(MosError) as caught:
            await call(lambda _: httpx.Response(status), writes=writes)
        assert type(caught.value) is expected


@pytest.mark.parametrize("status", [409, 501])  # what a peer does not offer, it has not done
async def test_what_the_caller_reads_itself_is_returned(status: int) -> None:
    assert (await call(lambda _: httpx.Response(status), writes=True)).status_code == status


@pytest.mark.parametrize("writes, calls", [(False, 2), (True, 1)])
async def test_only_a_read_is_repeated_on_a_connection_that_was_closed(writes: bool, calls: int) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        raise httpx.RemoteProtocolError("closed while idle", request=request)

    with pytest.raises(MosError):
        await call(handler, writes=writes)
    assert len(seen) == calls


@pytest.mark.parametrize("text, low, high", [("17", 17, 17), ("", 5, 5), ("soon", 5, 5), ("-3", 5, 5)])
def test_retry_after(text: str, low: float, high: float) -> None:
    assert low <= retry_after(httpx.Response(429, headers={"Retry-After": text})) <= high


def test_retry_after_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(minutes=2), usegmt=True)
    assert 60 < retry_after(httpx.Response(429, headers={"Retry-After": later})) <= 120
    earlier = format_datetime(datetime.now(UTC) - timedelta(minutes=2), usegmt=True)
    assert retry_after(httpx.Response(429, headers={"Retry-After": earlier})) == 0


async def test_what_httpcore_may_import_is_not_searched_for_at_each_request() -> None:
    seen: list[str] = []

    class Finder:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            seen.append(name)

    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(2):
            seen.clear()
            with patch.object(sys, "meta_path", [Finder(), *sys.meta_path]), suppress(httpx.ConnectError):
                await client.get("http://127.0.0.1:1/")
    assert not seen
