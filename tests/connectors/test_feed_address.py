"""Where a feed may be fetched from, and where our token goes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web

from connectors.roster_feeds import FeedClient as Client
from connectors.roster_feeds import FeedConfig, build
from domain.errors import InvalidPayloadError, RejectedError

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LOCAL = ["127.0.0.1"]


@asynccontextmanager
async def serving(**answers: web.Response | str) -> AsyncIterator[tuple[str, list[tuple[str, str]]]]:
    """A server, and what it was asked: path with query, authorization."""
    asked: list[tuple[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append((request.path_qs, request.headers.get("Authorization", "")))
        found = answers.get(request.path.strip("/"), "")
        return web.Response(text=found) if isinstance(found, str) else found

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1"])
async def test_c29_a_feed_whose_name_leads_to_a_private_address_is_not_asked(address: str) -> None:
    asked = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["93.184.216.34", address]

    config = FeedConfig(name="theirs", url="https://calendar.example.com/x.ics")
    with pytest.raises(RejectedError) as raised:
        await Client(config, {}, resolve).get(NOW)
    assert raised.value.detail == "calendar.example.com leads to a private address"
    assert asked == ["calendar.example.com"]


async def test_c29_a_name_that_the_site_allows_may_have_a_private_address() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with serving(file="there") as (url, _):
        address = url.replace("127.0.0.1", "intranet.example") + "/file"
        config = FeedConfig(name="theirs", url=address, allow=["intranet.example"])
        assert await Client(config, {}, resolve).get(NOW) == b"there"


def test_a_port_that_is_none_is_told_before_it_is_fetched() -> None:
    with pytest.raises(ValueError, match=r"[Pp]ort"):
        FeedConfig(name="theirs", url="https://calendar.example.com:99999/x.ics")


async def test_an_address_that_is_none_is_refused() -> None:
    """A secret that nobody can send: an error of the feed, not of the worker that looks at all of them."""
    config = FeedConfig(name="theirs", url="https://calendar.example.com/x\x01")
    with pytest.raises(RejectedError):
        await Client(config, {}).get(NOW)


async def test_c30_the_token_of_a_feed_does_not_follow_a_redirect() -> None:
    async with serving(file="there") as (other, theirs):
        moved = web.Response(status=302, headers={"Location": f"{other}/file"})
        async with serving(old=moved) as (url, ours):
            config = FeedConfig(name="theirs", url=f"{url}/old", allow=LOCAL, redirects=[other])
            assert await build(config, {"token": "t0ken"}).get(NOW) == b"there"
    assert (ours, theirs) == ([("/old", "Bearer t0ken")], [("/file", "")])


async def test_a_file_of_parts_is_put_together_and_half_a_list_is_refused() -> None:
    answers = {"users": '{"users": [{"id": "u1"}], "more": false}', "schedules": '{"results": [], "next": null}'}
    async with serving(**answers, half='{"results": [], "next": "page2"}') as (url, asked):
        parts = {"users": f"{url}/users?from={{since}}&to={{until}}", "schedules": f"{url}/schedules"}
        config = FeedConfig(name="theirs", parts=parts, allow=LOCAL, authorization="Token token={token}")
        found = await build(config, {"token": "abc"}).get(NOW)
        assert found == b'{"users": [{"id": "u1"}], "schedules": {"results": [], "next": null}}'
        assert asked[0] == ("/users?from=2026-11-21&to=2027-01-17", "Token token=abc")
        config = FeedConfig(name="theirs", parts={"schedules": f"{url}/half"}, allow=LOCAL)
        with pytest.raises(InvalidPayloadError, match="more pages"):
            await build(config, {}).get(NOW)
