"""JSON-RPC with one Tryton database: log in again once, read with `search_read`, write by `mfgos.posting` only."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import httpx

from connectors.http import exchange, open_client
from connectors.tryton.config import TrytonConfig
from connectors.tryton.errors import error_of
from connectors.tryton.wire import decode, encode
from domain.errors import AuthError, InvalidPayloadError, NotFoundError, OutcomeUnknownError
from domain.values import Json

_SYSTEM = "Tryton"
Record = dict[str, Any]


class TrytonClient:
    """Knows the session and the user's context. Never logs bodies, the password or the session."""

    def __init__(self, config: TrytonConfig, password: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._config = config
        self._password = password
        # Tryton 8.2 labels long answers gzip also when nobody asked for it.
        self._http = open_client(config, {"Accept-Encoding": "gzip"}, transport)
        self._numbers = count(1)
        self._entering = asyncio.Lock()
        self._session = ""
        self._context: Record = {}

    async def close(self) -> None:
        await self._http.aclose()

    async def search_read(
        self,
        model: str,
        domain: Sequence[Any],
        fields: Sequence[str],
        *,
        order: Sequence[tuple[str, str]] = (),
        limit: int | None = None,
    ) -> list[Record]:
        """Records with `id` and the fields; a dotted field nests under its first part with a trailing dot."""
        params = [list(domain), 0, limit, [list(item) for item in order] or None, list(fields)]
        return list(await self._call(f"model.{model}.search_read", params))

    async def read(
        self, model: str, ids: Sequence[int], fields: Sequence[str], context: Mapping[str, Any]
    ) -> list[Record]:
        """Like `search_read` by ids, under extra context (such as `locations` for quantities)."""
        return list(await self._call(f"model.{model}.read", [list(ids), list(fields)], context=context))

    async def access(self, model: str) -> Record:
        """What our user may do with a model: `{"read", "write", "create", "delete"}`."""
        return dict((await self._call("model.ir.model.access.get_access", [[model]]))[model])

    async def post(self, key: str, operations: Sequence[Record], decision: str) -> Json:
        """All operations in one database transaction, once. Raises what `errors.py` says, and OutcomeUnknownError."""
        return await self._call("model.mfgos.posting.post", [key, list(operations), decision or None], writes=True)

    async def change(self, model: str, method: str, *params: Any, versions: Mapping[str, str] | None = None) -> Any:
        """A writing method of a model, one database transaction. `versions`: record (`production,9`) -> `_timestamp`
        that it must have. Raises what `errors.py` says, and OutcomeUnknownError."""
        context = {"_timestamp": dict(versions)} if versions else {}
        return await self._call(f"model.{model}.{method}", params, writes=True, context=context)

    async def _call(
        self, method: str, params: Sequence[Any], *, writes: bool = False, context: Mapping[str, Any] | None = None
    ) -> Any:
        session = await self._enter(stale="")
        for last in (False, True):
            request = self._request(method, [*params, {**self._context, **(context or {})}], session)
            try:
                return _result(await exchange(self._http, request, writes=writes, system=_SYSTEM), writes=writes)
            except AuthError:  # refused before anything was done: also a posting may be sent again
                if last:
                    raise
                session = await self._enter(stale=session)
        raise AssertionError("unreachable")

    async def _enter(self, stale: str) -> str:
        """The session; a new one if there is none or it is the one that was refused."""
        async with self._entering:
            if self._session == stale:
                self._session = ""
                self._session = await self._login()
                self._context = await self._preferences(self._session)
            return self._session

    async def _login(self) -> str:
        params = [self._config.user, {"password": self._password}, "en"]
        request = self._request("common.db.login", params, "")
        answer = _result(await exchange(self._http, request, writes=False, system=_SYSTEM), writes=False)
        if not answer:
            raise AuthError("Tryton refused our user: renew its password in the connector's settings.")
        return base64.b64encode(f"{self._config.user}:{answer[0]}:{answer[1]}".encode()).decode()

    async def _preferences(self, session: str) -> Record:
        request = self._request("model.res.user.get_preferences", [True, {}], session)
        return dict(_result(await exchange(self._http, request, writes=False, system=_SYSTEM), writes=False))

    def _request(self, method: str, params: Sequence[Any], session: str) -> httpx.Request:
        headers = {"Authorization": f"Session {session}"} if session else {}
        body = {"id": next(self._numbers), "method": method, "params": encode(params)}
        return self._http.build_request("POST", f"/{self._config.database}/rpc/", json=body, headers=headers)


def _result(response: httpx.Response, *, writes: bool) -> Any:
    if response.status_code == 404:
        raise NotFoundError("Tryton has no such database: check url and database.", detail=str(response.url))
    try:
        answer = response.json()
        if "error" not in answer:
            return decode(answer["result"])
    except (ValueError, TypeError, KeyError) as error:
        detail = f"HTTP {response.status_code}: {response.text[:200]}"
        if writes:
            raise OutcomeUnknownError("Tryton's answer to a posting cannot be read.", detail=detail) from error
        raise InvalidPayloadError("Tryton's answer cannot be read.", detail=detail) from error
    raise error_of(answer["error"])
