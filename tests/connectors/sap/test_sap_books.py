"""Preview, reversal, reading back and reconciliation; and what `mos connect erp` finds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.sap.client import SapClient
from connectors.sap.facts import HEADER
from domain.books.booking import drift, token_of
from domain.books.outcomes import (
    ChangePromise,
    CreateOrder,
    DisposeLot,
    HoldLot,
    MaintenanceOrder,
    Outcome,
    PlannedOrder,
    PlannedWork,
    Receipt,
    RecordDeviation,
    RecordDowntime,
    RescheduleOrders,
    SetPriority,
)
from domain.errors import ConflictError, RejectedError, TransientError
from tests.conformance.system.suite import Answers, Unreachable
from tests.connectors.sap.lab import PASSWORD, Sap, at, posting

WORK = PlannedWork(seq=10, work_unit="lathe-2", planned_start=at(6), planned_end=at(8))
MOVED = RescheduleOrders(
    orders=[PlannedOrder(job_order="JO-1003", planned_start=at(6), planned_end=at(22, 30), works=[WORK])]
)
PROMISE = ChangePromise(sale="SO-2001", promised=at(12))
PRIORITY = SetPriority(job_orders=["JO-1003", "JO-1008"], priority=5)
HOLD = HoldLot(lot="L-BAR-502", reason="too soft")


async def test_of_a_batch_a_part_is_blocked_and_given_back(sap: Sap) -> None:
    """What was blocked beside it, by whomever, is not freed with it."""
    system, wanted = sap.system(), posting("k:part", HoldLot(lot="L-BAR-502", quantity=30, reason="too soft"))
    (moved,) = [change for change in (await system.preview(wanted)).changes if change.field == "QuantityInEntryUnit"]
    assert moved.after == 30
    (back,) = await system.reversal(wanted, Receipt(key="k:part"), None)
    assert back == DisposeLot(lot="L-BAR-502", quantity=30, disposition="release", reason="reversal: too soft")
    whole = posting("k:whole", HOLD)
    (back,) = await system.reversal(whole, Receipt(key="k:whole"), await system.preview(whole))
    free = DisposeLot(lot="L-BAR-502", quantity=120, disposition="release", reason="reversal: too soft")
    assert back == free, "so much as it would block now"
    with pytest.raises(RejectedError, match="how much"):
        await system.reversal(whole, Receipt(key="k:whole"), None)
    with pytest.raises(RejectedError, match="only 120"):
        await system.preview(posting("k:much", HoldLot(lot="L-BAR-502", quantity=121, reason="too soft")))


async def test_a_preview_shows_fields_and_changes_nothing(sap: Sap) -> None:
    system = sap.system()
    shown = await system.preview(posting("k", MOVED, PRIORITY, HOLD))
    found = {(change.record, change.field): change for change in shown.changes}
    center = found["operation 10 of production order JO-1003", "WorkCenter"]
    assert (center.before, center.after) == ("LATHE1", "LATHE2")
    end = found["production order JO-1003", "MfgOrderPlannedEndTime"]
    assert end.after == "23:30:00"
    item = found["material document for batch L-BAR-502, item 1", "QuantityInEntryUnit"]
    assert (item.after, item.created, item.outcome) == (120.0, True, 2)
    assert set(shown.versions) >= {"production order JO-1003", "batch L-BAR-502"}
    assert {call["method"] for call in sap.standin.records.calls()} == {"GET"}


async def test_a_change_in_sap_since_the_preview_is_seen(sap: Sap) -> None:
    system = sap.system()
    shown = await system.preview(posting("k", PRIORITY))
    await system.post(posting("other", SetPriority(job_orders=["JO-1008"], priority=20)))
    now = await system.preview(posting("k", PRIORITY))
    assert [(change.record, change.before, change.after) for change in drift(shown, now)] == [
        ("production order JO-1008", "5", "2")
    ]
    assert shown.versions != now.versions


async def test_a_preview_raises_what_a_posting_would(sap: Sap) -> None:
    planned = MOVED.orders[0].model_copy(update={"version": "W/\"'19700101000000'\""})
    with pytest.raises(ConflictError):
        await sap.system().preview(posting("k", RescheduleOrders(orders=[planned])))
    with pytest.raises(RejectedError):
        await sap.system().preview(posting("k", DisposeLot(lot="L-BAR-502", disposition="release")))


async def test_what_was_posted_is_undone_by_a_posting_of_its_own(sap: Sap) -> None:
    system = sap.system()
    before = sap.order("JO-1003"), sap.standin.dump("A_SalesOrder"), sap.standin.dump("A_ProductionOrderOperation_2")
    whole = posting("k", MOVED, PRIORITY, PROMISE, HOLD, RecordDowntime(equipment="lathe-1", start=at(8)))
    shown = await system.preview(whole)
    receipt = await system.post(whole)
    undo = await system.reversal(whole, receipt, shown)
    await system.post(posting("k:undo", *undo))
    after = sap.order("JO-1003"), sap.standin.dump("A_SalesOrder"), sap.standin.dump("A_ProductionOrderOperation_2")
    assert without_versions(after) == without_versions(before)
    assert sap.stock("L-BAR-502") == {"01": 120}
    assert [row["MaintenanceObjectIsDown"] for row in sap.standin.dump("MaintenanceNotification")] == [False]


def without_versions(value: Any) -> Any:
    if isinstance(value, dict):
        dropped = ("LastChangeDateTime", "LastChangeDate", "__metadata")
        return {name: without_versions(item) for name, item in value.items() if name not in dropped}
    return [without_versions(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize(
    "outcome, word",
    [
        (MaintenanceOrder(equipment="lathe-1", title="x"), "notification"),
        (RecordDeviation(lot="L-BAR-502", title="x"), "usage decision"),
        (
            CreateOrder(job_order="R-1", material="PH-12", quantity=1, planned_start=at(6), planned_end=at(7)),
            "deletion flag",
        ),
        (DisposeLot(lot="L-BAR-502", disposition="scrap"), "material document"),
        (PRIORITY, "Nobody kept"),
    ],
)
async def test_what_people_must_undo_says_how(sap: Sap, outcome: Outcome, word: str) -> None:
    system, whole = sap.system(), posting("k", outcome)
    with pytest.raises(RejectedError, match=word):
        await system.reversal(whole, Receipt(key="k"), None)


async def test_reading_back_finds_what_somebody_changed(sap: Sap) -> None:
    system = sap.system()
    whole = posting("k", PRIORITY, RecordDowntime(equipment="lathe-1", start=at(8), cause="Spindle"), HOLD)
    assert not (await system.read_back(whole, await system.post(whole))).changed
    await system.post(posting("other", SetPriority(job_orders=["JO-1008"], priority=20)))
    back = await system.read_back(whole, await system.post(whole))
    assert back.known
    assert [(field.record, field.posted, field.stands) for field in back.changed] == [
        ("production order JO-1008", "1", "2")
    ]


async def test_a_cancelled_document_is_no_longer_known(sap: Sap) -> None:
    system = sap.system()
    receipt = await system.post(posting("k", HOLD))
    assert (await system.read_back(posting("k", HOLD), receipt)).known
    header = sap.standin.dump("A_MaterialDocumentHeader")[-1]
    number = {name: ("String", header[name]) for name in ("MaterialDocumentYear", "MaterialDocument")}
    await SapClient(sap.config(), PASSWORD).call(HEADER.service, "Cancel", number)
    assert not (await system.read_back(posting("k", HOLD), receipt)).known
    assert await system.find("k") is None
    assert await system.postings_since(datetime.now(UTC) - timedelta(days=1)) == []


async def test_everything_with_a_stamp_of_ours_is_listed_by_its_transaction(sap: Sap) -> None:
    system = sap.system()
    await system.post(posting("k:1", RecordDowntime(equipment="lathe-1", start=at(8)), HOLD))
    await system.post(posting("k:2", RecordDeviation(lot="L-BAR-501", title="Too soft")))
    found = await system.postings_since(datetime.now(UTC) - timedelta(days=1))
    assert {booked.key: len(booked.documents) for booked in found} == {token_of("k:1", 10): 2, token_of("k:2", 10): 1}
    assert await system.postings_since(datetime.now(UTC) + timedelta(days=2)) == []


async def test_the_probe_says_that_all_is_well(sap: Sap) -> None:
    findings = await sap.system().probe()
    assert len(findings) == 7
    assert all(finding.ok for finding in findings)
    assert not sap.standin.records.violations()


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_the_probe_says_what_is_missing(sap: Sap, status: int) -> None:
    findings = await sap.system(transport=Answers(status)).probe()
    assert not any(finding.ok for finding in findings)
    assert (findings[0].what, findings[0].blocks) == ("sign-in", True)


async def test_the_probe_stops_where_nobody_is(sap: Sap) -> None:
    with pytest.raises(TransientError):
        await sap.system(transport=Unreachable()).probe()


async def test_the_probe_names_the_service_that_is_closed_to_us(sap: Sap) -> None:
    network = httpx.AsyncHTTPTransport(verify=False)

    class Closed(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if "API_INSPECTIONLOT_SRV" in request.url.path:
                return httpx.Response(403, json={"error": {"code": "x", "message": {"value": "no"}}}, request=request)
            return await network.handle_async_request(request)

    wrong = [finding for finding in await sap.system(transport=Closed()).probe() if not finding.ok]
    assert [(finding.what, finding.blocks) for finding in wrong] == [("API_INSPECTIONLOT_SRV", False)]
    assert "record_deviation" in wrong[0].advice
