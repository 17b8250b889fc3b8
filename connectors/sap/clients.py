"""One SAP system by both versions of OData: each entity set says by which it is spoken."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from connectors.sap import edm4
from connectors.sap.client import SapClient
from connectors.sap.config import SapConfig
from connectors.sap.connection import Change, Client, Record
from connectors.sap.metadata import EntitySet
from connectors.sap.v4 import SapV4Client


class SapClients:
    """Each version has a session (cookies, CSRF token) of its own: they live at different paths of SAP. Every method
    raises the errors of `domain.errors`."""

    def __init__(self, config: SapConfig, secret: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._v2 = SapClient(config, secret, transport)
        self._v4 = SapV4Client(config, secret, transport)

    async def close(self) -> None:
        await self._v2.close()
        await self._v4.close()

    def _of(self, target: EntitySet) -> Client:
        return self._v4 if target.edm is edm4 else self._v2

    async def ready_to_write(self, target: EntitySet) -> None:
        """A CSRF token is given at the set's service. Raises AuthError."""
        await self._of(target).ready_to_write(target)

    async def read(self, target: EntitySet, key: Mapping[str, Any]) -> Record:
        """One entity. Raises NotFoundError."""
        return await self._of(target).read(target, key)

    async def find(self, target: EntitySet, where: str, *, top: int = 0) -> list[Record]:
        """Entities for a `$filter`, all pages."""
        return await self._of(target).find(target, where, top=top)

    async def change(self, changes: Sequence[Change]) -> None:
        """PATCHes of one service: one alone, several together, all or nothing."""
        await self._of(changes[0].target).change(changes)

    async def create(self, target: EntitySet, values: Mapping[str, Any]) -> Record:
        """POST; the new entity. Every document that is made is of a v2 service."""
        return await self._v2.create(target, values)

    async def call(self, service: str, name: str, arguments: Mapping[str, tuple[str, Any]]) -> None:
        """A function import by POST; `arguments`: parameter -> (Edm type, value)."""
        await self._v2.call(service, name, arguments)
