"""OData v4 with one SAP system: entities, and several changes as one JSON batch, all or nothing.

Source: OData 4.01 Protocol sections 8.2.6 (If-Match), 11.7 (batch); OData JSON Format 4.01 sections 4.5 (control
information), 19 (batch requests and responses).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.sap import edm4
from connectors.sap.config import SapConfig
from connectors.sap.connection import Change, Client, Record, record_of
from connectors.sap.errors import error_of, said_in
from connectors.sap.metadata import EntitySet
from domain.errors import OutcomeUnknownError
from domain.values import Json

_GROUP = "all"
_READS = {"Accept": edm4.FORMAT}
_WRITES = {"Content-Type": edm4.FORMAT, "Accept": edm4.FORMAT}
_FOR_ANOTHER = 424  # Failed Dependency: refused because another of its group was


class SapV4Client(Client):
    """OData v4."""

    @staticmethod
    def _path(config: SapConfig) -> str:
        return config.path4

    async def ready_to_write(self, target: EntitySet) -> None:
        await self._at.ready_to_write(target.path)

    async def read(self, target: EntitySet, key: Mapping[str, Any]) -> Record:
        url = self._at.url(target.path, target.address(key))
        return target.read(record_of(await self._at.get(url, _READS)))

    async def find(self, target: EntitySet, where: str, *, top: int = 0) -> list[Record]:
        options = ({"$filter": where} if where else {}) | ({"$top": str(top)} if top else {})
        found = await self._pages(self._at.url(target.path, target.name, options), target.name, _page, _READS)
        return [target.read(item) for item in found]

    async def change(self, changes: Sequence[Change]) -> None:
        """Several as one batch in one atomicity group."""
        path, bodies = changes[0].target.path, [change.body() for change in changes]
        if len(changes) == 1:
            (one,) = changes
            url, headers = self._at.url(path, one.address), _WRITES | one.headers()
            await self._at.write("PATCH", path, url, json=bodies[0], headers=headers)
            return
        requests = [
            {
                "id": str(number),
                "atomicityGroup": _GROUP,
                "method": "PATCH",
                "url": change.address,
                "headers": _WRITES | change.headers(),
                "body": body,
            }
            for number, (change, body) in enumerate(zip(changes, bodies, strict=True), start=1)
        ]
        url = self._at.url(path, "$batch")
        answer = await self._at.write("POST", path, url, json={"requests": requests}, headers=dict(_WRITES))
        _settled(record_of(answer, writes=True), [str(request["id"]) for request in requests])


def _page(answer: Mapping[str, Any]) -> tuple[Json, Json]:
    return answer.get("value"), answer.get("@odata.nextLink")


def _settled(answer: Mapping[str, Json], wanted: Sequence[str]) -> None:
    """Raises what the refusal means. A group that failed has one answer, which names the request or the group, or one
    for each request: then only one of them says why."""
    told = answer.get("responses")
    if not isinstance(told, list) or not all(
        isinstance(one, dict) and isinstance(one.get("status"), int) for one in told
    ):
        raise OutcomeUnknownError("SAP's answer to a posting cannot be read.", detail=str(answer)[:200])
    for one in sorted(told, key=lambda one: one["status"] == _FOR_ANOTHER):
        if one["status"] >= 400:
            raise error_of(one["status"], said_in(one.get("body")), writes=True)
    if {str(one.get("id")) for one in told} != set(wanted):
        detail = f"{len(told)} answers to {len(wanted)} changes"
        raise OutcomeUnknownError("SAP answered a posting only in part; it is looked up.", detail=detail)
