"""What each kind of outcome declares of itself: facts to look at again, whom it concerns, its way back. Pure.

The table is complete (a test goes through the vocabulary): a new kind without a declaration is no kind.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from domain.authority.matrix import NOTHING, UNKNOWN, Impact
from domain.books.outcomes import Outcome, OutcomeTransaction
from domain.values import Json

Way = Literal["restore", "opposite", "cancel", "none"]
"""restore: the values that stood before are set again; opposite: another outcome of this vocabulary undoes it; cancel:
the documents that it created are cancelled; none: people undo it in the system."""


@dataclass(frozen=True)
class Declaration:
    """`rechecks`: facts that must still be as they were shown. `objects`: the natural key, business objects as
    `order:JO-1001`; postings for one object keep their order. `authority`: the action of the authority matrix that
    decides it, and its reversal. `protective`: may be posted under a standing authority. `impact`: what it moves.
    `undone_alone`: when a later outcome of the same decision is refused it is taken back without asking anybody, since
    that only restores a plan: it frees no lot, starts no machine and moves no stock."""

    rechecks: tuple[str, ...]
    objects: Callable[[Any], Iterable[str]]
    way_back: Way
    authority: str
    impact: Callable[[Any], Impact]
    protective: bool = False
    undone_alone: bool = False


def _lot(outcome: Any) -> Impact:
    return Impact(money=None, quantity=getattr(outcome, "quantity", 0) or None, lots=(outcome.lot,), customers=())


def _made(outcome: Any) -> Impact:
    lots = (outcome.lot,) if outcome.lot else ()
    return Impact(money=None, quantity=outcome.good + outcome.scrapped, lots=lots, customers=())


def _quantity(outcome: Any) -> Impact:
    return Impact(money=None, quantity=outcome.quantity, lots=(), customers=())


def _unknown(_: Any) -> Impact:
    return UNKNOWN


def _nothing(_: Any) -> Impact:
    return NOTHING


def _orders(outcome: Any) -> list[str]:
    return [f"order:{job_order}" for job_order in outcome.job_orders]


DECLARATIONS: dict[str, Declaration] = {
    "reschedule_orders": Declaration(
        rechecks=("planned_start", "planned_end", "status", "version"),
        objects=lambda outcome: [f"order:{order.job_order}" for order in outcome.orders],
        way_back="restore",
        authority="reschedule",
        impact=_unknown,
        undone_alone=True,
    ),
    "set_priority": Declaration(("priority", "status"), _orders, "restore", "reschedule", _unknown, undone_alone=True),
    "set_order_status": Declaration(("status", "hold"), _orders, "opposite", "reschedule", _nothing, protective=True),
    "create_order": Declaration(
        rechecks=("job_order", "sale", "material"),
        objects=lambda outcome: [f"order:{outcome.job_order}", *([f"sale:{outcome.sale}"] if outcome.sale else [])],
        way_back="cancel",
        authority="reschedule",
        impact=_quantity,
        undone_alone=True,
    ),
    "change_promise": Declaration(
        ("promised", "status"), lambda outcome: [f"sale:{outcome.sale}"], "restore", "promise", _unknown
    ),
    "hold_lot": Declaration(
        ("hold", "location", "quantity"),
        lambda outcome: [f"lot:{outcome.lot}"],
        "opposite",
        "disposition",
        _lot,
        protective=True,
    ),
    "dispose_lot": Declaration(
        ("hold", "location", "quantity"), lambda outcome: [f"lot:{outcome.lot}"], "opposite", "disposition", _lot
    ),
    "record_deviation": Declaration(("lot",), lambda outcome: [f"lot:{outcome.lot}"], "cancel", "disposition", _lot),
    "record_downtime": Declaration(
        rechecks=("status", "open_downtime"),
        objects=lambda outcome: [f"work_unit:{outcome.equipment}"],
        way_back="restore",
        authority="report_downtime",
        impact=_nothing,
        protective=True,
    ),
    "maintenance_order": Declaration(
        rechecks=("equipment",),
        objects=lambda outcome: [f"work_unit:{outcome.equipment}"],
        way_back="cancel",
        authority="report_downtime",
        impact=_nothing,
        undone_alone=True,
    ),
    "report_production": Declaration(
        ("status", "quantity"), lambda outcome: [f"order:{outcome.job_order}"], "cancel", "report_production", _made
    ),
    "reserve_material": Declaration(
        rechecks=("status", "free"),
        objects=lambda outcome: [f"order:{outcome.job_order}", f"material:{outcome.material}"],
        way_back="cancel",
        authority="reschedule",
        impact=_quantity,
        undone_alone=True,
    ),
    "expedite_material": Declaration(
        rechecks=("needed_by",),
        objects=lambda outcome: [f"material:{outcome.material}"],
        way_back="restore",
        authority="reschedule",
        impact=_unknown,
        undone_alone=True,
    ),
    "add_note": Declaration((), lambda outcome: [f"{outcome.about}:{outcome.id}"], "none", "report_downtime", _nothing),
    "cancel_documents": Declaration(
        ("status",), lambda outcome: [f"document:{name}" for name in outcome.documents], "none", "reverse", _unknown
    ),
    "update_dispatch_list": Declaration(
        rechecks=("version",),
        objects=lambda outcome: ["dispatch_list:all", *(f"order:{e.job_order}" for e in outcome.entries)],
        way_back="restore",
        authority="reschedule",
        impact=_nothing,
        undone_alone=True,
    ),
}


def objects_of(outcomes: Sequence[Outcome]) -> list[str]:
    """The business objects that these outcomes touch, sorted, each once."""
    return sorted({name for outcome in outcomes for name in DECLARATIONS[outcome.kind].objects(outcome)})


def natural_key(transaction: OutcomeTransaction) -> str:
    """What it does to what: two transactions with the same natural key do the same thing twice."""
    kinds = sorted({outcome.kind for outcome in transaction.outcomes})
    return f"{transaction.system}:{'+'.join(kinds)}:{','.join(objects_of(transaction.outcomes))}"


def authorities_of(outcomes: Sequence[Outcome]) -> list[str]:
    """The actions that somebody must be allowed who decides these outcomes, or their reversal."""
    return sorted({DECLARATIONS[outcome.kind].authority for outcome in outcomes})


def protective(outcomes: Sequence[Outcome]) -> bool:
    """May all of them be posted under a standing authority?"""
    return all(DECLARATIONS[outcome.kind].protective for outcome in outcomes)


def impact_of_all(outcomes: Sequence[Outcome]) -> Impact:
    """What they move together. A figure that one of them does not know is not known."""
    parts = [DECLARATIONS[outcome.kind].impact(outcome) for outcome in outcomes]
    return Impact(
        money=_sum([part.money for part in parts]),
        quantity=_sum([part.quantity for part in parts]),
        lots=_union([part.lots for part in parts]),
        customers=_union([part.customers for part in parts]),
    )


def _sum(figures: Sequence[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if len(known) == len(figures) else None


def _union(names: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    known = [some for some in names if some is not None]
    return tuple(sorted({name for some in known for name in some})) if len(known) == len(names) else None


def unversioned(transaction: OutcomeTransaction) -> OutcomeTransaction:
    """The same without any version that it expects, to see what it would meet now."""
    bare: list[Json] = []
    for outcome in transaction.outcomes:
        value = outcome.model_dump(mode="json") | ({"version": ""} if hasattr(outcome, "version") else {})
        if value["kind"] == "reschedule_orders":
            value["orders"] = [order | {"version": ""} for order in value["orders"]]
        bare.append(value)
    return OutcomeTransaction.model_validate(transaction.model_dump(mode="json") | {"outcomes": bare, "versions": {}})
