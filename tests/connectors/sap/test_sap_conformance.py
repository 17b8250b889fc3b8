"""The suite of every System, on the stand-in built from published metadata."""

from datetime import timedelta

import httpx
import pytest

from connectors.roles import System
from connectors.sap.connector import SapSystem
from domain.books.outcomes import (
    ChangePromise,
    OutcomeTransaction,
    PlannedOrder,
    RecordDowntime,
    RescheduleOrders,
    SetPriority,
)
from tests.conformance.system.suite import LedgerConformance, SystemConformance, stands_for
from tests.connectors.sap.lab import Sap, at, posting


class SapBooks:
    """The stand-in's books."""

    def __init__(self, sap: Sap) -> None:
        self._sap = sap
        self.secret = sap.secret

    def system(self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "") -> SapSystem:
        return self._sap.system(transport=transport, secret=secret)

    def transaction(self, key: str) -> OutcomeTransaction:
        return posting(key, RecordDowntime(equipment="lathe-1", start=at(8), cause="Spindle"))

    def other(self, key: str) -> OutcomeTransaction:
        return posting(key, RecordDowntime(equipment="lathe-1", start=at(8), cause="Coolant"))

    async def stale(self, key: str) -> OutcomeTransaction:
        system = self.system()
        version = (await system.query("erp.orders", {"job_orders": ["JO-1003"]}))[0]["version"]
        await system.post(posting(f"{key}:somebody", SetPriority(job_orders=["JO-1003"], priority=1)))
        moved = PlannedOrder(job_order="JO-1003", planned_start=at(8), planned_end=at(12), version=version)
        downtime = RecordDowntime(equipment="lathe-1", start=at(8))
        return posting(key, RescheduleOrders(orders=[moved]), downtime)

    async def query(self, system: System) -> object:
        return await system.query("erp.sale", {"sale": "SO-2001"})

    async def change(self, key: str) -> OutcomeTransaction:
        moved = PlannedOrder(job_order="JO-1003", planned_start=at(8), planned_end=at(12))
        return posting(key, RescheduleOrders(orders=[moved]))

    async def edit(self) -> None:
        moved = PlannedOrder(job_order="JO-1003", planned_start=at(9), planned_end=at(13))
        await self.system().post(posting("by hand", RescheduleOrders(orders=[moved])))

    def count(self, key: str) -> int:
        return self._sap.count(key)


class SalesBooks(SapBooks):
    """The same with sales orders, by the service that the settings choose."""

    def __init__(self, sap: Sap, version: str) -> None:
        super().__init__(sap)
        self._version = version

    def system(self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "") -> SapSystem:
        return self._sap.system(transport=transport, secret=secret, sales_orders=self._version)

    def transaction(self, key: str) -> OutcomeTransaction:
        """The document is what the key is found by: the promise, which is changed before it, has none."""
        return posting(key, promise(27), *super().transaction(key).outcomes)

    def other(self, key: str) -> OutcomeTransaction:
        return posting(key, promise(28), *super().transaction(key).outcomes)

    async def stale(self, key: str) -> OutcomeTransaction:
        wanted = self.transaction(key)
        seen = await self.system().preview(wanted)
        await self.edit()
        return wanted.model_copy(update={"versions": seen.versions})

    async def change(self, key: str) -> OutcomeTransaction:
        return posting(key, promise(27))

    async def edit(self) -> None:
        await self.system().post(posting("by hand", promise(26)))


def promise(day: int) -> ChangePromise:
    return ChangePromise(sale="SO-2001", promised=at(12, day=day))


@pytest.fixture
def books(sap: Sap) -> SapBooks:
    return SapBooks(sap)


class TestSapConformance(SystemConformance, LedgerConformance):
    """A posting is the request that makes the notification."""

    posting = b"MalfunctionStartDate"

    async def test_the_systems_own_table_tells_our_postings(self, books: SapBooks) -> None:  # type: ignore[override]
        """A document carries a token of the key; a change of an order carries nothing."""
        system = books.system()
        await system.post(books.transaction("ledger:listed"))
        listed = await system.postings_since(at(0) - timedelta(days=3650))
        assert [stands_for(one.key, "ledger:listed") for one in listed] == [True]


class TestSalesOrderConformance(TestSapConformance):
    """The same where a sales order is changed, by either version of OData."""

    @pytest.fixture(params=["v2", "v4"])
    def books(self, sap: Sap, request: pytest.FixtureRequest) -> SapBooks:
        return SalesBooks(sap, request.param)
