"""An inspection fails. The lot is held before anybody decides; quality decides on the console, with a signature."""

from infra.demo.play.patience import demand
from infra.demo.play.scene import Scene
from infra.plant.erp.reader import Lot

_STORAGE, _QUARANTINE = "STO", "QUARANTINE"
_COMMENT = {"release": "Measured again, within tolerance.", "rework": "Sort and anneal again."}


def hold_and_decide(scene: Scene, lot: str, decision: str) -> None:
    """`decision` is release or rework."""
    books = scene.stage.books
    using = [o for o in books.orders().values() if lot in o.lots and o.state not in ("done", "cancelled")]
    promised = {order.sale for order in using if order.sale}
    stored = books.lot(lot).quantities.get(_STORAGE, 0.0)
    scene.cause(lambda: scene.stage.plant.fail_inspection(lot), f"an inspection of {lot} fails (MES webhook)")
    _held(scene, lot, stored, {order.reference for order in using})
    _told(scene, lot, promised)
    asked = scene.hears("grace", f"Disposition of lot {lot}")
    demand(not asked.buttons and asked.sign, f"grace should get a link only, but sees {asked.buttons}")
    browser = scene.stage.browser("grace")
    address = browser.decide(asked.sign, f"approve:{decision}", _COMMENT[decision])
    scene.decided()
    scene.say(f"grace logs in to the console and signs '{decision}'")
    scene.until(lambda: browser.outcome(address), "the console never says what became of grace's decision")
    _disposed(scene, lot, decision, stored, {order.reference for order in using})
    heard = {"grace", "lena"} | ({"mei"} if promised else set())
    nobody = set(scene.stage.phones.people) - heard
    postings = 1 + bool(using) + 1 + bool(using and decision == "release")
    scene.settle(postings, heard, nobody)


def _held(scene: Scene, lot: str, stored: float, orders: set[str]) -> None:
    """Nobody has answered yet, and the ERP holds the lot, in quarantine, and the orders that need it."""

    def look() -> Lot | None:
        found = scene.stage.books.lot(lot)
        return found if found.hold else None

    found = scene.until(look, f"the ERP does not hold lot {lot}", "mes api worker erp")
    quarantined = not found.quantities.get(_STORAGE) and found.quantities.get(_QUARANTINE) == stored
    demand(quarantined, f"lot {lot} is on hold, but not in quarantine: {found.quantities}")

    def all_held() -> bool:
        now = scene.stage.books.orders()
        return all(now[order].hold for order in orders)

    scene.until(all_held, f"the ERP does not hold the orders {', '.join(sorted(orders))}", "worker erp")
    scene.say(f"the ERP holds the lot in quarantine, and {', '.join(sorted(orders)) or 'no order'}; nobody has decided")


def _told(scene: Scene, lot: str, promised: set[str]) -> None:
    scene.hears("lena", f"Lot {lot} is on hold")
    if promised:
        warned = scene.hears("mei", f"Lot {lot} is on hold", *sorted(promised)[:1])
        demand(not warned.buttons, f"mei is only told, but sees buttons: {warned.buttons}")
    scene.say("the planner" + (" and customer service are" if promised else " is") + " told")


def _disposed(scene: Scene, lot: str, decision: str, stored: float, orders: set[str]) -> None:
    released, books = decision == "release", scene.stage.books
    postings = scene.posted(1 + bool(orders) + 1 + bool(orders and released), "disposition")
    scene.line.posting = postings[1 + bool(orders)].create_date.timestamp()
    now, there = books.lot(lot), _STORAGE if released else _QUARANTINE
    demand(now.hold is not released, f"lot {lot} should be {'free' if released else 'held'} after '{decision}': {now}")
    demand(now.quantities.get(there) == stored, f"lot {lot} is not in {there} after '{decision}': {now.quantities}")
    demand(released or now.hold_reason.startswith(decision), f"the lot's reason is not '{decision}': {now.hold_reason}")
    held = {order for order in orders if books.orders()[order].hold}
    demand(held == (set() if released else orders), f"after '{decision}' these orders are held: {sorted(held)}")
    alerts = books.alerts(scene.exception)
    fits = len(alerts) == 1 and lot in alerts[0].title + alerts[0].about and decision in alerts[0].description
    demand(fits, f"no quality alert tells of {lot} and '{decision}': {alerts}")
    scene.say(f"the ERP holds the lot {'in storage, free' if released else 'in quarantine'}, and the deviation")
