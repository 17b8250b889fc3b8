"""Each strategy of the REST connector against a home-grown ERP: once, whatever happens between."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from domain.books.outcomes import (
    AddNote,
    CancelDocuments,
    HoldLot,
    Outcome,
    OutcomeTransaction,
    RecordDowntime,
    SetPriority,
)
from domain.books.outcomes import System as Target
from domain.errors import (
    ConfigError,
    ConflictError,
    InvalidPayloadError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
    TransientError,
)
from tests.conformance.system.suite import LosesAnswers
from tests.connectors.rest.conftest import Peer
from tests.connectors.rest.home_grown import with_notes

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
DOWN = RecordDowntime(equipment="mill-1", start=START, cause="bearing")
NOTE = AddNote(about="order", id="JO-1001", text="look")


class ComesBack(httpx.AsyncHTTPTransport):
    """Nobody listens at first."""

    refused = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self.refused:
            self.refused = True
            raise httpx.ConnectError("connection refused", request=request)
        return await super().handle_async_request(request)


def posting(*outcomes: Outcome, key: str = "exc_1:post:1") -> OutcomeTransaction:
    return OutcomeTransaction(id="txn_1", key=key, exception_id="exc_1", system=Target.ERP, outcomes=list(outcomes))


def priority(value: int, *orders: str) -> SetPriority:
    return SetPriority(job_orders=list(orders), priority=value)


async def test_read_before_write_writes_once_and_sends_the_version_it_read(peer: Peer) -> None:
    system = peer.system()
    first = await system.post(posting(priority(7, "JO-1001", "JO-1002")))
    again = await system.post(posting(priority(7, "JO-1001", "JO-1002")))
    assert first.documents == again.documents == ["order JO-1001", "order JO-1002"]
    assert peer.erp.writes == ["PATCH /orders/JO-1001", "PATCH /orders/JO-1002"]


async def test_a_mapping_that_knows_whole_lots_only_takes_no_part_of_one(peer: Peer) -> None:
    with pytest.raises(RejectedError, match="would take the whole lot"):
        await peer.system().post(posting(HoldLot(lot="L-1", quantity=3, reason="cracks")))


async def test_a_header_key_is_the_systems_to_keep(peer: Peer) -> None:
    hold = HoldLot(lot="L-1", reason="cracks")
    lost = peer.system(transport=LosesAnswers(b"exc_1:"), mapping={"outcomes": _with_header(peer, "Idempotency-Key")})
    peer.erp.writes.clear()
    with pytest.raises(OutcomeUnknownError):
        await lost.post(posting(hold))
    again = await lost.post(posting(hold))
    assert again.replayed
    assert len(peer.erp.holds) == 1


def _with_header(peer: Peer, name: str) -> dict[str, object]:
    """The suite's transport looks into Idempotency-Key; the peer reads X-Request-Key: send both."""
    operation = {**peer.mapping["outcomes"]["hold_lot"], "headers": {name: "=key"}}
    return {"hold_lot": operation}


async def test_two_workers_with_one_key_book_once(peer: Peer) -> None:
    one, other = peer.system(), peer.system()
    receipts = await asyncio.gather(one.post(posting(DOWN)), other.post(posting(DOWN)))
    assert [receipt.documents for receipt in receipts] == [["downtime 1"]] * 2
    assert len(peer.erp.downtimes) == 1


async def test_several_outcomes_have_derived_keys_and_are_found_whole(peer: Peer) -> None:
    other = DOWN.model_copy(update={"equipment": "mill-2"})
    first = await peer.system().post(posting(DOWN, other))
    found = await peer.system().find("exc_1:post:1")
    assert found is not None
    assert found.documents == first.documents == ["downtime 1", "downtime 2"]
    assert len({one["ref"] for one in peer.erp.downtimes}) == 2


async def test_a_refused_step_takes_the_earlier_ones_back_in_reverse(peer: Peer) -> None:
    outcomes: list[Outcome] = [DOWN, priority(3, "JO-1001"), priority(95, "JO-1002")]
    with pytest.raises(RejectedError) as caught:
        await peer.system().post(posting(*outcomes))
    assert peer.erp.downtimes == []
    assert peer.erp.writes[-1] == "DELETE /downtimes/1"
    assert "priorities end at 90" in caught.value.detail
    assert "undone: downtime 1" in caught.value.detail
    assert "still stands, undo it there: order JO-1001" in caught.value.detail  # its undo lacks the version
    assert await peer.system().find("exc_1:post:1") is None


async def test_without_a_strategy_a_person_looks_after_a_lost_answer(peer: Peer) -> None:
    system = peer.system(transport=LosesAnswers(b"look"), mapping=with_notes())
    with pytest.raises(OutcomeUnknownError):
        await system.post(posting(NOTE))
    with pytest.raises(RejectedError) as caught:
        await system.find("exc_1:post:1")
    assert caught.value.code == "mos.rest.unsure"
    assert len(peer.erp.notes) == 1


async def test_without_a_strategy_another_process_does_not_post_what_this_one_may_have(peer: Peer) -> None:
    with pytest.raises(RejectedError):
        await peer.system(mapping=with_notes()).find("exc_1:post:1")


async def test_without_a_strategy_what_never_left_may_be_tried_again(peer: Peer) -> None:
    system = peer.system(transport=ComesBack(), mapping=with_notes())
    with pytest.raises(TransientError):
        await system.post(posting(NOTE))
    assert await system.find("exc_1:post:1") is None
    assert (await system.post(posting(NOTE))).documents == ["note 1"]


async def test_without_a_key_the_declared_fields_tell_what_became_of_it(peer: Peer) -> None:
    """The worker died after sending: another one finds the note by its fields, and takes another's away for none."""
    lost = peer.system(transport=LosesAnswers(b"look"), mapping=with_notes(search=True))
    with pytest.raises(OutcomeUnknownError):
        await lost.post(posting(NOTE))
    other = peer.system(mapping=with_notes(search=True))
    found = await other.look_up(posting(NOTE))
    assert found is not None
    assert found.documents == ["note 1"]
    assert await other.look_up(posting(AddNote(about="order", id="JO-1001", text="not written"))) is None
    with pytest.raises(RejectedError):
        await peer.system(mapping=with_notes()).look_up(posting(NOTE))
    assert await peer.system(mapping=with_notes()).look_up(posting(DOWN)) is None, "what has a key is never unsure"


async def test_what_was_made_is_undone_by_its_document(peer: Peer) -> None:
    system, wanted = peer.system(), posting(DOWN)
    receipt = await system.post(wanted)
    (way,) = await system.reversal(wanted, receipt, None)
    assert way == CancelDocuments(documents=["downtime 1"], reason="taken back")
    undo = posting(way, key="exc_1:post:1:reversal")
    assert [(one.record, one.after) for one in (await system.preview(undo)).changes] == [("downtime 1", False)]
    assert [(await system.post(undo)).documents for _ in range(2)] == [["downtime 1"]] * 2, "gone already is gone"
    assert peer.erp.downtimes == []
    for strange in ("order JO-1001", "downtime .."):
        with pytest.raises(RejectedError):
            await system.post(posting(CancelDocuments(documents=[strange]), key="exc_1:strange:1"))
    with pytest.raises(RejectedError, match="no way back"):
        await system.reversal(posting(HoldLot(lot="L-1", reason="r")), receipt, None)


async def test_errors_say_what_the_system_said(peer: Peer) -> None:
    with pytest.raises(NotFoundError) as caught:
        await peer.system().post(posting(priority(5, "JO-9")))
    assert caught.value.detail == "no order JO-9"


@pytest.mark.parametrize(
    "status, error",
    [
        (302, ConfigError),
        (400, RejectedError),
        (409, ConflictError),
        (412, ConflictError),
        (422, RejectedError),
        (500, TransientError),
        (503, TransientError),
    ],
)
async def test_a_status_means_what_happens_next(peer: Peer, status: int, error: type[Exception]) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json={"message": "so"}))
    with pytest.raises(error):
        await peer.system(transport=transport).query("erp.sale", {"sale": "SO-1"})


async def test_an_answer_that_is_not_what_the_query_promises_is_told(peer: Peer) -> None:
    queries = {"erp.sale": {"path": "/sales/{where.sale}", "answer": {"sale": "=body.version"}}}
    with pytest.raises(InvalidPayloadError, match="promises"):
        await peer.system(mapping={"queries": queries}).query("erp.sale", {"sale": "SO-1"})


async def test_a_value_is_no_path(peer: Peer) -> None:
    with pytest.raises(NotFoundError) as caught:
        await peer.system().post(posting(priority(5, "JO-1001/../JO-1002")))
    assert caught.value.detail == "no order JO-1001/../JO-1002"
    with pytest.raises(InvalidPayloadError):
        await peer.system().post(posting(priority(5, "..")))


async def test_a_preview_shows_fields_before_and_after_and_changes_nothing(peer: Peer) -> None:
    shown = await peer.system().preview(posting(priority(7, "JO-1001"), DOWN))
    moved = shown.changes[0]
    assert (moved.record, moved.field, moved.before, moved.after) == ("order JO-1001", "priority", 50, 7)
    assert {change.field for change in shown.changes if change.created} >= {"machine", "from", "cause"}
    assert peer.erp.writes == []


async def test_what_stands_is_read_back(peer: Peer) -> None:
    system, wanted = peer.system(), posting(priority(7, "JO-1001"), DOWN)
    receipt = await system.post(wanted)
    assert not (await system.read_back(wanted, receipt)).changed
    peer.erp.orders["JO-1001"]["priority"] = 60
    peer.erp.downtimes.clear()
    back = await system.read_back(wanted, receipt)
    assert not back.known
    assert [(field.record, field.posted, field.stands) for field in back.changed] == [("order JO-1001", 7, 60)]


async def test_postings_are_listed(peer: Peer) -> None:
    await peer.system().post(posting(DOWN))
    listed = await peer.system().postings_since(START)
    assert [(one.documents, one.key) for one in listed] == [(["downtime 1"], peer.erp.downtimes[0]["ref"])]
