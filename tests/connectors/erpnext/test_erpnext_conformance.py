"""The suite of every System, on a small ERPNext."""

from datetime import UTC, datetime

import httpx
import pytest

from connectors.erpnext.connector import ErpNextSystem
from connectors.roles import System
from domain.books.outcomes import Outcome, OutcomeTransaction, PlannedOrder, RecordDowntime, RescheduleOrders
from domain.books.outcomes import System as Target
from tests.conformance.system.suite import LedgerConformance, SystemConformance
from tests.connectors.erpnext.conftest import Peer
from tests.connectors.erpnext.small_erpnext import SECRET

START, END = datetime(2026, 11, 22, 9, tzinfo=UTC), datetime(2026, 11, 22, 11, tzinfo=UTC)


class ErpNextBooks:
    secret = SECRET

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def system(self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "") -> ErpNextSystem:
        return self._peer.system(transport=transport, secret=secret)

    def transaction(self, key: str) -> OutcomeTransaction:
        return self._with(key, RecordDowntime(equipment="mill-1", start=START, end=END, cause="bearing"))

    def other(self, key: str) -> OutcomeTransaction:
        return self._with(key, RecordDowntime(equipment="mill-1", start=START, end=END, cause="belt"))

    async def stale(self, key: str) -> OutcomeTransaction:
        version = (await self.system().query("erp.orders", {"job_orders": ["JO-1003"]}))[0]["version"]
        self._peer.erp.touch("Work Order", "JO-1003")
        moved = PlannedOrder(job_order="JO-1003", planned_start=START, planned_end=END, version=version)
        return self._with(key, RescheduleOrders(orders=[moved]))

    async def query(self, system: System) -> object:
        return await system.query("erp.sale", {"sale": "SO-2001"})

    async def change(self, key: str) -> OutcomeTransaction:
        moved = PlannedOrder(job_order="JO-1003", planned_start=START, planned_end=END)
        return self._with(key, RescheduleOrders(orders=[moved]))

    async def edit(self) -> None:
        self._peer.erp.touch("Work Order", "JO-1003", planned_start_date="2026-11-25 06:00:00")

    def count(self, key: str) -> int:
        rows = [row for rows in self._peer.erp.rows.values() for row in rows.values()]
        return sum(str(row.get("custom_mos_key") or "").rpartition("#")[0] == key for row in rows)

    @staticmethod
    def _with(key: str, outcome: Outcome) -> OutcomeTransaction:
        return OutcomeTransaction(id="txn_1", key=key, exception_id="exc_1", system=Target.ERP, outcomes=[outcome])


@pytest.fixture
def books(peer: Peer) -> ErpNextBooks:
    return ErpNextBooks(peer)


class TestErpNextConformance(SystemConformance, LedgerConformance):
    """A posting is the request that stamps a key."""

    posting = b'"custom_mos_key":"key:'
