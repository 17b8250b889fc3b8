"""The shipped exceptions lived through to the end: tests look at what came of it, the recorder keeps the histories."""

from domain.rosters.people import ChannelName
from tests.support.plant import Plant


async def breakdown(plant: Plant, unit: str = "lathe-1", verdict: str = "approve:push_right") -> str:
    """Jonas accepts, is there and estimates two hours; Lena decides; Jonas is done. Gives the exception's id."""
    exception = await plant.break_machine(unit)
    assert (await plant.press("jonas", "repair", "accept"))["code"] == "yours"
    await plant.press("jonas", "repair", "arrived")
    assert (await plant.press("jonas", "repair", "answer:estimate:2h"))["accepted"]
    assert (await plant.press("lena", "plan_decision", verdict))["accepted"]
    assert (await plant.press("jonas", "repair", "done", cause="bearing"))["code"] == "done"
    await plant.closed(exception)
    await plant.quiet()
    return exception


async def quality_hold(plant: Plant, disposition: str = "approve:scrap") -> str:
    """Grace disposes of the lot in the console."""
    exception = await plant.fail_inspection()
    answer = await plant.press("grace", "disposition", disposition, ChannelName.CONSOLE, comment="too hard")
    assert answer["accepted"]
    await plant.closed(exception)
    await plant.quiet()
    return exception


async def rush_order(plant: Plant) -> str:
    """Tomas covers it by the number of his text message, Mei's customer accepts, Lena promises."""
    exception = await plant.rush()
    code = (await plant.task("material_check")).code
    assert (await plant.text("tomas", "choose", code, number=1))["code"] == "done"
    assert (await plant.press("mei", "customer_check", "answer:answer:accepts"))["code"] == "done"
    assert (await plant.press("lena", "promise", "approve:gap"))["code"] == "approved"
    await plant.closed(exception)
    await plant.quiet()
    return exception
