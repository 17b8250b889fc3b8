"""Frappe's REST interface: documents by type and name. Never logs bodies or the secret.

https://docs.frappe.io/framework/user/en/api/rest; a PUT that carries `modified` is refused when it is stale.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx

from connectors.erpnext.config import ErpNextConfig
from connectors.erpnext.errors import error_of
from connectors.http import exchange, json_of, open_client, stays
from connectors.records import Filter, Record
from connectors.told import rolled_back, told
from domain.errors import InvalidPayloadError
from domain.values import Json

_SYSTEM = "ERPNext"
_SUBMITTED, _CANCELLED = 1, 2


class ErpNextClient:
    """`connectors.records.Records` over documents; `id` is a document's `name`."""

    version_field = "modified"
    state_field = "docstatus"
    cancelled: Mapping[str, str] = MappingProxyType({})  # what we make is a draft, and deleted

    def __init__(self, config: ErpNextConfig, secret: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.key_field = config.key_field
        self._zone = ZoneInfo(config.timezone)
        headers = {"Accept": "application/json", "Authorization": f"token {config.api_key}:{secret}"}
        self._http = open_client(config, headers, transport, rolled_back("exc_type"))

    async def close(self) -> None:
        await self._http.aclose()

    async def search(self, model: str, where: Sequence[Filter], fields: Sequence[str]) -> list[Record]:
        filters = [[name, operator, f"%{value}%" if operator == "like" else value] for name, operator, value in where]
        wanted = list(dict.fromkeys(["name", *fields]))
        params = {"filters": json.dumps(filters), "fields": json.dumps(wanted), "limit_page_length": "0"}
        answer = await self._send("GET", _path(model), params=params)
        if not isinstance(answer, list):
            raise InvalidPayloadError("ERPNext's answer is no list.", detail=str(answer)[:200])
        return [{**record, "id": record["name"]} for record in answer]

    async def create(self, model: str, values: Record) -> str:
        return str((await self._send("POST", _path(model), body=values))["name"])

    async def write(self, model: str, id: Any, values: Record, version: str) -> None:
        """Refused with ConflictError when `version` (its `modified`) has passed."""
        seen = {"modified": version} if version else {}
        await self._send("PUT", _path(model, id), body={**values, **seen})

    async def call(self, model: str, id: Any, method: str) -> None:
        """`submit` is the only one: a document's status is a field of it."""
        await self._send("PUT", _path(model, id), body={"docstatus": _SUBMITTED})

    async def withdraw(self, model: str, id: Any) -> None:
        document = await self._send("GET", _path(model, id))
        if document["docstatus"] == _SUBMITTED:
            await self._send("PUT", _path(model, id), body={"docstatus": _CANCELLED})
        else:
            await self._send("DELETE", _path(model, id))

    async def may(self, model: str, way: str) -> bool:
        """May our user read, write or create documents of this type?"""
        path = "/api/method/frappe.client.has_permission"
        answer = await self._send("GET", path, params={"doctype": model, "docname": "", "perm_type": way})
        return bool(answer.get("has_permission")) if isinstance(answer, dict) else False

    def moment(self, record: Record) -> datetime:
        return datetime.fromisoformat(str(record[self.version_field])).replace(tzinfo=self._zone)

    def since(self, moment: datetime) -> str:
        return local_text(moment, self._zone)

    def plain(self, value: Any) -> Json:
        return None if value == "" else value

    async def _send(
        self, method: str, path: str, *, params: dict[str, str] | None = None, body: Record | None = None
    ) -> Any:
        writes = method != "GET"
        request = self._http.build_request(method, path, params=params, json=body)
        response = await exchange(self._http, request, writes=writes, system=_SYSTEM)
        stays(response, _SYSTEM)
        if response.is_error:
            raise error_of(told(response), response.status_code)
        answer = json_of(response, writes=writes, system=_SYSTEM)
        return answer.get("data", answer.get("message")) if isinstance(answer, dict) else answer


def _path(model: str, id: Any = None) -> str:
    parts = [model] if id is None else [model, str(id)]
    return "/api/resource/" + "/".join(quote(part, safe="") for part in parts)


def local_text(moment: datetime, zone: ZoneInfo) -> str:
    """As ERPNext has moments: in the site's zone, without it."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
