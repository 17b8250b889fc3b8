"""A failed inspection: held at once, everybody concerned told at once, disposed of in the console only."""

import json

from domain.books.outcomes import DisposeLot, HoldLot, RecordDeviation
from domain.rosters.people import ChannelName
from tests.support.plant import Plant, address_of
from tests.support.stories import quality_hold


async def test_scrapped_lot(plant: Plant) -> None:
    exception = await quality_hold(plant)
    assert plant.erp.kinds() == ["hold_lot", "set_order_status", "dispose_lot", "record_deviation"]
    assert plant.erp.one(HoldLot).reason == "Hardness 31.5 HRC is out of tolerance"
    assert (plant.erp.one(DisposeLot).disposition, plant.erp.one(DisposeLot).reason) == ("scrap", "too hard")
    assert plant.erp.one(RecordDeviation).disposition == "scrap"
    assert plant.reached() == {"grace", "lena", "mei"}
    ledger = await plant.ledger()
    assert {row.exception_id for row in ledger.values()} == {exception}
    assert (ledger["0.protection.0"].decision, ledger["0.protection.0"].standing_grantor) == ("", "sofia")
    assert ledger["1.then.0"].decision


async def test_released_lot_lets_its_orders_run(plant: Plant) -> None:
    await quality_hold(plant, "approve:release")
    statuses = [outcome.status for outcome in plant.erp.outcomes if outcome.kind == "set_order_status"]
    assert statuses == ["held", "released"]


async def test_the_lot_is_held_before_anybody_answers(plant: Plant) -> None:
    await plant.fail_inspection()
    await plant.task("disposition")
    await plant.posted("hold_lot", "set_order_status")
    assert plant.erp.kinds() == ["hold_lot", "set_order_status"]


async def test_a_disposition_needs_the_console(plant: Plant) -> None:
    exception = await plant.fail_inspection()
    refused = await plant.press("grace", "disposition", "approve:release")
    assert (refused["accepted"], refused["code"]) == (False, "sign_in")
    await plant.quiet()
    shown = [json.dumps(message.payload) for message in plant.slack.sent if message.address == address_of("grace")]
    assert shown
    assert not any("approve:" in text for text in shown)
    await plant.told(exception, "answer_refused", code="sign_in")
    assert (await plant.press("grace", "disposition", "approve:release", ChannelName.CONSOLE))["accepted"]


async def test_who_may_not_dispose_may_not_do_so_in_the_console_either(plant: Plant) -> None:
    await plant.fail_inspection()
    refused = await plant.press("lena", "disposition", "approve:release", ChannelName.CONSOLE)
    assert (refused["accepted"], refused["code"]) == (False, "not_allowed")
    assert (await plant.task("disposition")).standing == "open"
