"""What ERPNext's connector books, undoes, shows and reads back; and what its errors mean."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from connectors.erpnext.manifest import MANIFEST, build
from domain.books.outcomes import (
    DisposeLot,
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
from domain.books.outcomes import System as Target
from domain.errors import AuthError, ConfigError, ConflictError, NotFoundError, RejectedError, TransientError
from domain.queries import VOCABULARY
from domain.typing.tree import misfit
from tests.connectors.erpnext.conftest import Peer

START, END = datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 11, 23, 17, tzinfo=UTC)
MOVED = PlannedOrder(job_order="JO-1001", planned_start=START, planned_end=END)
DOWN = RecordDowntime(equipment="mill-1", start=START, end=END, cause="bearing")
BOOKED: list[Outcome] = [
    RescheduleOrders(orders=[MOVED]),
    DOWN,
    MaintenanceOrder(equipment="mill-1", title="Bearing"),
    HoldLot(lot="L-1", reason="cracks"),
    RecordDeviation(lot="L-1", title="Cracks"),
]


def posting(*outcomes: Outcome, key: str = "exc_1:post:1") -> OutcomeTransaction:
    return OutcomeTransaction(id="txn_1", key=key, exception_id="exc_1", system=Target.ERP, outcomes=list(outcomes))


async def test_every_kind_is_booked_once_read_back_and_listed(peer: Peer) -> None:
    system, wanted = peer.system(), posting(*BOOKED)
    first, again = await system.post(wanted), await system.post(wanted)
    assert again.replayed
    assert again.documents == first.documents
    assert len(peer.erp.writes) == len(BOOKED)
    assert peer.erp.rows["Work Order"]["JO-1001"]["planned_start_date"] == "2026-11-23 10:00:00"
    assert peer.erp.rows["Batch"]["L-1"]["disabled"] == 1
    back = await system.read_back(wanted, first)
    assert back.known
    assert not back.changed
    listed = await system.postings_since(datetime(2026, 11, 22, tzinfo=UTC))
    assert {one.key for one in listed} == {wanted.key, *(f"{wanted.key}.{number}" for number in range(1, 5))}
    await system.post(posting(DisposeLot(lot="L-1", disposition="release"), key="exc_1:release:1"))
    assert peer.erp.rows["Batch"]["L-1"]["disabled"] == 0


def test_every_kind_of_the_manifest_was_tried() -> None:
    assert {outcome.kind for outcome in BOOKED} | {"dispose_lot", "cancel_documents"} == set(MANIFEST.outcomes)
    assert build({"url": "https://erp", "api_key": "k", "api_secret": "s"}).name == "erp"


async def test_somebody_who_saves_between_our_read_and_our_write_is_not_overwritten(peer: Peer) -> None:
    class Meanwhile(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "PUT":
                peer.erp.touch("Work Order", "JO-1001")
            return await super().handle_async_request(request)

    with pytest.raises(ConflictError):
        await peer.system(transport=Meanwhile()).post(posting(RescheduleOrders(orders=[MOVED])))
    assert peer.erp.rows["Work Order"]["JO-1001"]["planned_start_date"] == "2026-11-22 09:00:00"


async def test_a_refused_step_takes_the_earlier_ones_back(peer: Peer) -> None:
    wanted = posting(DOWN, HoldLot(lot="L-1", reason="cracks"), HoldLot(lot="L-9", reason="cracks"))
    with pytest.raises(NotFoundError) as caught:
        await peer.system().post(wanted)
    assert "undone: Batch L-1, Downtime Entry DO-00001" in caught.value.detail
    assert peer.erp.rows["Downtime Entry"] == {}
    assert peer.erp.rows["Batch"]["L-1"]["disabled"] == 0


async def test_of_a_batch_no_part_is_held_and_what_was_disabled_before_stays_so(peer: Peer) -> None:
    system, hold = peer.system(), HoldLot(lot="L-1", reason="cracks")
    with pytest.raises(RejectedError, match="whole batches"):
        await system.preview(posting(hold.model_copy(update={"quantity": 3})))
    peer.erp.rows["Batch"]["L-1"]["disabled"] = 1
    shown = await system.preview(posting(hold))
    assert await system.reversal(posting(hold), Receipt(key="k"), shown) == []


async def test_a_preview_shows_what_stands_and_changes_nothing(peer: Peer) -> None:
    shown = await peer.system().preview(posting(RescheduleOrders(orders=[MOVED]), DOWN))
    first = shown.changes[0]
    assert (first.field, first.before, first.after) == (
        "planned_start_date",
        "2026-11-22 09:00:00",
        "2026-11-23 10:00:00",
    )
    assert shown.versions == {"work order JO-1001": peer.erp.rows["Work Order"]["JO-1001"]["modified"]}
    assert peer.erp.writes == []


async def test_answers_are_what_is_declared(peer: Peer) -> None:
    system = peer.system()
    for name in ("erp.orders", "erp.sales_demand"):
        answer = await system.query(name, {"job_orders": ["JO-1003"]})
        assert misfit(answer, VOCABULARY.queries[name].answer, name) == ""
        assert answer
    sale = await system.query("erp.sale", {"sale": "SO-2001"})
    assert misfit(sale, VOCABULARY.queries["erp.sale"].answer, "erp.sale") == ""


@pytest.mark.parametrize(
    "outcome, settings, error",
    [
        (SetPriority(job_orders=["JO-1001"], priority=1), {}, ConfigError),
        (DOWN, {"operator": ""}, ConfigError),
        (DOWN.model_copy(update={"end": None}), {}, RejectedError),
        (RecordDeviation(lot="L-1", title="Cracks"), {"procedure": ""}, ConfigError),
        (DisposeLot(lot="L-1", disposition="scrap"), {}, RejectedError),
    ],
)
async def test_what_erpnext_has_no_place_for_is_refused(
    peer: Peer, outcome: Outcome, settings: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await peer.system(**settings).post(posting(outcome))
    assert peer.erp.writes == []


async def test_missing_rights_and_fields_are_found(peer: Peer) -> None:
    peer.erp.may_not.add(("Batch", "write"))
    missing = {one.what for one in await peer.system(key_field="custom_other").probe() if not one.ok}
    assert {"write Batch", "Work Order.custom_other"} <= missing
    assert "read Batch" not in missing


@pytest.mark.parametrize(
    "status, name, error",
    [
        (417, "TimestampMismatchError", ConflictError),
        (417, "ValidationError", RejectedError),
        (417, "MandatoryError", RejectedError),
        (417, "UpdateAfterSubmitError", RejectedError),
        (417, "UniqueValidationError", ConflictError),
        (417, "LinkValidationError", NotFoundError),
        (409, "DuplicateEntryError", ConflictError),
        (404, "DoesNotExistError", NotFoundError),
        (403, "PermissionError", AuthError),
        (401, "AuthenticationError", AuthError),
        (417, "QueryDeadlockError", TransientError),
        (500, "DataError", ConfigError),
        (500, "", TransientError),
        (404, "", NotFoundError),
        (301, "", ConfigError),
    ],
)
async def test_an_error_means_what_happens_next(status: int, name: str, error: type[Exception]) -> None:
    answer = httpx.Response(status, json={"exc_type": name, "exception": "why"}, headers={"Location": "https://x"})
    system = Peer(None, "http://erp").system(transport=httpx.MockTransport(lambda _: answer))  # type: ignore[arg-type]
    with pytest.raises(error):
        await system.query("erp.sale", {"sale": "SO-1"})
