"""OData v2 with one SAP system: CSRF token and cookies, credentials, entities, functions, changesets.

Source: SAP Gateway "Cross-Site Request Forgery Protection" (GET with `X-CSRF-Token: Fetch`; a missing or old token is
answered 403 with `X-CSRF-Token: Required`, before anything is done) and OData 2.0.
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from connectors.http import exchange, open_client
from connectors.sap import edm
from connectors.sap.config import SapConfig
from connectors.sap.errors import error_of
from connectors.sap.metadata import EntitySet, function_parameters
from connectors.sap.multipart import Answer, Part, answers, changeset
from domain.errors import AuthError, InvalidPayloadError, NotFoundError, OutcomeUnknownError
from domain.values import Json

_SYSTEM = "SAP"
_PAGES = 50
_UNREADABLE = "SAP's answer cannot be read."
Record = dict[str, Any]


class _TokenRequiredError(Exception):
    """The CSRF token is missing or old; nothing was done."""


@dataclass(frozen=True)
class Change:
    """One PATCH by key. `etag` empty: the service declares no version."""

    target: EntitySet
    key: Mapping[str, Any]
    values: Mapping[str, Any]
    etag: str = ""

    def part(self) -> Part:
        """Checked against the metadata. Raises InvariantError, RejectedError."""
        headers = {"If-Match": self.etag} if self.etag else {}
        return Part("PATCH", self.target.address(self.key), self.target.body(self.values, creating=False), headers)


class SapClient:
    """Never logs bodies, tokens or secrets. Every method raises the errors of `domain.errors`."""

    def __init__(self, config: SapConfig, secret: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._config = config
        self._secret = secret
        self._http = open_client(config, {"Accept": "application/json"}, transport, _look_for_token)
        self._entering = asyncio.Lock()
        self._csrf = ""
        self._bearer = ""

    async def close(self) -> None:
        await self._http.aclose()

    async def read(self, target: EntitySet, key: Mapping[str, Any]) -> Record:
        """One entity. Raises NotFoundError."""
        answer = _json(await self._get(self._url(target.service, target.address(key))))
        return target.read(_d(answer))

    async def find(self, target: EntitySet, where: str, *, top: int = 0, order: str = "") -> list[Record]:
        """Entities for a `$filter`, all pages."""
        options = {"$filter": where, "$orderby": order, "$top": str(top) if top else ""}
        url = self._url(target.service, target.name, {name: value for name, value in options.items() if value})
        found: list[Record] = []
        for _ in range(_PAGES):
            page = _d(_json(await self._get(url)))
            results = page.get("results")
            if not isinstance(results, list):
                raise InvalidPayloadError(_UNREADABLE, detail=str(page)[:200])
            found += [target.read(item) for item in results]
            if not (following := str(page.get("__next") or "")):
                return found
            url = self._following(following)
        raise InvalidPayloadError(f"SAP has too many {target.name} for one question: narrow it.")

    async def ready_to_write(self, service: str) -> None:
        """A CSRF token is given. Raises AuthError."""
        await self._token(service, stale=self._csrf)

    async def create(self, target: EntitySet, values: Mapping[str, Any]) -> Record:
        """POST; the new entity."""
        body = target.body(values, creating=True)
        response = await self._write("POST", target.service, self._url(target.service, target.name), json=body)
        return target.read(_d(_json(response, writes=True)))

    async def call(self, service: str, name: str, arguments: Mapping[str, tuple[str, Any]]) -> None:
        """A function import by POST; `arguments`: parameter -> (Edm type, value)."""
        known = function_parameters(service, name)
        literals = {known[known.index(key)]: edm.literal(*value) for key, value in arguments.items()}
        await self._write("POST", service, self._url(service, name, literals))

    async def change(self, changes: Sequence[Change]) -> None:
        """PATCHes of one service: one alone, several as one changeset, all or nothing."""
        parts = [change.part() for change in changes]
        service = changes[0].target.service
        if len(parts) == 1:
            url, headers = self._url(service, parts[0].address), dict(parts[0].headers)
            await self._write("PATCH", service, url, json=dict(parts[0].body), headers=headers)
            return
        kind, body = changeset(parts, uuid.uuid4().hex)
        headers = {"Content-Type": kind, "Accept": "multipart/mixed"}
        response = await self._write("POST", service, self._url(service, "$batch"), content=body, headers=headers)
        _settled(_batch_answers(response), len(parts))

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return await self._send("GET", url, writes=False, headers=dict(headers or {}))

    async def _write(self, method: str, service: str, url: str, **parts: Any) -> httpx.Response:
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
                response = await self._get(self._url(service, ""), {"X-CSRF-Token": "Fetch"})
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
                return _checked(await exchange(self._http, request, writes=writes, system=_SYSTEM), writes=writes)
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
            answer = _json(_checked(await exchange(self._http, request, writes=False, system=_SYSTEM), writes=False))
            if not answer.get("access_token"):
                raise AuthError("The token service gave no access token: check oauth in the connector's settings.")
            self._bearer = f"Bearer {answer['access_token']}"
        return self._bearer

    def _url(self, service: str, address: str, options: Mapping[str, str] | None = None) -> str:
        """Path and query; `address` is encoded already."""
        common = {"sap-client": self._config.client, "sap-language": self._config.language}
        query = {**{name: value for name, value in common.items() if value}, **(options or {})}
        text = "&".join(f"{name}={edm.escaped(value)}" for name, value in query.items())
        return f"{self._config.path}/{service}/{address}?{text}"

    def _following(self, link: str) -> str:
        """The next page by path and query only: a link never leads to another host."""
        parts = urlsplit(link)
        return f"{parts.path}?{parts.query}"


async def _look_for_token(response: httpx.Response) -> None:
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


def _batch_answers(response: httpx.Response) -> list[Answer]:
    try:
        return answers(response.headers.get("Content-Type", ""), response.content)
    except InvalidPayloadError as error:
        raise OutcomeUnknownError("SAP's answer to a posting cannot be read.", detail=error.detail) from error


def _settled(found: Sequence[Answer], wanted: int) -> None:
    for answer in found:
        if answer.status >= 400:
            raise error_of(answer.status, answer.body, writes=True)
    if len(found) != wanted:
        detail = f"{len(found)} answers to {wanted} changes"
        raise OutcomeUnknownError("SAP answered a posting only in part; it is looked up.", detail=detail)


def _json(response: httpx.Response, *, writes: bool = False) -> dict[str, Json]:
    try:
        answer = response.json()
    except ValueError as error:
        if writes:
            raise OutcomeUnknownError(
                "SAP's answer to a posting cannot be read.", detail=response.text[:200]
            ) from error
        raise InvalidPayloadError(_UNREADABLE, detail=response.text[:200]) from error
    if not isinstance(answer, dict):
        raise InvalidPayloadError(_UNREADABLE, detail=response.text[:200])
    return answer


def _d(answer: Mapping[str, Json]) -> dict[str, Json]:
    """The body below `d`. Raises NotFoundError for an empty one."""
    inner = answer.get("d")
    if not isinstance(inner, dict):
        raise NotFoundError("SAP answered without data.", detail=str(answer)[:200])
    return inner
