"""The MES's HTTP interface: one request, one JSON answer, the domain's errors. Problems are RFC 9457."""

from collections.abc import Mapping
from typing import Any

import httpx

from connectors.http import exchange, json_of, open_client
from connectors.mes_http.config import MesConfig
from domain.errors import (
    ConflictError,
    InvariantError,
    NotFoundError,
    RejectedError,
)
from domain.values import Json

_SYSTEM = "The MES"


class StateConflictError(ConflictError):
    """The order is in a state that does not allow this; `state` says which."""

    def __init__(self, message: str, *, state: str, detail: str) -> None:
        super().__init__(message, detail=detail)
        self.state = state


class MesClient:
    """Bearer token, JSON. Never logs bodies or the token."""

    def __init__(self, config: MesConfig, token: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._http = open_client(config, headers, transport)

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, params: Mapping[str, Any] | None = None) -> Json:
        """Raises NotFoundError, RejectedError, AuthError, TransientError."""
        request = self._http.build_request("GET", path, params=params)
        response = await exchange(self._http, request, writes=False, system=_SYSTEM)
        return _answer(response, writes=False)

    async def send(self, method: str, path: str, body: Json, *, key: str, version: str = "") -> Json:
        """A posting under its key, once. Raises ConflictError (stale version, key reused), StateConflictError,
        RejectedError, NotFoundError, OutcomeUnknownError, AuthError, TransientError."""
        headers = {"Idempotency-Key": key} | ({"If-Match": f'"{version}"'} if version else {})
        request = self._http.build_request(method, path, json=body, headers=headers)
        response = await exchange(self._http, request, writes=True, system=_SYSTEM)
        return _answer(response, writes=True)


def _answer(response: httpx.Response, *, writes: bool) -> Json:
    if response.is_error:
        raise _problem(response)
    return json_of(response, writes=writes, system=_SYSTEM)


def _problem(response: httpx.Response) -> Exception:
    """RFC 9457 problem+json by its type; an answer without one by its status."""
    problem = _json_object(response)
    name = str(problem.get("type", "")).rpartition(":")[2]
    said = str(problem.get("detail") or problem.get("title") or f"HTTP {response.status_code}")
    detail = f"{said} {problem.get('errors', '')}".strip()
    if name == "state-conflict":
        state = str(problem.get("state", ""))
        return StateConflictError("The MES's order is in another state.", state=state, detail=detail)
    if name == "key-reused" or response.status_code == 409:
        return ConflictError("The MES has this key with another request.", detail=detail, code="mes.key_reused")
    if response.status_code == 412:
        return ConflictError("The MES's plan has changed: look again.", detail=detail)
    if response.status_code == 404:
        return NotFoundError("The MES does not know it.", detail=detail)
    if response.status_code in (400, 405, 415, 428):
        return InvariantError("The MES does not understand our request: report this.", detail=detail)
    return RejectedError("The MES refused.", detail=detail)


def _json_object(response: httpx.Response) -> dict[str, Json]:
    try:
        value = response.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
