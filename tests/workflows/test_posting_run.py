"""A posting whatever the ERP does: once, or refused and told."""

from sqlalchemy import select
from sqlmodel import col

from domain.rosters.people import ChannelName
from store.tables import LedgerRow
from tests.support.eventually import eventually
from tests.support.plant import Plant
from tests.support.stories import quality_hold


async def test_an_erp_that_is_down_is_a_visible_gap_and_gets_the_posting_later(plant: Plant) -> None:
    plant.erp.down = True
    exception = await plant.fail_inspection()
    await plant.told(exception, "context", gaps={"lot": "erp is down"}, known=[])

    async def tried_again() -> bool:
        return len(plant.erp.looked_up) > 1

    await eventually(tried_again, "the posting is tried again")
    plant.erp.down = False
    task = await plant.task("disposition")
    assert task.shown["gaps"] == ["demand", "lot"]
    await plant.posted("hold_lot")
    assert (await plant.press("grace", "disposition", "approve:scrap", ChannelName.CONSOLE))["accepted"]
    await plant.closed(exception)
    assert plant.erp.kinds() == ["hold_lot", "dispose_lot", "record_deviation"]


async def test_a_refused_posting_is_told_and_the_exception_goes_on(plant: Plant) -> None:
    plant.erp.trouble.append("refuse")
    exception = await quality_hold(plant)
    line = await plant.told(exception, "rejected")
    assert line.data["detail"] == "the period is closed"
    ledger = await plant.ledger()
    assert (ledger["0.protection.0"].status, ledger["0.protection.0"].error) == (
        "dead_lettered",
        "the period is closed",
    )
    assert plant.erp.kinds() == ["set_order_status", "dispose_lot", "record_deviation"]


async def test_a_lost_answer_is_looked_up_and_posted_once(plant: Plant) -> None:
    plant.erp.trouble.append("swallow_answer")
    await quality_hold(plant)
    first = (await plant.ledger())["0.protection.0"]
    assert (plant.erp.tries.count(first.key), plant.erp.looked_up) == (1, [first.key])
    assert (first.status, first.attempts, first.documents) == ("posted", 2, ["erp 1"])


async def test_a_posting_that_never_arrived_is_posted_once(plant: Plant) -> None:
    plant.erp.trouble.append("swallow_question")
    exception = await plant.fail_inspection()
    await plant.told(exception, "posted")  # the ERP has it before our ledger says so
    (first,) = await plant.rows(select(LedgerRow).where(col(LedgerRow.step) == "0.protection.0"))
    assert (plant.erp.tries.count(first.key), plant.erp.kinds().count("hold_lot")) == (2, 1)
    assert (first.exception_id, first.status) == (exception, "posted")
