"""The named queries, as far as the services answer them. Arguments and answers: README.md."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sap.clients import SapClients
from connectors.sap.config import SapConfig
from connectors.sap.facts import ITEM, Lookup, Record, seq_of
from connectors.sap.mapping import moment_of
from connectors.sap.metadata import PRODUCTION, entity_set
from connectors.sap.sales import deliveries, sales_of
from connectors.sap.stock import Batch
from domain.errors import InvalidPayloadError, NotFoundError
from domain.values import Json, iso

Question = Callable[[Mapping[str, Json]], Awaitable[Json]]
COMPONENT = entity_set(PRODUCTION, "A_ProductionOrderComponent_4")
_STATES = (
    ("OrderIsClosed", "closed"),
    ("OrderIsMarkedForDeletion", "cancelled"),
    ("OrderIsTechnicallyCompleted", "done"),
    ("OrderIsPartiallyConfirmed", "running"),
    ("OrderIsReleased", "released"),
)
_ENDED = ("closed", "cancelled", "done")


class Questions:
    """Reads only."""

    def __init__(self, client: SapClients, lookup: Lookup, config: SapConfig) -> None:
        self._client = client
        self._lookup = lookup
        self._config = config
        self._zone = ZoneInfo(config.timezone)
        self.by_name: dict[str, Question] = {
            "erp.orders": self.orders,
            "erp.sales_demand": self.sales_demand,
            "erp.sale": self.sale,
            "erp.lot": self.lot,
        }

    async def orders(self, where: Mapping[str, Json]) -> Json:
        found = await self._lookup.orders(_names(where))
        operations = await self._lookup.operations(sorted(found))
        return [self._order(found[name], operations[name]) for name in sorted(found)]

    async def sales_demand(self, where: Mapping[str, Json]) -> Json:
        found = await self._lookup.orders(_names(where))
        made = {name: record for name, record in sorted(found.items()) if record.get("SalesOrder")}
        sales = await self._lookup.sales(sorted({str(record["SalesOrder"]) for record in made.values()}))
        return [
            {
                "job_order": name,
                "material": record["Material"],
                "quantity": float(record["TotalQuantity"]),
                **self._sale(sales[str(record["SalesOrder"])], str(record.get("CustomerName") or "")),
            }
            for name, record in made.items()
            if str(record["SalesOrder"]) in sales
        ]

    async def sale(self, where: Mapping[str, Json]) -> Json:
        name = _text(where, "sale")
        record = (await self._lookup.sales([name])).get(name)
        if record is None:
            raise NotFoundError(f"SAP has no sales order {name}.")
        sets = sales_of(self._config.sales_orders)
        items = await self._client.find(sets.item, sets.item.equals("SalesOrder", name))
        lines = await self._client.find(sets.line, sets.line.equals("SalesOrder", name))
        return {**self._sale(record, ""), "lines": deliveries(sets, record, items, lines)}

    async def lot(self, where: Mapping[str, Json]) -> Json:
        name = _text(where, "lot")
        batch = await self._lookup.batch(name)
        if batch is None:
            raise NotFoundError(f"SAP has no goods movement of batch {name}.")
        components = await self._client.find(COMPONENT, COMPONENT.equals("Batch", name))
        issued = await self._client.find(
            ITEM, f"{ITEM.equals('Batch', name)} and {ITEM.compare('ManufacturingOrder', 'ne', '')}"
        )
        reserved = {
            str(item["ManufacturingOrder"]) for item in components if not item.get("ReservationIsFinallyIssued")
        }
        named = reserved | {str(item["ManufacturingOrder"]) for item in issued if item.get("ManufacturingOrder")}
        used = await self._lookup.orders(sorted(named))
        still = [order for order in sorted(used) if state_of(used[order]) not in _ENDED]
        return _lot(batch, still, sorted(reserved & set(still)))

    def _order(self, record: Record, operations: Sequence[Record]) -> Json:
        first, last = record.get("MfgOrderPlannedStartDate"), record.get("MfgOrderPlannedEndDate")
        return {
            "job_order": record["ManufacturingOrder"],
            "number": record["ManufacturingOrder"],
            "state": state_of(record),
            "priority": self._config.priority_of(record.get("ManufacturingOrderImportance")),
            "hold": record.get("OrderIsLocked") == "X",
            "hold_reason": None,
            "material": record["Material"],
            "quantity": float(record["TotalQuantity"]),
            "planned_start": first.isoformat() if first else None,
            "planned_end": last.isoformat() if last else None,
            "version": record["@etag"],
            "works": [self._work(operation) for operation in operations],
        }

    def _work(self, operation: Record) -> Json:
        start = self._moment(operation, "OpErlstSchedldExecStrtDte", "OpErlstSchedldExecStrtTme")
        end = self._moment(operation, "OpErlstSchedldExecEndDte", "OpErlstSchedldExecEndTme")
        center = operation.get("WorkCenter")
        return {
            "seq": seq_of(operation),
            "work_unit": self._config.work_unit(center) if center else None,
            "planned_start": start,
            "planned_end": end,
            "state": "done" if operation.get("OperationIsConfirmed") == "X" else "open",
        }

    def _moment(self, record: Record, day: str, at: str) -> str | None:
        moment = moment_of(record.get(day), record.get(at), self._zone)
        return iso(moment) if moment else None

    def _sale(self, record: Record, customer: str) -> dict[str, Json]:
        """The promised moment is the end of the plant's day: SAP promises days."""
        day = record.get("RequestedDeliveryDate")
        return {
            "sale": record["SalesOrder"],
            "customer": customer or record.get("SoldToParty"),
            "customer_id": record.get("SoldToParty"),
            "state": str(record.get("OverallSDProcessStatus") or ""),
            "promised": iso(datetime.combine(day, time(23, 59), tzinfo=self._zone)) if day else None,
            "comment": "",
            "version": record["@etag"],
        }


def state_of(record: Mapping[str, Any]) -> str:
    """`created`, `released`, `running`, `done`, `cancelled` or `closed`."""
    return next((state for flag, state in _STATES if record.get(flag) == "X"), "created")


def _lot(batch: Batch, users: Sequence[str], reserved: Sequence[str]) -> Json:
    free, blocked = batch.quantities("unrestricted"), batch.quantities("blocked")
    places = [{"location": place.location, "quarantine": False, "free": float(held)} for place, held in free.items()]
    places += [
        {"location": f"{place.location} blocked", "quarantine": True, "free": float(held)}
        for place, held in blocked.items()
    ]
    held = bool(blocked) and not free
    return {
        "lot": batch.name,
        "material": batch.material,
        "hold": held,
        "hold_reason": batch.reason or None if held else None,
        "version": batch.version,
        "places": places,
        "job_orders": list(users),
        "reserved_by": list(reserved),
    }


def _names(where: Mapping[str, Json]) -> list[str]:
    names = where.get("job_orders")
    if not isinstance(names, list):
        raise InvalidPayloadError("The query needs 'job_orders', a list.")
    return sorted({str(name) for name in names})


def _text(where: Mapping[str, Json], name: str) -> str:
    value = where.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidPayloadError(f"The query needs '{name}'.")
    return value
