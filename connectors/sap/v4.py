"""OData v4 with one SAP system: entities, bound actions, and several changes as one JSON batch, all or nothing.

Source: OData 4.01 Protocol sections 8.2.6 (If-Match), 11.7 (batch); OData JSON Format 4.01 sections 4.5 (control
information), 19 (batch requests and responses). A service's address is its whole path below the root:
`api_salesorder/srvd_a2x/sap/salesorder/0001`. No metadata of a v4 service is published among the facts that this
connector rests on (entities.json has six v2 services), so no outcome is posted by it yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.sap import edm4
from connectors.sap.config import SapConfig
from connectors.sap.connection import Client, record_of
from connectors.sap.errors import error_of, said_in
from connectors.sap.metadata import EntitySet
from domain.errors import OutcomeUnknownError
from domain.values import Json

_GROUP = "all"
_WRITES = {"Content-Type": edm4.FORMAT, "Accept": edm4.FORMAT}
Record = dict[str, Any]


@dataclass(frozen=True)
class Change4:
    """One PATCH by key, or with `action` a POST to that action, bound to the entity. `etag`: as it was read."""

    target: EntitySet
    key: Mapping[str, Any]
    values: Mapping[str, Any]
    etag: str = ""
    action: str = ""

    @property
    def method(self) -> str:
        return "POST" if self.action else "PATCH"

    @property
    def address(self) -> str:
        return self.target.address(self.key) + (f"/{self.action}" if self.action else "")

    def body(self) -> dict[str, Json]:
        """Checked against the metadata; an action's arguments are as they are given."""
        return dict(self.values) if self.action else self.target.body(self.values, creating=False)

    def headers(self) -> dict[str, str]:
        return {"If-Match": self.etag} if self.etag else {}


class SapV4Client(Client):
    """OData v4."""

    @staticmethod
    def _path(config: SapConfig) -> str:
        return config.path4

    async def read(self, target: EntitySet, key: Mapping[str, Any]) -> Record:
        """One entity with its `@etag`. Raises NotFoundError."""
        url = self._at.url(target.service, target.address(key))
        return target.read(record_of(await self._at.get(url, {"Accept": edm4.FORMAT})))

    async def find(self, target: EntitySet, where: str, *, top: int = 0) -> list[Record]:
        """Entities for a `$filter`, all pages."""
        options = {"$filter": where} | ({"$top": str(top)} if top else {})
        url = self._at.url(target.service, target.name, options)
        found = await self._pages(url, target.name, _page, {"Accept": edm4.FORMAT})
        return [target.read(item) for item in found]

    async def create(self, target: EntitySet, values: Mapping[str, Any]) -> Record:
        """POST; the new entity."""
        url, body = self._at.url(target.service, target.name), target.body(values, creating=True)
        return target.read(
            record_of(await self._at.write("POST", target.service, url, json=body, headers=dict(_WRITES)), writes=True)
        )

    async def change(self, changes: Sequence[Change4]) -> None:
        """Of one service: one alone, several as one batch in one atomicity group, all or nothing."""
        service, bodies = changes[0].target.service, [change.body() for change in changes]
        if len(changes) == 1:
            (one,) = changes
            url, headers = self._at.url(service, one.address), _WRITES | one.headers()
            await self._at.write(one.method, service, url, json=bodies[0], headers=headers)
            return
        requests = [
            {
                "id": str(number),
                "atomicityGroup": _GROUP,
                "method": change.method,
                "url": change.address,
                "headers": _WRITES | change.headers(),
                "body": body,
            }
            for number, (change, body) in enumerate(zip(changes, bodies, strict=True), start=1)
        ]
        url = self._at.url(service, "$batch")
        answer = await self._at.write("POST", service, url, json={"requests": requests}, headers=dict(_WRITES))
        _settled(record_of(answer, writes=True), [str(request["id"]) for request in requests])


def _page(answer: Mapping[str, Any]) -> tuple[Json, Json]:
    return answer.get("value"), answer.get("@odata.nextLink")


def _settled(answer: Mapping[str, Json], wanted: Sequence[str]) -> None:
    """Raises what the first refusal means. A group that failed has one answer, which names the request or the group."""
    told = answer.get("responses")
    if not isinstance(told, list) or not all(
        isinstance(one, dict) and isinstance(one.get("status"), int) for one in told
    ):
        raise OutcomeUnknownError("SAP's answer to a posting cannot be read.", detail=str(answer)[:200])
    for one in told:
        if one["status"] >= 400:
            raise error_of(one["status"], said_in(one.get("body")), writes=True)
    if {str(one.get("id")) for one in told} != set(wanted):
        detail = f"{len(told)} answers to {len(wanted)} changes"
        raise OutcomeUnknownError("SAP answered a posting only in part; it is looked up.", detail=detail)
