"""A customer wants something soon. Materials and customer service weigh it, the planner promises."""

import time
from typing import Any

from infra.demo.play.patience import demand
from infra.demo.play.scene import Scene


def rush(scene: Scene, sale: dict[str, Any]) -> None:
    """`sale`: customer, material, quantity, wanted (minutes)."""
    told = f"a rush order of {sale['customer']}: {sale['quantity']:g} x {sale['material']}"
    entered = scene.cause(lambda: scene.stage.plant.rush(sale), f"{told} (ERP and MES webhook)")
    scene.line.signal = time.time()  # the MES has just announced it; before, a clerk entered the sale in the ERP
    number = str(entered["sales_order"])
    asked = scene.hears("tomas", f"Rush {number}", "covered")
    scene.text("tomas", asked.reply_for("covered"))
    weighed = scene.hears("mei", f"Rush {number}", button="answer:answer:accepts")
    scene.press("mei", weighed, "answer:answer:accepts")
    promise = scene.hears("lena", f"Rush {number}", "covered", "accepts", button="approve:gap")
    scene.press("lena", promise, "approve:gap")
    scene.decided()
    scene.line.posting = scene.posted(1, "rush order")[0].create_date.timestamp()
    _entered(scene, number, sale)
    heard = {"tomas", "mei", "lena"}
    scene.settle(1, heard, set(scene.stage.phones.people) - heard)


def _entered(scene: Scene, number: str, asked: dict[str, Any]) -> None:
    order = scene.stage.books.orders().get(f"RUSH-{number}")
    demand(order, f"the ERP has no production order RUSH-{number}")
    assert order is not None
    fits = order.priority == 1 and order.sale == number and order.material == asked["material"]
    demand(fits and order.quantity == asked["quantity"], f"this is not the order that was asked for: {order}")
    ends = [work.planned_end for work in order.works if work.planned_end]
    demand(order.works and len(ends) == len(order.works), f"RUSH-{number} has works without times: {order.works}")
    sale = scene.stage.books.sale(number)
    promised = sale.promised_at if sale else None
    demand(promised and abs((promised - max(ends)).total_seconds()) < 60, f"{number} is promised for {promised}")
    scene.say(f"the ERP holds RUSH-{number}, priority 1, and promises {number} for {promised:%d %b %H:%M} UTC")
