"""A rush order: weighed by materials and customer service, promised by planning, made in the ERP."""

from domain.books.outcomes import ChangePromise, CreateOrder
from tests.support.plant import Plant
from tests.support.stories import rush_order


async def test_promised_rush_order(plant: Plant) -> None:
    await rush_order(plant)
    order, promise = plant.erp.one(CreateOrder), plant.erp.one(ChangePromise)
    assert (order.job_order, order.material, order.quantity, order.priority) == ("RUSH-SO-9001", "GS-40", 20, 1)
    assert [work.seq for work in order.works] == [10, 20, 30]
    assert promise.promised == order.planned_end
    assert plant.reached() == {"tomas", "mei", "lena"}


async def test_a_button_that_the_task_does_not_have_changes_nothing(plant: Plant) -> None:
    await plant.rush()
    for verb in ("done", "arrived", "approve:gap", "answer:cover", "answer:cover:perhaps", "nonsense"):
        refused = await plant.press("mei", "customer_check", verb)
        assert (refused["accepted"], refused["code"]) == (False, "ask_again"), verb
    assert (await plant.task("customer_check")).standing == "open"
