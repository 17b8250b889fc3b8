"""What a transaction has to know of SAP before it can be written down as steps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sap.clients import SapClients
from connectors.sap.config import SapConfig
from connectors.sap.metadata import MATERIAL, NOTIFICATION, PRODUCTION, entity_set
from connectors.sap.sales import sales_of
from connectors.sap.stock import Batch, batch_of
from domain.books.outcomes import (
    ChangePromise,
    CreateOrder,
    DisposeLot,
    HoldLot,
    Outcome,
    RecordDeviation,
    RecordDowntime,
    RescheduleOrders,
    SetPriority,
)
from domain.errors import NotFoundError

Record = dict[str, Any]
ORDER = entity_set(PRODUCTION, "A_ProductionOrder_2")
OPERATION = entity_set(PRODUCTION, "A_ProductionOrderOperation_2")
ITEM = entity_set(MATERIAL, "A_MaterialDocumentItem")
HEADER = entity_set(MATERIAL, "A_MaterialDocumentHeader")
NOTICE = entity_set(NOTIFICATION, "MaintenanceNotification")
_AT_ONCE = 15  # names in one $filter: addresses stay short


@dataclass
class Facts:
    """Records by business key. The getters raise NotFoundError naming what SAP does not have."""

    orders: dict[str, Record] = field(default_factory=dict)
    operations: dict[str, list[Record]] = field(default_factory=dict)
    sales: dict[str, Record] = field(default_factory=dict)
    lots: dict[str, Batch] = field(default_factory=dict)
    downtimes: dict[str, Record] = field(default_factory=dict)  # equipment -> notification of the same start

    def order(self, key: str) -> Record:
        return _known(self.orders, key, "production order")

    def sale(self, key: str) -> Record:
        return _known(self.sales, key, "sales order")

    def lot(self, key: str) -> Batch:
        if key not in self.lots:
            raise NotFoundError(f"SAP has no goods movement of batch {key}.")
        return self.lots[key]


def _known(found: Mapping[str, Record], key: str, what: str) -> Record:
    if key not in found:
        raise NotFoundError(f"SAP has no {what} {key}.")
    return found[key]


class Lookup:
    """Reads only."""

    def __init__(self, client: SapClients, config: SapConfig) -> None:
        self._client = client
        self._config = config
        self._zone = ZoneInfo(config.timezone)
        self._sale = sales_of(config.sales_orders).header

    async def facts(self, outcomes: Sequence[Outcome]) -> Facts:
        """What these outcomes name, as far as SAP has it."""
        facts = Facts()
        orders = {key for outcome in outcomes for key in _orders(outcome)}
        planned = {
            order.job_order
            for outcome in outcomes
            if isinstance(outcome, RescheduleOrders)
            for order in outcome.orders
            if order.works
        }
        facts.orders = await self.orders(sorted(orders))
        facts.operations = await self.operations(sorted(planned & facts.orders.keys()))
        for outcome in outcomes:
            await self._one(outcome, facts)
        return facts

    async def _one(self, outcome: Outcome, facts: Facts) -> None:
        match outcome:
            case HoldLot() | DisposeLot() | RecordDeviation():
                if batch := await self.batch(outcome.lot):
                    facts.lots[outcome.lot] = batch
            case ChangePromise():
                facts.sales |= await self.sales([outcome.sale])
            case RecordDowntime() if outcome.end is not None:
                if record := await self._downtime(outcome.equipment, outcome.start):
                    facts.downtimes[outcome.equipment] = record
            case _:
                return

    async def orders(self, names: Sequence[str]) -> dict[str, Record]:
        """Production orders by number."""
        found = [record for part in _parts(names) for record in await self._any(ORDER, "ManufacturingOrder", part)]
        return {str(record["ManufacturingOrder"]): record for record in found}

    async def operations(self, names: Sequence[str]) -> dict[str, list[Record]]:
        """Operations of each of these orders, in their sequence."""
        found: dict[str, list[Record]] = {name: [] for name in names}
        for part in _parts(names):
            for record in await self._any(OPERATION, "ManufacturingOrder", part):
                found[str(record["ManufacturingOrder"])].append(record)
        return {name: sorted(records, key=seq_of) for name, records in found.items()}

    async def sales(self, names: Sequence[str]) -> dict[str, Record]:
        found = [record for part in _parts(names) for record in await self._any(self._sale, "SalesOrder", part)]
        return {str(record["SalesOrder"]): record for record in found}

    async def batch(self, lot: str) -> Batch | None:
        """The batch by all of its goods movements in our plant."""
        if not ITEM.holds("Batch", lot):
            return None
        where = f"{ITEM.equals('Batch', lot)} and {ITEM.equals('Plant', self._config.plant)}"
        items = await self._client.find(ITEM, where)
        items.sort(
            key=lambda item: (item["MaterialDocumentYear"], item["MaterialDocument"], item["MaterialDocumentItem"])
        )
        return batch_of(lot, items, self._config.effects)

    async def _downtime(self, equipment: str, start: datetime) -> Record | None:
        local = start.astimezone(self._zone)
        wanted = [
            NOTICE.equals("TechnicalObject", self._config.technical_object(equipment).object),
            NOTICE.equals("MalfunctionStartDate", local.date()),
            NOTICE.equals("NotificationType", self._config.downtime.type),
        ]
        found = await self._client.find(NOTICE, " and ".join(wanted))
        moment = local.time().replace(microsecond=0)
        return next((record for record in found if record.get("MalfunctionStartTime") == moment), None)

    async def _any(self, target: Any, name: str, values: Sequence[str]) -> list[Record]:
        """A name that is too long for SAP is not there, and is not asked for."""
        wanted = [target.equals(name, value) for value in values if target.holds(name, value)]
        return await self._client.find(target, " or ".join(wanted)) if wanted else []


def seq_of(operation: Mapping[str, Any]) -> int:
    """`0010` is 10."""
    text = str(operation.get("ManufacturingOrderOperation") or "")
    return int(text) if text.isdecimal() else 0


def _orders(outcome: Outcome) -> Iterable[str]:
    match outcome:
        case RescheduleOrders():
            return [order.job_order for order in outcome.orders]
        case SetPriority():
            return outcome.job_orders
        case CreateOrder():
            return [outcome.job_order]
    return []


def _parts(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE)]
