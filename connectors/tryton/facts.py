"""What a transaction has to know of Tryton before it can be written down as operations. Pure.

Business keys are what the plant says (job order, lot, work unit, material, sale); Tryton wants record ids.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from domain.books.outcomes import (
    ChangePromise,
    CreateOrder,
    DisposeLot,
    HoldLot,
    MaintenanceOrder,
    Outcome,
    RecordDeviation,
    RecordDowntime,
    RescheduleOrders,
    SetOrderStatus,
    SetPriority,
)
from domain.errors import NotFoundError

Record = dict[str, Any]
_T = TypeVar("_T")
_EPSILON = 1e-6


@dataclass
class Needs:
    """The business keys that a transaction names."""

    orders: set[str] = field(default_factory=set)
    lots: set[str] = field(default_factory=set)
    work_units: set[str] = field(default_factory=set)
    materials: set[str] = field(default_factory=set)
    sales: set[str] = field(default_factory=set)
    moves_lots: bool = False  # locations and stock are needed as well


@dataclass(frozen=True)
class LotFacts:
    """`stock`: quantity by storage location, without what others than production orders have reserved, in the product's
    own unit. `reserved_by`: production orders that have reserved the lot. `hold`: the whole of it is on hold."""

    id: int
    product: int
    unit: int
    stock: dict[int, float] = field(default_factory=dict)
    reserved_by: list[int] = field(default_factory=list)
    hold: bool = False


@dataclass(frozen=True)
class SaleFacts:
    id: int
    comment: str
    lines: dict[int, int]  # product id -> sale line id


@dataclass(frozen=True)
class ProductFacts:
    id: int
    unit: int
    bom: int | None
    routing: int | None


@dataclass(frozen=True)
class Places:
    quarantine: int
    storage: int
    lost_found: int


@dataclass
class Facts:
    """Record ids by business key. The getters raise NotFoundError naming what Tryton does not have."""

    today: date
    orders: dict[str, int] = field(default_factory=dict)
    lots: dict[str, LotFacts] = field(default_factory=dict)
    work_centers: dict[str, int] = field(default_factory=dict)
    plants: dict[str, int] = field(default_factory=dict)  # work unit -> top of its tree of work centers
    materials: dict[str, ProductFacts] = field(default_factory=dict)
    sales: dict[str, SaleFacts] = field(default_factory=dict)
    open_downtimes: dict[int, int] = field(default_factory=dict)  # work center id -> downtime of this exception
    places: Places | None = None

    def order(self, key: str) -> int:
        return _known(self.orders, key, "production order")

    def lot(self, key: str) -> LotFacts:
        return _known(self.lots, key, "lot")

    def work_center(self, key: str) -> int:
        return _known(self.work_centers, key, "work center")

    def material(self, key: str) -> ProductFacts:
        return _known(self.materials, key, "product")

    def sale(self, key: str) -> SaleFacts:
        return _known(self.sales, key, "sale")

    def place(self) -> Places:
        if self.places is None:
            raise NotFoundError("Tryton has no quarantine location: mark one as such.")
        return self.places


def _known(found: Mapping[str, _T], key: str, what: str) -> _T:
    if key not in found:
        raise NotFoundError(f"Tryton has no {what} {key}.")
    return found[key]


def needs_of(outcomes: Sequence[Outcome]) -> Needs:
    """The business keys to look up for these outcomes."""
    needs = Needs()
    for outcome in outcomes:
        _collect(outcome, needs)
    return needs


def _collect(outcome: Outcome, needs: Needs) -> None:
    match outcome:
        case RescheduleOrders():
            needs.orders |= {order.job_order for order in outcome.orders}
            needs.work_units |= {work.work_unit for order in outcome.orders for work in order.works}
        case SetOrderStatus() | SetPriority():
            needs.orders |= set(outcome.job_orders)
        case RecordDowntime() | MaintenanceOrder():
            needs.work_units.add(outcome.equipment)
        case HoldLot() | DisposeLot():
            needs.lots.add(outcome.lot)
            needs.moves_lots = True
        case RecordDeviation():
            needs.lots.add(outcome.lot)
        case CreateOrder():
            needs.materials.add(outcome.material)
            needs.work_units |= {work.work_unit for work in outcome.works}
            needs.sales |= {outcome.sale} if outcome.sale else set()
        case ChangePromise():
            needs.sales.add(outcome.sale)


def stock_of(moves: Iterable[Record], *, freed: Collection[int] = ()) -> dict[int, float]:
    """By storage location: what done moves brought, less what done and assigned moves take away; only what is left.

    `freed`: production orders whose reservations are not counted, because they are given up first."""
    balance: defaultdict[int, float] = defaultdict(float)
    for move in moves:
        if move["state"] == "assigned" and move.get("production_input") in freed:
            continue
        if move["to_location."]["type"] == "storage" and move["state"] == "done":
            balance[move["to_location"]] += move["internal_quantity"]
        if move["from_location."]["type"] == "storage":
            balance[move["from_location"]] -= move["internal_quantity"]
    return {location: quantity for location, quantity in sorted(balance.items()) if quantity > _EPSILON}


def plants_of(centers: Sequence[Record]) -> dict[str, int]:
    """For each work center with a code, the top of its tree (`parent`)."""
    parents = {center["id"]: center["parent"] for center in centers}

    def top(center: int) -> int:
        while parents.get(center):
            center = parents[center]
        return center

    return {center["code"]: top(center["id"]) for center in centers if center["code"]}
