"""A breakdown from the gateway's message to the postings, and who hears of it."""

from datetime import datetime

from domain.books.outcomes import MaintenanceOrder, RecordDowntime, RescheduleOrders, UpdateDispatchList
from tests.support.plant import RUNNING, Plant
from tests.support.stories import breakdown


async def test_breakdown_that_concerns_everybody(plant: Plant) -> None:
    row = await plant.exception(await breakdown(plant, "lathe-1"))
    assert plant.reached() == {"jonas", "amira", "lena", "tomas", "mei"}
    moved = plant.erp.one(RescheduleOrders)
    assert {order.job_order for order in moved.orders} >= {"JO-1001", "JO-1003", "JO-1008"}
    assert plant.mes.one(UpdateDispatchList).version == "1"
    down = plant.erp.one(RecordDowntime)
    assert (down.equipment, down.cause, down.reason) == ("lathe-1", "bearing", "breakdown")
    assert down.start == row.opened_at
    assert plant.erp.one(MaintenanceOrder).done
    assert row.handling == "closed"
    reached = [datetime.fromisoformat(row.milestones[name]) for name in ("opened", "accepted", "arrived", "decided")]
    assert reached == sorted(reached)
    assert {"sent", "fixed", "posted", "closed"} <= row.milestones.keys()


async def test_breakdown_that_concerns_neither_materials_nor_customers(plant: Plant) -> None:
    await breakdown(plant, "lathe-2")
    assert plant.reached() == {"jonas", "amira", "lena"}
    assert sorted(plant.erp.kinds()) == ["maintenance_order", "record_downtime", "reschedule_orders"]


async def test_rejected_plan_posts_no_new_times(plant: Plant) -> None:
    await breakdown(plant, verdict="reject")
    assert plant.erp.kinds() == ["record_downtime", "maintenance_order"]
    assert not plant.mes.posted


async def test_a_repeat_signal_joins_the_running_exception(plant: Plant) -> None:
    exception = await plant.break_machine()
    await plant.task("repair")
    clearing = await plant.state("lathe-1", 8)  # PackML aborting: another state of the same machine
    again = await plant.state("lathe-1", 9)
    assert {await plant.opened_by(event) for event in (clearing, again)} == {exception}
    assert (await plant.outcome(again))["code"] == "joined"
    await plant.told(exception, "signal", subject="lathe-1")
    assert len([line for line in await plant.story(exception) if line.data.get("task") == "repair"]) == 1


async def test_return_to_normal_is_shown_beside_the_handling(plant: Plant) -> None:
    exception = await plant.break_machine()
    await plant.press("jonas", "repair", "accept")
    await plant.state("lathe-1", RUNNING)
    await plant.told(exception, "signal", type="machine.state")
    row = await plant.exception(exception)
    assert (row.condition, row.handling) == ("returned", "acknowledged")
    assert (await plant.task("repair")).standing == "yours"


async def test_the_next_breakdown_of_a_machine_opens_the_next_exception(plant: Plant) -> None:
    assert await breakdown(plant, "lathe-2", "reject") != await plant.break_machine("lathe-2")
