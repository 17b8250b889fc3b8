"""Odoo's two interfaces as one: named methods of models with named arguments. Never logs bodies or the key.

JSON-2: https://www.odoo.com/documentation/19.0/developer/reference/external_api.html; one database transaction a call.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from types import MappingProxyType
from typing import Any

import httpx

from connectors.http import exchange, json_of, open_client, stays
from connectors.odoo.config import OdooConfig
from connectors.odoo.errors import error_of
from connectors.records import Filter, Record
from connectors.told import rolled_back, told
from domain.errors import AuthError, InvalidPayloadError
from domain.values import Json

_SYSTEM = "Odoo"
_CANCELS = {"mrp.production": "action_cancel"}
_READS = ("search_read", "fields_get", "has_access", "check_access_rights")


class OdooClient:
    """`connectors.records.Records` over Odoo's ORM."""

    version_field = "write_date"
    state_field = "state"
    cancelled: Mapping[str, str] = MappingProxyType({"mrp.production": "cancel"})

    def __init__(self, config: OdooConfig, key: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.key_field = config.key_field
        self._config, self._key, self._uid, self._numbers = config, key, 0, count(1)
        headers = {"Accept": "application/json"}
        if config.api == "json2":
            headers |= {"Authorization": f"bearer {key}"}
            headers |= {"X-Odoo-Database": config.database} if config.database else {}
        self._http = open_client(config, headers, transport, rolled_back("name"))

    async def close(self) -> None:
        await self._http.aclose()

    async def search(self, model: str, where: Sequence[Filter], fields: Sequence[str]) -> list[Record]:
        domain = [list(one) for one in where]
        answer = await self.method(model, "search_read", domain=domain, fields=[*fields, "id"], order="id")
        if not isinstance(answer, list):
            raise InvalidPayloadError("Odoo's answer is no list.", detail=str(answer)[:200])
        return answer

    async def create(self, model: str, values: Record) -> int:
        made = await self.method(model, "create", vals_list=[values])
        return int(made[0] if isinstance(made, list) else made)

    async def write(self, model: str, id: Any, values: Record, version: str) -> None:
        await self.method(model, "write", ids=[id], vals=values)

    async def call(self, model: str, id: Any, method: str) -> None:
        await self.method(model, method, ids=[id])

    async def withdraw(self, model: str, id: Any) -> None:
        if model in _CANCELS:
            await self.call(model, id, _CANCELS[model])
        else:
            await self.method(model, "unlink", ids=[id])

    def moment(self, record: Record) -> datetime:
        return datetime.fromisoformat(str(record[self.version_field])).replace(tzinfo=UTC)

    def since(self, moment: datetime) -> str:
        return utc_text(moment)

    def plain(self, value: Any) -> Json:
        """Odoo says False for what is empty, and `[id, name]` for a link."""
        if value is False:
            return None
        return value[0] if isinstance(value, list) and len(value) == 2 and isinstance(value[1], str) else value

    async def may(self, model: str, operation: str) -> bool:
        """May our user read, write or create on this model? Since Odoo 18 the method has another name."""
        if self._config.api == "json2":
            return await self.method(model, "has_access", ids=[], operation=operation) is True
        named = {"operation": operation, "raise_exception": False}
        return await self.method(model, "check_access_rights", **named) is True

    async def method(self, model: str, method: str, **arguments: Json) -> Json:
        """One call. Raises what `connectors.odoo.errors` says, AuthError, TransientError, OutcomeUnknownError."""
        writes = method not in _READS
        if self._config.api == "json2":
            return await self._send(f"/json/2/{model}/{method}", arguments, writes=writes)
        if not self._uid:
            self._uid = await self._log_in()
        given = dict(arguments)
        positional = [given.pop(name) for name in ("ids", "vals_list", "vals") if name in given]
        credentials = [self._config.database, self._uid, self._key]
        return await self._rpc("object", "execute_kw", [*credentials, model, method, positional, given], writes=writes)

    async def _log_in(self) -> int:
        told = [self._config.database, self._config.user, self._key, {}]
        uid = await self._rpc("common", "authenticate", told, writes=False)
        if not uid:
            raise AuthError("Odoo refused our user: renew its key in the connector's settings.")
        return int(uid)

    async def _rpc(self, service: str, method: str, args: list[Any], *, writes: bool) -> Json:
        params = {"service": service, "method": method, "args": args}
        body = {"jsonrpc": "2.0", "method": "call", "id": next(self._numbers), "params": params}
        answer = await self._send("/jsonrpc", body, writes=writes)
        if isinstance(answer, dict) and answer.get("error"):
            raise error_of(answer["error"].get("data") or answer["error"])
        return answer.get("result") if isinstance(answer, dict) else answer

    async def _send(self, path: str, body: Mapping[str, Json], *, writes: bool) -> Json:
        request = self._http.build_request("POST", path, json=body)
        response = await exchange(self._http, request, writes=writes, system=_SYSTEM)
        stays(response, _SYSTEM)
        if response.is_error:
            raise error_of(told(response), status=response.status_code)
        return json_of(response, writes=writes, system=_SYSTEM)


def utc_text(moment: datetime) -> str:
    """As Odoo has moments: UTC without zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
