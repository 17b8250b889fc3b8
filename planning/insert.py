"""A rush order goes into the gaps of the plan: it moves nobody."""

from dataclasses import dataclass

from planning.model import Alternative, Operation, Plan


@dataclass(frozen=True)
class Slot:
    """Where an operation of the new order would run, in minutes since `as_of`."""

    seq: int
    work_unit: str
    start: int
    end: int


def routing_of(plan: Plan, material: str, quantity: float) -> list[tuple[int, list[Alternative]]]:
    """The operations of a material, read from an order in the plan that makes it, its minutes scaled to the
    quantity."""
    for job_order, (made, made_quantity) in sorted(plan.materials.items()):
        operations = sorted((o for o in plan.operations if o.job_order == job_order), key=lambda o: o.seq)
        whole = operations and operations[0].seq == min(_first_seqs(plan, material), default=0)
        if made == material and whole:
            factor = quantity / made_quantity if made_quantity else 1.0
            return [(o.seq, [_scaled(choice, factor) for choice in o.alternatives]) for o in operations]
    return []


def _first_seqs(plan: Plan, material: str) -> list[int]:
    return [o.seq for o in plan.operations if plan.materials[o.job_order][0] == material]


def _scaled(choice: Alternative, factor: float) -> Alternative:
    return Alternative(choice.work_unit, max(1, round(choice.minutes * factor)))


def insert(plan: Plan, routing: list[tuple[int, list[Alternative]]], earliest: int, down: frozenset[str]) -> list[Slot]:
    """Each operation on the work unit that ends it first, in the first gap that holds it; empty when none can do it."""
    slots: list[Slot] = []
    ready = earliest
    for seq, alternatives in routing:
        usable = [choice for choice in alternatives if choice.work_unit not in down]
        if not usable:
            return []
        best = min(
            (_first_gap(plan, seq, choice, ready) for choice in usable), key=lambda slot: (slot.end, slot.work_unit)
        )
        slots.append(best)
        ready = best.end
    return slots


def _first_gap(plan: Plan, seq: int, choice: Alternative, ready: int) -> Slot:
    start = ready
    for operation in sorted(_on(plan, choice.work_unit), key=lambda o: o.start):
        if operation.start >= start + choice.minutes:
            break
        start = max(start, operation.end)
    return Slot(seq, choice.work_unit, start, start + choice.minutes)


def _on(plan: Plan, work_unit: str) -> list[Operation]:
    return [operation for operation in plan.operations if operation.work_unit == work_unit]
