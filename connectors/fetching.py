"""One file from an address that somebody else named: judged before and after DNS, counted while it comes, one redirect
at most, and that without our credentials (C29 to C31)."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from domain.errors import AuthError, NotFoundError, RejectedError, TransientError

MAX_BYTES = 8_000_000
REDIRECTS = (301, 302, 303, 307, 308)
_ENDS_IN_IPV4 = tuple(map(IPv6Network, ("64:ff9b::/96", "::/96")))  # RFC 6052 (NAT64), RFC 4291 2.5.5.1 (compatible)
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")  # RFC 8215: leads to wherever the site's own gateway says
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host name. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Fetcher:
    """`origins`: the hosts (scheme, host, port) that a redirect may lead to. `private`: names of hosts that may have a
    private address. `what`: how messages call the file. Nothing is stored."""

    def __init__(
        self,
        *,
        timeout: float,
        origins: Sequence[str] = (),
        proxy: str | None = None,
        resolver: Resolve = resolve,
        max_bytes: int = MAX_BYTES,
        private: Collection[str] = (),
        what: str = "picture",
        code: str = "media.fetch",
    ) -> None:
        self._timeout, self._origins, self._proxy = timeout, origins, proxy
        self._resolve, self._max, self._private = resolver, max_bytes, frozenset(private)
        self._what, self._code = what, code

    async def get(self, first: SplitResult, credentials: Mapping[str, str]) -> bytes:
        """`first` was compared with what is configured by the caller. Raises RejectedError (not allowed, too large),
        NotFoundError (gone), AuthError (our credentials) and TransientError."""
        async with httpx.AsyncClient(
            timeout=self._timeout, trust_env=False, follow_redirects=False, proxy=self._proxy
        ) as client:
            status, location, data = await self._get(client, first, credentials)
            if status in REDIRECTS:
                status, location, data = await self._get(client, self._redirected(first, location), {})
        if status in REDIRECTS:
            raise self._refused("a second redirect")
        self._expect_found(status)
        return data

    def _redirected(self, first: SplitResult, location: str) -> SplitResult:
        try:
            parts = urlsplit(urljoin(first.geturl(), location))
            httpx.URL(parts.geturl())
        except (ValueError, httpx.InvalidURL) as error:
            raise self._refused("it redirects to what is no address") from error
        if f"{parts.scheme}://{parts.netloc}" not in self._origins:
            raise self._refused("it redirects to a host that is not allowed")
        return parts

    async def _get(
        self, client: httpx.AsyncClient, parts: SplitResult, headers: Mapping[str, str]
    ) -> tuple[int, str, bytes]:
        """Status, Location and body of one GET, to the very address that was judged."""
        host = parts.hostname or ""
        try:
            url, extensions = httpx.URL(parts.geturl()), dict[str, str]()
        except httpx.InvalidURL as error:
            raise self._refused("it is no address") from error
        if self._proxy is None:
            url, extensions = url.copy_with(host=await self._address(parts)), {"sni_hostname": host}
        sent = {**headers, "Accept-Encoding": "identity", "Host": parts.netloc}
        request = client.build_request("GET", url, headers=sent, extensions=extensions)
        try:
            response = await client.send(request, stream=True)
            try:
                body = await self._body(response) if response.is_success else b""
            finally:
                await response.aclose()
        except httpx.RequestError as error:
            raise self._later(repr(error)) from error
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
            raise TransientError(
                f"The {self._what}'s host is not known; it is tried again.", detail=repr(error)
            ) from error
        if not found or not (host in self._private or all(map(is_public, found))):
            raise self._refused(f"{host} leads to a private address")
        return found[0]

    async def _body(self, response: httpx.Response) -> bytes:
        """Counted while it comes: a length that is announced proves nothing. Nothing is unpacked: a few packed bytes
        may be gigabytes."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise self._refused("it comes packed")
        got = bytearray()
        async for piece in response.aiter_raw():
            got += piece
            if len(got) > self._max:
                raise self._refused(f"more than {self._max} bytes")
        return bytes(got)

    def _expect_found(self, status: int) -> None:
        if status in (401, 403):
            raise AuthError(f"Our credentials were refused for a {self._what}.", detail=f"HTTP {status}")
        if status in (404, 410):
            raise NotFoundError(f"The {self._what} is gone.", detail=f"HTTP {status}")
        if status != 200:
            raise self._later(f"HTTP {status}")

    def _later(self, detail: str) -> TransientError:
        return TransientError(f"The {self._what} cannot be fetched; it is tried again.", detail=detail)

    def _refused(self, why: str) -> RejectedError:
        return refused(why, self._what, self._code)


def address_of(url: str) -> SplitResult:
    """The parts of an outsider's address. Raises RejectedError for what is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise refused("it is no address") from error
    return parts


def refused(why: str, what: str = "picture", code: str = "media.fetch") -> RejectedError:
    """It is not fetched, now or later."""
    return RejectedError(f"The {what} is not fetched.", detail=why, code=code)


def is_public(address: str) -> bool:
    """Is it a number of the public internet? One of IPv6 that a gateway turns into one of IPv4 (NAT64, 6to4) is what
    it is turned into."""
    if not _is_number(address):
        return False
    number = ip_address(address)
    if isinstance(number, IPv4Address):
        return number.is_global
    inside = _embedded(number)
    return number.is_global and number not in _LOCAL_NAT64 and (inside is None or inside.is_global)


def _embedded(number: IPv6Address) -> IPv4Address | None:
    if any(number in network for network in _ENDS_IN_IPV4):
        return IPv4Address(int(number) & 0xFFFFFFFF)
    return number.sixtofour


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
