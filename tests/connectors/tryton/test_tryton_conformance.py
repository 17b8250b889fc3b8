"""The suite of every System, on a real Tryton."""

import httpx
import pytest

from connectors.roles import System
from connectors.tryton.connector import TrytonSystem
from domain.books.outcomes import OutcomeTransaction, PlannedOrder, RescheduleOrders, SetPriority
from domain.books.outcomes import System as Target
from tests.conformance.system.suite import LedgerConformance, SystemConformance
from tests.connectors.tryton.conftest import Erp


class TrytonBooks:
    """The plant's ERP."""

    def __init__(self, erp: Erp) -> None:
        self._erp = erp
        self.secret = erp.passwords["mos_product"]

    def system(self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "") -> TrytonSystem:
        return self._erp.system(transport=transport, secret=secret)

    def transaction(self, key: str) -> OutcomeTransaction:
        return self._with(key, SetPriority(job_orders=["JO-1003"], priority=7))

    def other(self, key: str) -> OutcomeTransaction:
        return self._with(key, SetPriority(job_orders=["JO-1003"], priority=8))

    async def stale(self, key: str) -> OutcomeTransaction:
        """Read, changed by somebody, then planned from what was read."""
        system = self.system()
        version = (await system.query("erp.orders", {"job_orders": ["JO-1003"]}))[0]["version"]
        await system.post(self._with(f"{key}:somebody", SetPriority(job_orders=["JO-1003"], priority=9)))
        start, end = self._erp.anchor, self._erp.anchor
        moved = PlannedOrder(job_order="JO-1003", planned_start=start, planned_end=end, version=version)
        return self._with(key, RescheduleOrders(orders=[moved]))

    async def query(self, system: System) -> object:
        return await system.query("erp.sale", {"sale": "SO-2001"})

    async def change(self, key: str) -> OutcomeTransaction:
        return self._with(key, SetPriority(job_orders=["JO-1003"], priority=self._other_priority(1)))

    async def edit(self) -> None:
        other = self._other_priority(3)
        await self.system().post(self._with(f"by hand {other}", SetPriority(job_orders=["JO-1003"], priority=other)))

    def _other_priority(self, step: int) -> int:
        return self._erp.order("JO-1003").priority % 90 + step

    def count(self, key: str) -> int:
        return sum(posting.key == key for posting in self._erp.reader.postings())

    @staticmethod
    def _with(key: str, outcome: SetPriority | RescheduleOrders) -> OutcomeTransaction:
        return OutcomeTransaction(id="txn_1", key=key, exception_id="exc_1", system=Target.ERP, outcomes=[outcome])


@pytest.fixture
def books(erp: Erp) -> TrytonBooks:
    return TrytonBooks(erp)


class TestTrytonConformance(SystemConformance, LedgerConformance):
    """A posting is the request that names the method."""

    posting = b"mfgos.posting.post"
