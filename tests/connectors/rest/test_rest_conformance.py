"""The suite of every System, on a home-grown ERP by mapping."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from connectors.rest.connector import RestSystem
from connectors.roles import System
from domain.books.booking import token_of
from domain.books.outcomes import Outcome, OutcomeTransaction, PlannedOrder, RecordDowntime, RescheduleOrders
from domain.books.outcomes import System as Target
from tests.conformance.system.suite import LedgerConformance, SystemConformance
from tests.connectors.rest.conftest import Peer
from tests.connectors.rest.home_grown import TOKEN

START = datetime(2026, 11, 22, 9, tzinfo=UTC)


class HomeGrownBooks:
    secret = TOKEN

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def system(self, *, transport: httpx.AsyncBaseTransport | None = None, secret: str = "") -> RestSystem:
        return self._peer.system(transport=transport, secret=secret)

    def transaction(self, key: str) -> OutcomeTransaction:
        return self._with(key, RecordDowntime(equipment="mill-1", start=START, cause="bearing"))

    def other(self, key: str) -> OutcomeTransaction:
        return self._with(key, RecordDowntime(equipment="mill-2", start=START, cause="bearing"))

    async def stale(self, key: str) -> OutcomeTransaction:
        self._peer.erp.orders["JO-1003"]["version"] = 2  # somebody changed it
        moved = PlannedOrder(job_order="JO-1003", planned_start=START, planned_end=START, version="1")
        return self._with(key, RescheduleOrders(orders=[moved]))

    async def query(self, system: System) -> object:
        return await system.query("erp.sale", {"sale": "SO-2001"})

    async def change(self, key: str) -> OutcomeTransaction:
        later = START + timedelta(hours=3)
        return self._with(
            key, RescheduleOrders(orders=[PlannedOrder(job_order="JO-1003", planned_start=START, planned_end=later)])
        )

    async def edit(self) -> None:
        order = self._peer.erp.orders["JO-1003"]
        order |= {"start": "2026-12-01", "version": order["version"] + 1}

    def count(self, key: str) -> int:
        return sum(one["ref"] == token_of(key, 20) for one in self._peer.erp.downtimes)

    @staticmethod
    def _with(key: str, outcome: Outcome) -> OutcomeTransaction:
        return OutcomeTransaction(id="txn_1", key=key, exception_id="exc_1", system=Target.ERP, outcomes=[outcome])


@pytest.fixture
def books(peer: Peer) -> HomeGrownBooks:
    return HomeGrownBooks(peer)


class TestRestConformance(SystemConformance, LedgerConformance):
    """A posting is the request with the digest of its outcome."""

    posting = b'"digest"'

    async def test_the_systems_own_table_tells_our_postings(self, books: HomeGrownBooks) -> None:  # type: ignore[override]
        """By the mapping's `postings`, which lists downtimes."""
        system = books.system()
        await system.post(books.transaction("ledger:listed"))
        assert [one.key for one in await system.postings_since(START)] == [token_of("ledger:listed", 20)]
