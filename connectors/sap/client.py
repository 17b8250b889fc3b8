"""OData v2 with one SAP system: entities, functions, changesets.

Source: OData 2.0.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from connectors.sap import edm
from connectors.sap.config import SapConfig
from connectors.sap.connection import Change, Client, Record, record_of
from connectors.sap.errors import error_of
from connectors.sap.metadata import EntitySet, function_parameters
from connectors.sap.multipart import Answer, Part, answers, changeset
from domain.errors import InvalidPayloadError, NotFoundError, OutcomeUnknownError
from domain.values import Json


class SapClient(Client):
    """OData v2."""

    @staticmethod
    def _path(config: SapConfig) -> str:
        return config.path

    async def read(self, target: EntitySet, key: Mapping[str, Any]) -> Record:
        answer = record_of(await self._at.get(self._at.url(target.service, target.address(key))))
        return target.read(_d(answer))

    async def find(self, target: EntitySet, where: str, *, top: int = 0) -> list[Record]:
        options = {"$filter": where, "$top": str(top) if top else ""}
        url = self._at.url(target.service, target.name, {name: value for name, value in options.items() if value})
        found = await self._pages(url, target.name, _page, {})
        return [target.read(item) for item in found]

    async def ready_to_write(self, target: EntitySet) -> None:
        await self._at.ready_to_write(target.service)

    async def create(self, target: EntitySet, values: Mapping[str, Any]) -> Record:
        """POST; the new entity."""
        body = target.body(values, creating=True)
        response = await self._at.write("POST", target.service, self._at.url(target.service, target.name), json=body)
        return target.read(_d(record_of(response, writes=True)))

    async def call(self, service: str, name: str, arguments: Mapping[str, tuple[str, Any]]) -> None:
        """A function import by POST; `arguments`: parameter -> (Edm type, value)."""
        known = function_parameters(service, name)
        literals = {known[known.index(key)]: edm.literal(*value) for key, value in arguments.items()}
        await self._at.write("POST", service, self._at.url(service, name, literals))

    async def change(self, changes: Sequence[Change]) -> None:
        """Several as one changeset."""
        parts = [Part("PATCH", change.address, change.body(), change.headers()) for change in changes]
        service = changes[0].target.service
        if len(parts) == 1:
            url, headers = self._at.url(service, parts[0].address), dict(parts[0].headers)
            await self._at.write("PATCH", service, url, json=dict(parts[0].body), headers=headers)
            return
        kind, body = changeset(parts, uuid.uuid4().hex)
        headers = {"Content-Type": kind, "Accept": "multipart/mixed"}
        response = await self._at.write("POST", service, self._at.url(service, "$batch"), content=body, headers=headers)
        _settled(_batch_answers(response), len(parts))


def _page(answer: Mapping[str, Any]) -> tuple[Json, Json]:
    page = _d(answer)
    return page.get("results"), page.get("__next")


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


def _d(answer: Mapping[str, Json]) -> dict[str, Json]:
    """The body below `d`. Raises NotFoundError for an empty one."""
    inner = answer.get("d")
    if not isinstance(inner, dict):
        raise NotFoundError("SAP answered without data.", detail=str(answer)[:200])
    return inner
