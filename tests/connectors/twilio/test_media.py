"""Pictures are fetched from where they may be, by credentials that go nowhere else, and are pictures only."""

import base64
import gzip
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from connectors.pictures import picture
from connectors.roles import Media
from connectors.twilio.media import MediaFetcher
from domain.errors import AuthError, NotFoundError, RejectedError, TransientError
from tests.connectors.twilio.lab import ACCOUNT, TOKEN, config

PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/MM{'b' * 32}/Media/ME{'c' * 32}"


def chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


def png(width: int = 2, height: int = 2, *, extra: bytes = b"") -> bytes:
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    lines = zlib.compress(b"".join(b"\0" * (width + 1) for _ in range(min(height, 4))))
    begin = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
    return begin + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


SCAN = b"\x12\xff\x00\x34\xff\xd0\x56"  # with a stuffed byte and a restart marker


def jpeg(width: int = 2, height: int = 2, *, extra: bytes = b"") -> bytes:
    frame = bytes([8]) + height.to_bytes(2, "big") + width.to_bytes(2, "big") + bytes([1, 1, 0x11, 0])
    begin = b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + extra + segment(0xC0, frame)
    return begin + segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + SCAN + b"\xff\xd9"


@dataclass
class Host:
    """Answers each path as it was told, and remembers who asked with what."""

    answers: dict[str, web.Response] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, request.headers.get("Authorization", "")))
        if request.path == "/endless":
            return await _endless(request)
        found = self.answers.get(request.path, web.Response(status=404))
        return web.Response(body=found.body, status=found.status, headers=found.headers)

    def redirect(self, to: str, status: int = 307) -> None:
        self.answers[PATH] = web.Response(status=status, headers={"Location": to})


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with_more = True
    while with_more:
        try:
            await response.write(b"x" * 65536)
        except ConnectionError:
            with_more = False
    return response


@asynccontextmanager
async def serving() -> AsyncIterator[Host]:
    host, app = Host(), web.Application()
    app.router.add_route("*", "/{path:.*}", host.handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield host
    finally:
        await runner.cleanup()


@pytest.fixture
async def api() -> AsyncIterator[Host]:
    async with serving() as host:
        yield host


@pytest.fixture
async def store() -> AsyncIterator[Host]:
    async with serving() as host:
        yield host


def fetcher(api: Host, *origins: str, max_bytes: int = 100_000) -> MediaFetcher:
    return MediaFetcher(config(api.url, media_origins=list(origins)), max_bytes=max_bytes)


async def test_c30_picture_comes_by_one_redirect_that_gets_no_credentials(api: Host, store: Host) -> None:
    api.redirect(f"{store.url}/file")
    store.answers["/file"] = web.Response(body=png())
    found = await fetcher(api, store.url).fetch(Media(api.url + PATH, "text/html"))
    assert (found.kind, found.width, found.height) == ("image/png", 2, 2)
    assert api.asked == [(PATH, "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode())]
    assert store.asked == [("/file", "")]


async def test_c29_redirect_to_another_ports_listener_is_not_followed(api: Host, store: Host) -> None:
    api.redirect(f"{store.url}/file")
    with pytest.raises(RejectedError):
        await fetcher(api, "https://media.twiliocdn.com").fetch(Media(api.url + PATH))
    assert store.asked == []


async def test_c29_second_redirect_is_not_followed(api: Host, store: Host) -> None:
    api.redirect(f"{store.url}/file")
    store.answers["/file"] = web.Response(status=302, headers={"Location": f"{store.url}/other"})
    with pytest.raises(RejectedError):
        await fetcher(api, store.url).fetch(Media(api.url + PATH))
    assert [path for path, _ in store.asked] == ["/file"]


async def test_c31_packed_bytes_are_not_unpacked(api: Host) -> None:
    packed = gzip.compress(b"x" * 50_000_000)
    api.answers[PATH] = web.Response(body=packed, headers={"Content-Encoding": "gzip"})
    assert len(packed) < 100_000
    with pytest.raises(RejectedError, match="not fetched"):
        await fetcher(api).fetch(Media(api.url + PATH))


@pytest.mark.parametrize(
    "url",
    [
        "http://[bad" + PATH,
        "http://127.0.0.1:99999" + PATH,
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1" + PATH,
        "{api}/2010-04-01/Accounts/AC" + "f" * 32 + PATH.partition(ACCOUNT)[2],
        "{api}" + PATH + "/../../../../Calls.json",
        "{api}" + PATH + "?x=1",
        "{api}" + PATH + "#x",
        "{api}@127.0.0.1" + PATH,
        "{api}/2010-04-01/Accounts/" + ACCOUNT + "/Messages.json",
        "file:///etc/passwd",
        "ftp" + "{api}"[4:] + PATH,
        "",
    ],
)
async def test_c29_only_a_media_resource_of_our_account_is_fetched(api: Host, url: str) -> None:
    with pytest.raises(RejectedError):
        await fetcher(api).fetch(Media(url.replace("{api}", api.url)))
    assert api.asked == []


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.8"],
        ["169.254.169.254"],
        ["192.168.1.4"],
        ["::1"],
        ["fd00::1"],
        ["fe80::1"],
        ["::ffff:127.0.0.1"],
        ["100.64.0.1"],
        ["64:ff9b::10.0.0.8"],
        ["64:ff9b:1::8.8.8.8"],
        ["2002:7f00:1::1"],
        ["::127.0.0.1"],
        ["0.0.0.0"],
        ["93.184.215.14", "10.0.0.8"],
        [],
    ],
)
async def test_c29_name_that_leads_to_a_private_address_is_refused(addresses: list[str]) -> None:
    async def lie(host: str, port: int) -> Sequence[str]:
        return addresses

    settings = config("http://api.twilio.example", media_origins=[])
    with pytest.raises(RejectedError):
        await MediaFetcher(settings, lie).fetch(Media("http://api.twilio.example" + PATH))


async def test_c31_size_is_counted_while_it_comes(api: Host, store: Host) -> None:
    api.redirect(f"{store.url}/endless")
    with pytest.raises(RejectedError):
        await fetcher(api, store.url).fetch(Media(api.url + PATH))


@pytest.mark.parametrize("status, error", [(401, AuthError), (404, NotFoundError), (500, TransientError)])
async def test_what_is_not_there_says_why(api: Host, status: int, error: type[Exception]) -> None:
    api.answers[PATH] = web.Response(status=status)
    with pytest.raises(error):
        await fetcher(api).fetch(Media(api.url + PATH))


@pytest.mark.parametrize("made", [png(3, 4), jpeg(3, 4)])
def test_c31_picture_is_told_by_its_bytes(made: bytes) -> None:
    found = picture(made)
    assert (found.width, found.height, found.data) == (3, 4, made)


@pytest.mark.parametrize(
    "made",
    [
        png(extra=chunk(b"tEXt", b"Comment\0<script>")),
        png(extra=chunk(b"eXIf", b"GPS")),
        jpeg(extra=segment(0xE1, b"Exif\0\0GPS")),
        jpeg(extra=segment(0xFE, b"<?php GPS ?>")),
        jpeg(extra=segment(0xE2, b"ICC_PROFILE\0GPS")),
    ],
)
def test_c31_what_hides_beside_the_picture_is_dropped(made: bytes) -> None:
    found = picture(made)
    assert found.data in (png(), jpeg())


@pytest.mark.parametrize(
    "made",
    [
        b"",
        b"<svg onload=alert(1)>",
        b"GIF89a/*" + b"\0" * 20,
        b"%PDF-1.7",
        png() + b"PK\x03\x04",
        jpeg() + b"<?php",
        png()[:-1],
        jpeg()[:-2],
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        png(extra=chunk(b"EVIL", b"")),
        png().replace(b"IDAT", b"IDAX"),
        jpeg(extra=segment(0xC0, b"\x08" + b"\0\1\0\1" + b"\1\1\x11\0")),
        jpeg(extra=b"<html>"),
        png(100_000, 100_000),
        jpeg(65_000, 65_000),
        png(0, 5),
    ],
    ids=range(17),
)
def test_c31_polyglots_damage_and_bombs_are_refused(made: bytes) -> None:
    with pytest.raises(RejectedError):
        picture(made)
