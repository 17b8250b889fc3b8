"""Fetches a picture that came with a message: from Twilio's own address and the configured hosts, and nowhere else.

The URL is an outsider's word, although Twilio signed it: host and path are compared with what is configured, names must
not lead to private addresses, and our credentials go to the first host only (C29 to C31).
"""

import asyncio
import base64
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from connectors.roles import Media
from connectors.twilio.config import TwilioConfig
from connectors.twilio.pictures import Picture, picture
from domain.errors import AuthError, NotFoundError, RejectedError, TransientError

MAX_BYTES = 8_000_000
_SIDS = re.compile(r"/Messages/(?:SM|MM)[0-9a-fA-F]{32}/Media/ME[0-9a-fA-F]{32}")
_REDIRECTS = (301, 302, 303, 307, 308)
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host name. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class MediaFetcher:
    """Gives the picture behind a reference, checked and without what hides in it. Nothing is stored."""

    def __init__(self, config: TwilioConfig, resolver: Resolve = resolve, max_bytes: int = MAX_BYTES) -> None:
        self._config, self._resolve, self._max = config, resolver, max_bytes

    async def fetch(self, media: Media) -> Picture:
        """Raises RejectedError (not allowed, too large, no picture), NotFoundError (gone), AuthError (our credentials)
        and TransientError."""
        first = self._allowed(media.url)
        async with httpx.AsyncClient(
            timeout=self._config.timeout, trust_env=False, follow_redirects=False, proxy=self._config.proxy
        ) as client:
            status, location, data = await self._get(client, first, self._credentials())
            if status in _REDIRECTS:
                status, location, data = await self._get(client, self._redirected(first, location), {})
        if status in _REDIRECTS:
            raise _refused("a second redirect")
        _expect_found(status)
        return picture(data)

    def _allowed(self, url: str) -> SplitResult:
        """The media resource of our own account at the configured API, without anything beside it."""
        base, parts = urlsplit(self._config.api_base), urlsplit(url)
        folder = f"{base.path}/2010-04-01/Accounts/{self._config.account_sid}"
        ours = (parts.scheme, parts.netloc) == (base.scheme, base.netloc) and parts.path.startswith(folder)
        if not ours or not _SIDS.fullmatch(parts.path.removeprefix(folder)) or parts.query or parts.fragment:
            raise _refused("not a media resource of our account")
        return parts

    def _redirected(self, first: SplitResult, location: str) -> SplitResult:
        parts = urlsplit(urljoin(first.geturl(), location))
        if f"{parts.scheme}://{parts.netloc}" not in self._config.media_origins:
            raise _refused("it redirects to a host that is not allowed")
        return parts

    def _credentials(self) -> dict[str, str]:
        pair = f"{self._config.account_sid}:{self._config.tokens[0]}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    async def _get(
        self, client: httpx.AsyncClient, parts: SplitResult, headers: dict[str, str]
    ) -> tuple[int, str, bytes]:
        """Status, Location and body of one GET, to the very address that was judged."""
        host = parts.hostname or ""
        url, extensions = httpx.URL(parts.geturl()), dict[str, str]()
        if self._config.proxy is None:
            url, extensions = url.copy_with(host=await self._address(parts)), {"sni_hostname": host}
        request = client.build_request("GET", url, headers={**headers, "Host": parts.netloc}, extensions=extensions)
        try:
            response = await client.send(request, stream=True)
            try:
                body = await self._body(response) if response.is_success else b""
            finally:
                await response.aclose()
        except httpx.RequestError as error:
            raise TransientError("The picture cannot be fetched; it is tried again.", detail=repr(error)) from error
        return response.status_code, response.headers.get("location", ""), body

    async def _address(self, parts: SplitResult) -> str:
        """An address that a name leads to; one that the operator wrote down as a number is taken as it is. A name that
        leads to a private, local or reserved address, if only among others, is refused."""
        host = parts.hostname or ""
        if _is_number(host):
            return host
        try:
            found = await self._resolve(host, parts.port or (443 if parts.scheme == "https" else 80))
        except OSError as error:
            raise TransientError("The picture's host is not known; it is tried again.", detail=repr(error)) from error
        if not found or not all(_is_number(one) and ip_address(one).is_global for one in found):
            raise _refused(f"{host} leads to a private address")
        return found[0]

    async def _body(self, response: httpx.Response) -> bytes:
        """Counted while it comes: a length that is announced proves nothing."""
        got = bytearray()
        async for piece in response.aiter_bytes():
            got += piece
            if len(got) > self._max:
                raise _refused(f"more than {self._max} bytes")
        return bytes(got)


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _expect_found(status: int) -> None:
    if status in (401, 403):
        raise AuthError("Twilio refused our credentials for a picture.", detail=f"HTTP {status}")
    if status in (404, 410):
        raise NotFoundError("The picture is gone.", detail=f"HTTP {status}")
    if status != 200:
        raise TransientError("The picture cannot be fetched; it is tried again.", detail=f"HTTP {status}")


def _refused(why: str) -> RejectedError:
    return RejectedError("The picture is not fetched.", detail=why, code="twilio.media")
