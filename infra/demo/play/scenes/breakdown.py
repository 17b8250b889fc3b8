"""A machine stops: once it concerns everybody (OPC UA, Slack), once only maintenance and planning (MQTT, SMS)."""

import re
from zoneinfo import ZoneInfo

from infra.demo.play.books import moved
from infra.demo.play.patience import demand
from infra.demo.play.phones import Message
from infra.demo.play.scene import Scene
from infra.plant.catalogue import Catalogue
from infra.plant.erp.reader import Order

_CAUSE = "worn seal"
_JOB_ORDER = re.compile(r"\b(?:JO|RUSH-SO)-\d+\b")


def concerning_everybody(scene: Scene, unit: str, plant: Catalogue) -> None:
    """The technician answers on Slack; a second one comes too late; materials and customer service are warned."""
    title, before = plant.work_unit(unit).title, scene.stage.books.orders()
    scene.cause(lambda: scene.stage.plant.stop_machine(unit), f"{unit} breaks down (OPC UA)")
    task = scene.hears("jonas", f"Repair {title}", button="accept")
    too_late = scene.hears("amira", f"Repair {title}")
    scene.press("jonas", task, "accept")
    scene.reads("jonas", task, "It is yours")
    scene.text("amira", too_late.reply_for("accept"))
    told = scene.hears("amira", scene.stage.phones.full_name("jonas"), "was first")
    scene.say(f"amira reads: {told.text}")
    scene.press("jonas", task, "arrived")
    scene.press("jonas", task, "answer:estimate:2h")
    plan = approve(scene, title)
    scene.hears("tomas", f"{title} is down", "Staged material")
    scene.hears("mei", f"Promises at risk: {title}", "SO-")
    scene.say("materials (SMS) and customer service (Slack) are warned")
    new_times(scene, plan, before, ZoneInfo(plant.site.timezone))
    scene.press("jonas", task, "done", {"cause": _CAUSE})
    repaired(scene, unit, _CAUSE)
    scene.reads("jonas", task, "Done by")
    scene.settle(2, {"jonas", "amira", "lena", "tomas", "mei"}, {"piotr", "grace", "sofia"})
    scene.stage.plant.clear_machine(unit)


def concerning_few(scene: Scene, unit: str, plant: Catalogue) -> None:
    """The technician answers by SMS, with the code of the message; nobody is warned who is not concerned."""
    title, before = plant.work_unit(unit).title, scene.stage.books.orders()
    scene.cause(lambda: scene.stage.plant.stop_machine(unit), f"{unit} breaks down (MQTT)")
    task = scene.hears("amira", f"Repair {title}", "OK")
    offered = scene.hears("jonas", f"Repair {title}")
    scene.text("amira", task.reply_for("accept"))
    scene.reads("jonas", offered, f"{scene.stage.phones.full_name('amira')} has it")
    code = task.reply_for("accept").split()[0]
    scene.text("amira", f"{code} HERE")
    scene.text("amira", f"{code} EST 2h")
    plan = approve(scene, title)
    new_times(scene, plan, before, ZoneInfo(plant.site.timezone))
    scene.text("amira", f"{code} DONE bearing")
    repaired(scene, unit, "bearing")
    scene.settle(2, {"amira", "jonas", "lena"}, {"tomas", "mei", "piotr", "grace", "sofia"})
    scene.stage.plant.clear_machine(unit)


def approve(scene: Scene, title: str) -> Message:
    """The planner approves pushing right; the message that asked for it."""
    plan = scene.hears("lena", f"New plan for {title}", button="approve:push_right")
    scene.press("lena", plan, "approve:push_right")
    scene.decided()
    return plan


def new_times(scene: Scene, plan: Message, before: dict[str, Order], zone: ZoneInfo) -> None:
    """The orders that the planner saw move, and no others, have new times in the ERP."""
    posting = scene.posted(1, "new times")[0]
    scene.line.posting = posting.create_date.timestamp()
    now = scene.stage.books.orders()
    changed = moved(before, now)
    announced = set(_JOB_ORDER.findall(plan.text))
    demand(changed == announced, f"new times for {sorted(changed)}, but the planner approved {sorted(announced)}")
    for order in changed:
        _pushed_right(before[order], now[order], zone)
    scene.say(f"the ERP holds new planned times of {', '.join(sorted(changed))}")


def _pushed_right(before: Order, now: Order, zone: ZoneInfo) -> None:
    """No work of it is earlier or on another machine, and the order's own days follow its works."""
    for old, new in zip(before.works, now.works, strict=True):
        pairs = [(old.planned_start, new.planned_start), (old.planned_end, new.planned_end)]
        later = all(was and becomes and becomes >= was for was, becomes in pairs)
        demand(later and new.work_unit == old.work_unit, f"{now.reference} is not pushed right: {old} became {new}")
    starts = [work.planned_start for work in now.works if work.planned_start]
    ends = [work.planned_end for work in now.works if work.planned_end]
    days = (min(starts).astimezone(zone).date(), max(ends).astimezone(zone).date())
    fits = (now.planned_start_date, now.planned_date) == days
    demand(fits, f"{now.reference} is not planned for its works' days {days}: {now}")


def repaired(scene: Scene, unit: str, cause: str) -> None:
    """Downtime with cause and a finished maintenance order, of this machine."""
    scene.posted(2, "downtime")
    downtimes, orders = scene.stage.books.downtimes(scene.exception), scene.stage.books.maintenance(scene.exception)
    demand(len(downtimes) == 1, f"{len(downtimes)} downtimes of {scene.exception} instead of 1")
    down = downtimes[0]
    demand(down.work_unit == unit and down.end, f"the downtime is not over, or not of {unit}: {down}")
    demand(down.reason == "breakdown" and cause in down.notes, f"the downtime does not name '{cause}': {down}")
    demand(len(orders) == 1, f"{len(orders)} maintenance orders of {scene.exception} instead of 1")
    order = orders[0]
    fits = order.work_unit == unit and order.state == "done" and order.downtime == down.id
    demand(fits, f"the maintenance order is not finished, or not of this downtime: {order}")
    scene.say(f"the ERP holds a downtime of {unit} ({cause}) and its maintenance order")
