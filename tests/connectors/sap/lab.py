"""The stand-in (built from published metadata, never SAP itself) with the demo plant, and a connector for it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from connectors.sap.config import SapConfig
from connectors.sap.connector import SapSystem, build
from domain.books.booking import token_of
from domain.books.outcomes import Outcome, OutcomeTransaction
from domain.books.outcomes import System as Target
from infra.standins.sap.app import SapStandIn

PASSWORD = "sap-secret-word"
EQUIPMENT = {
    name: {"object": name.upper()} for name in ("lathe-1", "lathe-2", "mill-1", "mill-2", "furnace-1", "press-1")
}
CENTERS = {"lathe-1": "LATHE1", "lathe-2": "LATHE2", "mill-1": "MILL1", "mill-2": "MILL2"}
CENTERS |= {"furnace-1": "FURNACE1", "press-1": "PRESS1"}
STAMPS = {
    "A_MaterialDocumentHeader": ("MaterialDocumentHeaderText", 25),
    "MaintenanceNotification": ("MaintNotifExtReferenceNumber", 20),
}


@dataclass
class Sap:
    """`standin.dump(set)` reads its books."""

    standin: SapStandIn
    url: str
    secret: str = PASSWORD

    def config(self, **changes: Any) -> SapConfig:
        given: dict[str, Any] = {
            "url": self.url,
            "user": "MOS",
            "plant": "BRNO",
            "client": "100",
            "timezone": "Europe/Prague",
        }
        given |= {"work_centers": CENTERS, "equipment": EQUIPMENT, "timeout": 5}
        return SapConfig.model_validate(given | changes)

    def system(
        self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "", **changes: Any
    ) -> SapSystem:
        network = transport or httpx.AsyncHTTPTransport(verify=False)  # plain HTTP: no certificates to load each time
        return build(self.config(**changes), {"password": secret or PASSWORD}, network)

    def count(self, key: str) -> int:
        """Documents stamped with this key, in the stand-in's own books."""
        return sum(
            row.get(name) == token_of(key, length)
            for part, (name, length) in STAMPS.items()
            for row in self.standin.dump(part)
        )

    def order(self, name: str) -> dict[str, Any]:
        rows = self.standin.dump("A_ProductionOrder_2")
        return next(row for row in rows if row["ManufacturingOrder"] == name)

    def stock(self, lot: str) -> dict[str, float]:
        """By stock type: 01 unrestricted, 07 blocked."""
        return {row[4]: float(row[5]) for row in self.standin.dump("stock") if row[3] == lot and float(row[5])}


def posting(key: str, *outcomes: Outcome) -> OutcomeTransaction:
    return OutcomeTransaction(id="txn_1", key=key, exception_id="exc_1", system=Target.ERP, outcomes=list(outcomes))


def at(hour: int, minute: int = 0, day: int = 24) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)
