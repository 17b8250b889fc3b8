"""What outcomes become in the books of the stand-in, and what happens when a part is refused or an answer is lost."""

import re
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from domain.books.booking import token_of
from domain.books.outcomes import (
    ChangePromise,
    CreateOrder,
    DisposeLot,
    HoldLot,
    MaintenanceOrder,
    Outcome,
    PlannedOrder,
    PlannedWork,
    RecordDeviation,
    RecordDowntime,
    RescheduleOrders,
    SetPriority,
)
from domain.errors import ConflictError, NotFoundError, OutcomeUnknownError, RejectedError
from domain.queries import VOCABULARY
from domain.typing.tree import misfit
from tests.conformance.system.suite import LosesAnswers
from tests.connectors.sap.lab import Sap, at, posting

HOLD = HoldLot(lot="L-BAR-502", reason="hardness 52.0 HRC is out of tolerance")


def moved(*names: str, works: bool = False) -> RescheduleOrders:
    work = PlannedWork(seq=10, work_unit="lathe-2", planned_start=at(6), planned_end=at(8))
    orders = [
        PlannedOrder(job_order=name, planned_start=at(6), planned_end=at(22, 30), works=[work] if works else [])
        for name in names
    ]
    return RescheduleOrders(orders=orders)


async def test_orders_and_operations_move_in_one_changeset(sap: Sap) -> None:
    receipt = await sap.system().post(posting("k", moved("JO-1003", "JO-1008", works=True)))
    assert receipt.documents == ["production order JO-1003", "production order JO-1008"]
    batches = [call for call in sap.standin.records.calls() if call["path"].endswith("/$batch")]
    assert [call["status"] for call in batches] == [202]
    orders = await sap.system().query("erp.orders", {"job_orders": ["JO-1003"]})
    assert (orders[0]["planned_start"], orders[0]["planned_end"]) == ("2026-11-24", "2026-11-24")
    assert orders[0]["works"][0]["work_unit"] == "lathe-2"
    assert datetime.fromisoformat(orders[0]["works"][0]["planned_start"]) == at(6)
    assert not sap.standin.records.violations()


async def test_a_changeset_is_all_or_nothing(sap: Sap) -> None:
    before = sap.order("JO-1003")
    wrong = moved("JO-1003").orders[0]
    bad = wrong.model_copy(update={"job_order": "JO-1008", "planned_end": at(1)})
    with pytest.raises(RejectedError):
        await sap.system().post(posting("k", RescheduleOrders(orders=[wrong, bad])))
    assert sap.order("JO-1003") == before


async def test_an_order_that_is_not_there_stops_everything(sap: Sap) -> None:
    with pytest.raises(NotFoundError):
        await sap.system().post(posting("k", moved("JO-1003", "JO-9999"), HOLD))
    assert sap.stock("L-BAR-502") == {"01": 120}
    assert not [call for call in sap.standin.records.calls() if call["method"] != "GET"]


async def test_two_outcomes_on_one_order_are_one_change(sap: Sap) -> None:
    await sap.system().post(posting("k", moved("JO-1003"), SetPriority(job_orders=["JO-1003"], priority=5)))
    assert sap.order("JO-1003")["ManufacturingOrderImportance"] == "1"


async def test_a_change_that_stands_already_is_not_sent_again(sap: Sap) -> None:
    system = sap.system()
    first = await system.post(posting("k", SetPriority(job_orders=["JO-1003"], priority=5)))
    version = sap.order("JO-1003")["LastChangeDateTime"]
    again = await system.post(posting("k", SetPriority(job_orders=["JO-1003"], priority=5)))
    assert (first.replayed, again.replayed) == (False, True)
    assert again.documents == first.documents
    assert sap.order("JO-1003")["LastChangeDateTime"] == version


async def test_an_erp_user_in_between_is_a_conflict(sap: Sap) -> None:
    """Planned on one version, changed in SAP, posted: nothing is lost."""
    system = sap.system()
    version = (await system.query("erp.orders", {"job_orders": ["JO-1003"]}))[0]["version"]
    await sap.system().post(posting("other", SetPriority(job_orders=["JO-1003"], priority=1)))
    planned = moved("JO-1003").orders[0].model_copy(update={"version": version})
    with pytest.raises(ConflictError) as caught:
        await system.post(posting("k", RescheduleOrders(orders=[planned])))
    assert caught.value.code == "sap.drift"


async def test_a_change_between_reading_and_writing_is_a_conflict(sap: Sap) -> None:
    class Meddles(httpx.AsyncBaseTransport):
        """Somebody saves the order just before our PATCH arrives."""

        def __init__(self) -> None:
            self._inner = httpx.AsyncHTTPTransport(verify=False)

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "PATCH":
                await sap.system().post(posting("other", SetPriority(job_orders=["JO-1003"], priority=1)))
            return await self._inner.handle_async_request(request)

    with pytest.raises(ConflictError) as caught:
        await sap.system(transport=Meddles()).post(posting("k", moved("JO-1003")))
    assert caught.value.code == "sap.412"


async def test_a_held_lot_is_blocked_and_comes_back(sap: Sap) -> None:
    system = sap.system()
    receipt = await system.post(posting("k:1", HOLD))
    assert sap.stock("L-BAR-502") == {"07": 120}
    header = sap.standin.dump("A_MaterialDocumentHeader")[-1]
    assert header["MaterialDocumentHeaderText"] == token_of("k:1", 25)
    assert receipt.documents == [f"material document {header['MaterialDocument']}/{header['MaterialDocumentYear']}"]
    lot = await system.query("erp.lot", {"lot": "L-BAR-502"})
    assert (lot["hold"], lot["hold_reason"]) == (True, HOLD.reason)
    assert lot["job_orders"] == ["JO-1003", "JO-1008"]
    await system.post(posting("k:2", DisposeLot(lot="L-BAR-502", disposition="release")))
    assert sap.stock("L-BAR-502") == {"01": 120}
    with pytest.raises(RejectedError):
        await system.post(posting("k:3", DisposeLot(lot="L-BAR-502", disposition="scrap")))


async def test_a_machine_goes_down_and_comes_up_in_one_notification(sap: Sap) -> None:
    system = sap.system()
    await system.post(posting("k:1", RecordDowntime(equipment="lathe-1", start=at(8), cause="Spindle")))
    up = posting("k:2", RecordDowntime(equipment="lathe-1", start=at(8), end=at(10, 15), cause="Spindle"))
    first = await system.post(up)
    again = await system.post(up)
    assert again.replayed
    assert again.documents == first.documents
    found = sap.standin.dump("MaintenanceNotification")
    assert [(row["MaintenanceObjectIsDown"], row["MalfunctionEndTime"]) for row in found] == [(False, "PT11H15M00S")]


async def test_a_repair_is_a_notification_with_its_order(sap: Sap) -> None:
    system = sap.system()
    done = posting("k", MaintenanceOrder(equipment="lathe-1", title="Spindle bearing", done=True))
    receipt = await system.post(done)
    notification = sap.standin.dump("MaintenanceNotification")[0]
    order = sap.standin.dump("MaintenanceOrder")[0]
    assert order["SystemStatusText"].split() == ["CRTD", "REL", "TECO"]
    assert receipt.documents == [
        f"maintenance notification {notification['MaintenanceNotification']}",
        f"maintenance order {order['MaintenanceOrder']}",
    ]
    assert (await system.post(done)).documents == receipt.documents
    found = await system.find("k")
    assert found is not None
    assert found.documents == receipt.documents


@pytest.mark.parametrize(
    "lost", [b"MalfunctionStartDate", b"MaintenanceOrderDesc", b"PM01", b"GoodsMovementCode", b"InspectionLotText"]
)
async def test_a_saga_goes_on_where_an_answer_was_lost(sap: Sap, lost: bytes) -> None:
    whole = posting(
        "k",
        RecordDowntime(equipment="lathe-1", start=at(8)),
        MaintenanceOrder(equipment="lathe-1", title="Spindle"),
        HOLD,
        RecordDeviation(lot="L-BAR-502", title="Too soft"),
        SetPriority(job_orders=["JO-1003"], priority=5),
    )
    system = sap.system(transport=LosesAnswers(lost))
    with pytest.raises(OutcomeUnknownError):
        await system.post(whole)
    receipt = await system.post(whole)
    found = await system.find("k")
    assert found is not None
    assert set(found.documents) < set(receipt.documents)
    assert (await system.post(whole)).replayed
    counts = {
        part: len(sap.standin.dump(part)) for part in ("MaintenanceNotification", "MaintenanceOrder", "A_InspectionLot")
    }
    assert counts == {"MaintenanceNotification": 2, "MaintenanceOrder": 1, "A_InspectionLot": 1}
    assert sap.stock("L-BAR-502") == {"07": 120}
    assert len(sap.standin.dump("A_MaterialDocumentHeader")) == 2  # with the stock of the beginning


async def test_a_late_document_is_waited_for(sap: Sap) -> None:
    """The answer is lost before SAP has done it: a look-up finds nothing, and nothing is made twice."""

    class Late(httpx.AsyncBaseTransport):
        def __init__(self) -> None:
            self._inner = httpx.AsyncHTTPTransport(verify=False)
            self.late: httpx.Request | None = None

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if self.late is None and b"GoodsMovementCode" in request.content:
                self.late = request
                raise httpx.ReadTimeout("slow", request=request)
            return await self._inner.handle_async_request(request)

        async def arrive(self) -> None:
            assert self.late is not None
            await (await self._inner.handle_async_request(self.late)).aread()

    network = Late()
    system = sap.system(transport=network)
    with pytest.raises(OutcomeUnknownError):
        await system.post(posting("k", HOLD))
    with pytest.raises(OutcomeUnknownError):
        await system.post(posting("k", HOLD))
    await network.arrive()
    assert (await system.post(posting("k", HOLD))).replayed
    assert sap.count("k") == 1


async def test_what_arrives_twice_is_booked_once_and_is_no_refusal(sap: Sap) -> None:
    """The wire brings the posting twice, or a worker that is dead now had sent it: the second is refused, since the
    first has taken the stock."""

    class Twice(httpx.AsyncBaseTransport):
        def __init__(self) -> None:
            self._inner = httpx.AsyncHTTPTransport(verify=False)

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if b"GoodsMovementCode" in request.content:
                await (await self._inner.handle_async_request(request)).aread()
            return await self._inner.handle_async_request(request)

    receipt = await sap.system(transport=Twice()).post(posting("k", HOLD))
    assert receipt.documents == (await sap.system().post(posting("k", HOLD))).documents
    assert (sap.count("k"), sap.stock("L-BAR-502")) == (1, {"07": 120})


async def test_a_refused_step_undoes_the_ones_before(sap: Sap) -> None:
    before = sap.order("JO-1003")["ManufacturingOrderImportance"]
    deviation = RecordDeviation(lot="L-BAR-502", title="Too soft")
    refuses = Refuses(b"InspectionLotText")
    system = sap.system(transport=refuses)
    with pytest.raises(RejectedError):
        await system.post(posting("k", SetPriority(job_orders=["JO-1003"], priority=5), HOLD, deviation))
    assert sap.order("JO-1003")["ManufacturingOrderImportance"] == before
    assert sap.stock("L-BAR-502") == {"01": 120}
    assert await system.find("k") is None
    refuses.word = b"nothing more"
    await system.post(posting("k", SetPriority(job_orders=["JO-1003"], priority=5), HOLD, deviation))
    assert sap.stock("L-BAR-502") == {"07": 120}


async def test_what_cannot_be_undone_is_named(sap: Sap) -> None:
    repair = MaintenanceOrder(equipment="lathe-1", title="Spindle")
    system = sap.system(transport=Refuses(b"GoodsMovementCode"))
    with pytest.raises(RejectedError) as caught:
        await system.post(posting("k", repair, HOLD))
    assert caught.value.code == "sap.partly_posted"
    order = sap.standin.dump("MaintenanceOrder")[0]["MaintenanceOrder"]
    assert f"maintenance order {order}" in caught.value.message


class Refuses(httpx.AsyncBaseTransport):
    """Says no to requests with a word in their body."""

    def __init__(self, word: bytes) -> None:
        self._inner = httpx.AsyncHTTPTransport(verify=False)
        self.word = word

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.word in request.content:
            body = {"error": {"code": "QA/001", "message": {"lang": "en", "value": "No"}}}
            return httpx.Response(400, json=body, request=request)
        return await self._inner.handle_async_request(request)


async def test_a_new_order_has_the_number_that_the_mes_knows(sap: Sap) -> None:
    def order(quantity: float) -> CreateOrder:
        plan: dict[str, Any] = {"planned_start": at(6), "planned_end": at(12), "sale": "SO-2004"}
        return CreateOrder(job_order="RUSH-1", material="PH-12", quantity=quantity, priority=1, **plan)

    system = sap.system()
    assert not (await system.post(posting("k:1", order(15)))).replayed
    assert (await system.post(posting("k:1", order(15)))).replayed
    assert sap.order("RUSH-1")["SalesOrder"] == "SO-2004"
    with pytest.raises(ConflictError):
        await system.post(posting("k:2", order(20)))


async def test_a_promise_is_the_plants_day(sap: Sap) -> None:
    late = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)  # the 25th in Prague
    await sap.system().post(posting("k", ChangePromise(sale="SO-2001", promised=late)))
    sale = await sap.system().query("erp.sale", {"sale": "SO-2001"})
    assert datetime.fromisoformat(sale["promised"]).date() == date(2026, 11, 25)


@pytest.mark.parametrize(
    "outcome",
    [
        HoldLot(lot="L-BAR-502-TOO-LONG", reason="x"),
        ChangePromise(sale="SO-2001-TOO-LONG", promised=at(8)),
        SetPriority(job_orders=["JO-1003-TOO-LONG"], priority=1),
    ],
)
async def test_a_name_that_is_too_long_for_sap_is_not_there(sap: Sap, outcome: Outcome) -> None:
    with pytest.raises(NotFoundError):
        await sap.system().post(posting("k", outcome))
    assert not sap.standin.records.violations()


async def test_queries_answer_what_is_declared(sap: Sap) -> None:
    asked: dict[str, dict[str, Any]] = {
        "erp.orders": {"job_orders": ["JO-1001", "JO-1003"]},
        "erp.sales_demand": {"job_orders": ["JO-1001", "JO-1002"]},
        "erp.lot": {"lot": "L-BAR-501"},
        "erp.sale": {"sale": "SO-2001"},
    }
    for name, where in asked.items():
        answer = await sap.system().query(name, where)
        assert misfit(answer, VOCABULARY.queries[name].answer, name) == ""
    assert [item["job_order"] for item in await sap.system().query("erp.sales_demand", asked["erp.sales_demand"])] == [
        "JO-1001"
    ]
    assert await sap.system().query("erp.orders", {"job_orders": []}) == []


async def test_stamps_are_upper_case_tokens_of_the_key(sap: Sap) -> None:
    await sap.system().post(posting("exc_1:step:1", HOLD))
    text = sap.standin.dump("A_MaterialDocumentHeader")[-1]["MaterialDocumentHeaderText"]
    assert re.fullmatch("[A-Z2-7]{25}", text)


async def test_neighbours_that_change_orders_go_together(sap: Sap) -> None:
    """A saga of the ledger keeps SAP's changesets; without them each outcome is a posting of its own."""
    first = SetPriority(job_orders=["JO-1001"], priority=5)
    outcomes: list[Outcome] = [moved("JO-1001"), first, HoldLot(lot="L", reason="r")]
    outcomes += [SetPriority(job_orders=["JO-1002"], priority=6)]
    counts = [[len(group) for group in sap.system(changesets=on).grouped(outcomes)] for on in (True, False)]
    assert counts == [[2, 1, 1], [1, 1, 1, 1]]
