"""The connection to one SAP system, whatever version of OData is spoken over it: credentials, CSRF token and cookies.

Source: SAP Gateway "Cross-Site Request Forgery Protection" (GET with `X-CSRF-Token: Fetch`; a missing or old token is
answered 403 with `X-CSRF-Token: Required`, before anything is done).
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from connectors.http import exchange, json_of, open_client
from connectors.sap import edm
from connectors.sap.config import SapConfig
from connectors.sap.errors import error_of
from connectors.sap.metadata import EntitySet
from domain.errors import AuthError, InvalidPayloadError, OutcomeUnknownError
from domain.values import Json

SYSTEM = "SAP"
UNREADABLE = "SAP's answer cannot be read."
_PAGES = 50
Record = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One PATCH by key. `etag` empty: the service declares no version."""

    target: EntitySet
    key: Mapping[str, Any]
    values: Mapping[str, Any]
    etag: str = ""

    @property
    def address(self) -> str:
        return self.target.address(self.key)

    def body(self) -> dict[str, Json]:
        """Checked against the metadata. Raises InvariantError, RejectedError."""
        return self.target.body(self.values, creating=False)

    def headers(self) -> dict[str, str]:
        return {"If-Match": self.etag} if self.etag else {}

    def check(self) -> None:
        """That it may be sent at all. Raises InvariantError, RejectedError."""
        self.target.address(self.key)
        self.body()


class _TokenRequiredError(Exception):
    """The CSRF token is missing or old; nothing was done."""


class Connection:
    """Never logs bodies, tokens or secrets. `path`: where the services of this version begin."""

    def __init__(
        self, config: SapConfig, secret: str, path: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._config, self._secret, self._path = config, secret, path
        self._http = open_client(config, {"Accept": "application/json"}, transport, _nothing_was_done)
        self._entering = asyncio.Lock()
        self._csrf = ""
        self._bearer = ""

    async def close(self) -> None:
        await self._http.aclose()

    async def ready_to_write(self, service: str) -> None:
        """A CSRF token is given. Raises AuthError."""
        await self._token(service, stale=self._csrf)

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return await self._send("GET", url, writes=False, headers=dict(headers or {}))

    async def write(self, method: str, service: str, url: str, **parts: Any) -> httpx.Response:
        """With the CSRF token; once more when SAP wants another token, which it says before it does anything."""
        headers = parts.pop("headers", {})
        token = await self._token(service, stale="")
        try:
            return await self._send(method, url, writes=True, headers=headers | {"X-CSRF-Token": token}, **parts)
        except _TokenRequiredError:
            token = await self._token(service, stale=token)
        try:
            return await self._send(method, url, writes=True, headers=headers | {"X-CSRF-Token": token}, **parts)
        except _TokenRequiredError as error:
            raise AuthError("SAP accepts no CSRF token of ours: does something remove its cookies?") from error

    async def _token(self, service: str, *, stale: str) -> str:
        async with self._entering:
            if self._csrf == stale:
                response = await self.get(self.url(service, ""), {"X-CSRF-Token": "Fetch"})
                self._csrf = response.headers.get("X-CSRF-Token", "")
                if not self._csrf:
                    raise AuthError("SAP gives no CSRF token: check the address and the proxies before it.")
            return self._csrf

    async def _send(
        self, method: str, url: str, *, writes: bool, headers: dict[str, str], **parts: Any
    ) -> httpx.Response:
        bearer = await self._credentials(stale="")
        for last in (self._config.oauth is None, True):
            signed = headers | {"Authorization": bearer} if bearer else headers
            auth = None if bearer else httpx.BasicAuth(self._config.user, self._secret)
            request = self._http.build_request(method, url, headers=signed, **parts)
            if auth is not None:
                request = next(auth.auth_flow(request))
            try:
                return _checked(await exchange(self._http, request, writes=writes, system=SYSTEM), writes=writes)
            except AuthError:  # refused before anything was done
                if last:
                    raise
                bearer = await self._credentials(stale=bearer)
        raise AssertionError("unreachable")

    async def _credentials(self, *, stale: str) -> str:
        """The bearer header; empty with basic authentication."""
        oauth = self._config.oauth
        if oauth is None:
            return ""
        if self._bearer == stale:
            form = {"grant_type": "client_credentials"} | ({"scope": oauth.scope} if oauth.scope else {})
            request = self._http.build_request("POST", oauth.token_url, data=form)
            request = next(httpx.BasicAuth(oauth.client_id, self._secret).auth_flow(request))
            answer = record_of(_checked(await exchange(self._http, request, writes=False, system=SYSTEM), writes=False))
            if not answer.get("access_token"):
                raise AuthError("The token service gave no access token: check oauth in the connector's settings.")
            self._bearer = f"Bearer {answer['access_token']}"
        return self._bearer

    def url(self, service: str, address: str, options: Mapping[str, str] | None = None) -> str:
        """Path and query; `address` is encoded already."""
        common = {"sap-client": self._config.client, "sap-language": self._config.language}
        query = {**{name: value for name, value in common.items() if value}, **(options or {})}
        text = "&".join(f"{name}={edm.escaped(value)}" for name, value in query.items())
        return f"{self._path}/{service}/{address}?{text}"

    def following(self, link: str) -> str:
        """The next page by path and query only: a link never leads to another host."""
        parts = urlsplit(link)
        return f"{parts.path}?{parts.query}"


class Client(ABC):
    """What a client does alike whatever version it speaks. Never logs bodies, tokens or secrets. Every method raises
    the errors of `domain.errors`."""

    def __init__(self, config: SapConfig, secret: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._at = Connection(config, secret, self._path(config), transport)

    @staticmethod
    @abstractmethod
    def _path(config: SapConfig) -> str:
        """Where the services of this version begin."""

    async def close(self) -> None:
        await self._at.close()

    @abstractmethod
    async def ready_to_write(self, target: EntitySet) -> None:
        """A CSRF token is given at the set's service. Raises AuthError."""

    @abstractmethod
    async def read(self, target: EntitySet, key: Mapping[str, Any]) -> Record:
        """One entity. Raises NotFoundError."""

    @abstractmethod
    async def find(self, target: EntitySet, where: str, *, top: int = 0) -> list[Record]:
        """Entities for a `$filter`, all pages."""

    @abstractmethod
    async def change(self, changes: Sequence[Change]) -> None:
        """PATCHes of one service: one alone, several together, all or nothing."""

    async def _pages(
        self, url: str, name: str, page: Callable[[dict[str, Any]], tuple[Json, Json]], headers: Mapping[str, str]
    ) -> list[Json]:
        """The entities of all pages. `page`: those of an answer, and its link to the next."""
        found: list[Json] = []
        for _ in range(_PAGES):
            answer = record_of(await self._at.get(url, headers))
            entities, following = page(answer)
            if not isinstance(entities, list):
                raise InvalidPayloadError(UNREADABLE, detail=str(answer)[:200])
            found += entities
            if not following:
                return found
            url = self._at.following(str(following))
        raise InvalidPayloadError(f"SAP has too many {name} for one question: narrow it.")


async def _nothing_was_done(response: httpx.Response) -> None:
    """Another token is wanted, which is said before anything is done."""
    if response.status_code == 403 and response.headers.get("X-CSRF-Token", "").lower() == "required":
        raise _TokenRequiredError


def _checked(response: httpx.Response, *, writes: bool) -> httpx.Response:
    if response.is_error:
        raise error_of(response.status_code, response.text, writes=writes)
    if response.is_redirect:
        raise AuthError("SAP sends us to a log-in page: let this user in by password or OAuth.", code="sap.log_in_page")
    if writes and "html" in response.headers.get("Content-Type", ""):
        raise OutcomeUnknownError("Something else than SAP answered a posting; it is looked up.")
    return response


def record_of(response: httpx.Response, *, writes: bool = False) -> dict[str, Json]:
    """The answer's JSON object. Raises InvalidPayloadError, OutcomeUnknownError (of a posting)."""
    answer = json_of(response, writes=writes, system=SYSTEM)
    if not isinstance(answer, dict):
        raise InvalidPayloadError(UNREADABLE, detail=response.text[:200])
    return answer
