"""Which documents of a transaction SAP has already, by their stamps. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.sap.clients import SapClients
from connectors.sap.config import SapConfig
from connectors.sap.facts import HEADER, ITEM, NOTICE
from connectors.sap.mapping import MAINTENANCE_ORDER
from connectors.sap.metadata import EntitySet
from connectors.sap.stamps import (
    DOCUMENTS,
    INSPECTION_LOT,
    LENGTHS,
    STEPS,
    Stamp,
    looked_up,
    mark_in,
    mark_of,
    parts_in,
    step_keys,
    token_in,
)
from domain.books.booking import token_of
from domain.books.outcomes import OutcomeTransaction
from domain.errors import ConflictError

Record = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """A document with our stamp. `order`: the maintenance order of a notification; `whole`: all that belongs to it is
    there."""

    target: EntitySet
    record: Record
    order: Record | None = None
    whole: bool = True

    @property
    def labels(self) -> list[str]:
        """What people look for in SAP."""
        own = label_of(self.target, self.record)
        return [own, f"maintenance order {self.order['MaintenanceOrder']}"] if self.order else [own]


@dataclass
class Standing:
    """By set and token."""

    found: dict[tuple[str, str], Found] = field(default_factory=dict)

    def of(self, target: EntitySet, key: str) -> Found | None:
        return self.found.get((target.name, token_of(key, LENGTHS[target.name][1])))

    def last(self, key: str) -> Found | None:
        """The document with the plain key."""
        return next((found for target in dict.fromkeys(DOCUMENTS.values()) if (found := self.of(target, key))), None)

    def in_order(self, key: str) -> list[Found]:
        """All documents of the key, the plain one last."""
        keys = [*(f"{key}.{number}" for number in range(1, STEPS)), key]
        targets = dict.fromkeys(DOCUMENTS.values())
        return [found for item in keys for target in targets if (found := self.of(target, item))]


def label_of(target: EntitySet, record: Mapping[str, Any]) -> str:
    """Such as `material document 4900000012/2026`."""
    if target.name == HEADER.name:
        return f"material document {record['MaterialDocument']}/{record['MaterialDocumentYear']}"
    if target.name == NOTICE.name:
        return f"maintenance notification {record['MaintenanceNotification']}"
    return f"inspection lot {record['InspectionLot']}"


class Stands:
    """Looks stamps up."""

    def __init__(self, client: SapClients, config: SapConfig) -> None:
        self._client = client
        self._config = config

    async def of_key(self, key: str) -> Standing:
        """Every service that is in use is asked."""
        return await self._look([HEADER, NOTICE, INSPECTION_LOT], key)

    async def of_transaction(self, transaction: OutcomeTransaction) -> dict[int, Found]:
        """By number of the outcome. Raises ConflictError when the key has another payload."""
        kinds = [outcome.kind for outcome in transaction.outcomes]
        keys = step_keys(transaction.key, kinds)
        standing = await self._look([DOCUMENTS[kinds[number]] for number in keys], transaction.key)
        mark = mark_of(transaction)
        for found in standing.found.values():
            other = mark_in(found.target, found.record)
            if other and not mark.startswith(other):
                raise ConflictError("SAP has this key with another payload.", code="sap.key_reused")
        pairs = {number: standing.of(DOCUMENTS[kinds[number]], key) for number, key in keys.items()}
        return {number: found for number, found in pairs.items() if found}

    async def of_step(self, target: EntitySet, stamp: Stamp) -> Found | None:
        """One document with this very stamp."""
        found = (await self._look([target], stamp.key)).of(target, stamp.key)
        return found if found and stamp.mark.startswith(mark_in(target, found.record)) else None

    async def _look(self, targets: Sequence[EntitySet], key: str) -> Standing:
        standing = Standing()
        for target in {item.name: item for item in targets}.values():
            if target.service in self._config.services:
                for record in await self._client.find(target, looked_up(target, key)):
                    await self._add(target, record, standing)
        return standing

    async def _add(self, target: EntitySet, record: Record, standing: Standing) -> None:
        token = token_in(target, record) or str(record[LENGTHS[target.name][0]])[: LENGTHS[target.name][1]]
        if target.name == HEADER.name and await self.cancelled(record):
            return
        found = await self._with_order(record) if target.name == NOTICE.name else Found(target, record)
        standing.found.setdefault((target.name, token), found)

    async def cancelled(self, header: Mapping[str, Any]) -> bool:
        """Whether a material document was reversed: then it stands no more."""
        items = await self.items(header)
        return any(item.get("GoodsMovementIsCancelled") for item in items)

    async def items(self, header: Mapping[str, Any]) -> list[Record]:
        """Of a material document."""
        names = ("MaterialDocumentYear", "MaterialDocument")
        return await self._client.find(ITEM, " and ".join(ITEM.equals(name, header[name]) for name in names))

    async def _with_order(self, record: Record) -> Found:
        parts = parts_in(record)
        if "order" not in parts:
            return Found(NOTICE, record)
        where = MAINTENANCE_ORDER.equals("MaintenanceNotification", record["MaintenanceNotification"])
        orders = await self._client.find(MAINTENANCE_ORDER, where)
        order = orders[0] if orders else None
        whole = order is not None and ("done" not in parts or self.completed(order))
        return Found(NOTICE, record, order, whole)

    def has(self, order: Mapping[str, Any], status: str) -> bool:
        """Whether a maintenance order has a system status, by its short name in the settings' language."""
        return status in str(order.get("SystemStatusText") or "").split()

    def completed(self, order: Mapping[str, Any]) -> bool:
        return self.has(order, self._config.status_completed)
