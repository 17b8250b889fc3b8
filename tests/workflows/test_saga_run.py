"""A decision with several outcomes for a system without a transaction over them, in the running product: the ways back
are started by themselves, in reverse order."""

from typing import Any

from activities.contracts import calls
from activities.contracts.model import PostRequest
from domain.books.outcomes import OutcomeTransaction, SetPriority
from store.read.books import parts as parts_read
from store.tables import LedgerRow
from store.write.books import ledger
from tests.support.eventually import eventually
from tests.support.plant import Plant, utcnow
from tests.support.shop import Shop


async def test_a_refused_outcome_takes_the_earlier_ones_back(plant: Plant) -> None:
    shop = Shop()
    shop.books = {(order, "priority"): 50 for order in ("JO-1", "JO-2", "JO-3")}
    shop.refuses.add("JO-3")
    plant.world.systems["mes"] = shop  # type: ignore[index]
    async with plant.database.transaction() as session:
        row = {
            "id": "dec_saga",
            "exception_id": "exc_1",
            "step": "0",
            "task_id": "",
            "person": "lena",
            "shown_hash": "",
        }
        said = {"channel": "console", "verdict": "approved", "authority": "reschedule", "at": utcnow()}
        await ledger.add_decision(session, row | said)
    outcomes = [SetPriority(job_orders=[order], priority=1) for order in ("JO-1", "JO-2", "JO-3")]
    drafted: dict[str, Any] = {"id": "txn_saga", "key": "exc_1:saga:1", "exception_id": "exc_1", "system": "mes"}
    transaction = OutcomeTransaction.model_validate(drafted | {"outcomes": outcomes, "decision": "dec_saga"})
    request = PostRequest(transaction=transaction, step="0")
    await plant.client.start_workflow(calls.TRANSACTION_WORKFLOW, request, id="txn_saga", task_queue="mos")

    async def taken_back() -> bool:
        async with plant.database.transaction() as session:
            parts = await parts_read.current(session, "txn_saga")
        return [part.status for part in parts] == ["reversed", "reversed", "refused"]

    await eventually(taken_back, "both earlier outcomes are taken back")
    key = "exc_1:saga:1"
    assert shop.order == [f"{key}/1", f"{key}/2", f"{key}/2:reversal", f"{key}/1:reversal"]
    assert {value for (_, field), value in shop.books.items() if field == "priority"} == {50}
    async with plant.database.transaction() as session:
        assert (await session.get_one(LedgerRow, "txn_saga")).status == "dead_lettered"
