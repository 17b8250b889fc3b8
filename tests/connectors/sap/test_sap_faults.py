"""Random postings over a wire that loses requests and answers: each is in the books once. Seeded: a failure repeats."""

import random

import httpx
import pytest

from connectors.sap.connector import SapSystem
from domain.books.outcomes import (
    ChangePromise,
    HoldLot,
    MaintenanceOrder,
    Outcome,
    OutcomeTransaction,
    PlannedOrder,
    Receipt,
    RecordDeviation,
    RecordDowntime,
    RescheduleOrders,
    SetPriority,
)
from domain.errors import ConflictError, OutcomeUnknownError, RejectedError, TransientError
from tests.connectors.sap.lab import Sap, at, posting

LOTS = ["L-BAR-501", "L-BAR-502", "L-CAST-701", "L-CAST-702", "L-GS-301"]
UNITS = ["lathe-1", "lathe-2", "mill-1", "mill-2", "furnace-1", "press-1"]
POSTINGS = 15


class Wire(httpx.AsyncBaseTransport):
    """Every second posting is lost on its way, or its answer is; and some of what is only read."""

    def __init__(self, chance: random.Random) -> None:
        self._inner = httpx.AsyncHTTPTransport(verify=False)
        self._chance = chance
        self.faults = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fate = self._chance.random() * (0.7 if request.method != "GET" else 7)
        if fate < 0.1:
            self.faults += 1
            raise httpx.ConnectError("nobody there", request=request)
        if fate < 0.2:
            self.faults += 1
            raise httpx.WriteError("cut before it was whole", request=request)
        response = await self._inner.handle_async_request(request)
        if fate < 0.35:
            self.faults += 1
            await response.aread()
            raise httpx.ReadTimeout("the answer was lost", request=request)
        return response


def drafted(number: int, chance: random.Random) -> OutcomeTransaction:
    """One to three outcomes; each names the posting, so that its documents are told apart."""
    makers: list[Outcome] = [
        RecordDowntime(equipment=UNITS[number % 6], start=at(number % 24, number), cause=f"P{number}"),
        MaintenanceOrder(equipment=UNITS[number % 6], title=f"P{number}", done=number % 2 == 0),
        RecordDeviation(lot=LOTS[number % 5], title=f"P{number}"),
        SetPriority(job_orders=["JO-1003", "JO-1008"], priority=chance.choice([5, 20, 40, 60])),
        RescheduleOrders(
            orders=[PlannedOrder(job_order="JO-1005", planned_start=at(1, number), planned_end=at(20, number))]
        ),
        ChangePromise(sale="SO-2001", promised=at(12, day=number + 1)),
    ]
    found = chance.sample(makers, chance.randint(1, 3))
    if number < len(LOTS):
        found.append(HoldLot(lot=LOTS[number], reason=f"P{number}"))
    return posting(f"fault:{number}", *found)


async def persist(system: SapSystem, transaction: OutcomeTransaction) -> Receipt:
    """As the ledger does: look up, then post again, until it is known."""
    for _ in range(400):
        try:
            return await system.find(transaction.key) or await system.post(transaction)
        except (TransientError, OutcomeUnknownError):
            continue
    raise AssertionError("never known")


@pytest.mark.parametrize("seed", [7])
async def test_random_postings_are_in_the_books_once(sap: Sap, seed: int) -> None:
    """Sales orders by OData v4, all else by v2."""
    chance = random.Random(seed)
    wire = Wire(random.Random(seed + 1))
    system = sap.system(transport=wire, settle=0, sales_orders="v4")
    posted = [drafted(number, chance) for number in range(POSTINGS)]
    for transaction in posted:
        assert (await persist(system, transaction)).documents or not stamped(transaction)
    assert wire.faults > POSTINGS / 2
    kinds = [outcome.kind for transaction in posted for outcome in transaction.outcomes]
    dumped = {
        part: sap.standin.dump(part) for part in ("MaintenanceNotification", "MaintenanceOrder", "A_InspectionLot")
    }
    titles = [row["NotificationText"] for row in dumped["MaintenanceNotification"]]
    assert len(titles) == kinds.count("record_downtime") + kinds.count("maintenance_order")
    assert len(dumped["MaintenanceOrder"]) == kinds.count("maintenance_order")
    assert len(dumped["A_InspectionLot"]) == kinds.count("record_deviation")
    assert len(sap.standin.dump("A_MaterialDocumentHeader")) == 1 + len(LOTS)
    assert all(set(sap.stock(lot)) == {"07"} for lot in LOTS)
    promises = [
        outcome for transaction in posted for outcome in transaction.outcomes if outcome.kind == "change_promise"
    ]
    sale = await sap.system().query("erp.sale", {"sale": "SO-2001"})
    assert sale["promised"][:10] == promises[-1].promised.date().isoformat()
    assert not sap.standin.records.violations()


def stamped(transaction: OutcomeTransaction) -> bool:
    return any(
        outcome.kind not in ("set_priority", "reschedule_orders", "change_promise") for outcome in transaction.outcomes
    )


async def test_two_workers_with_two_decisions_on_one_order_lose_no_update(sap: Sap) -> None:
    """Both planned on the same version: one is posted, the other goes back to a person."""
    version = (await sap.system().query("erp.orders", {"job_orders": ["JO-1003"]}))[0]["version"]
    results = []
    for number, minute in enumerate((10, 20)):
        planned = PlannedOrder(job_order="JO-1003", planned_start=at(6, minute), planned_end=at(9), version=version)
        try:
            await sap.system().post(posting(f"k:{number}", RescheduleOrders(orders=[planned])))
            results.append("posted")
        except (ConflictError, RejectedError) as error:
            results.append(error.code)
    assert results == ["posted", "sap.drift"]
    assert sap.order("JO-1003")["MfgOrderPlannedStartTime"] == "PT07H10M00S"
