"""From the plant's answers to a proposal: affected orders, promises at risk, staging that collides, and the options."""

from collections.abc import Callable, Mapping

from domain.books.outcomes import DispatchEntry, PlannedOrder, PlannedWork
from domain.errors import InvalidPayloadError
from domain.values import Json, duration, iso, parse_time
from planning.insert import Slot, insert, routing_of
from planning.model import Plan, read_plan
from planning.push_right import Shift, push_right
from planning.wording import GAPS, PUSH_RIGHT, option_words


def reschedule(where: Mapping[str, Json], facts: Mapping[str, Json]) -> dict[str, Json]:
    """Push right after a breakdown. `where`: equipment, down_from (ISO time), down_for (duration). `facts`:
    mes.plan as `plan`, erp.sales_demand as `demand`, mes.staging as `staging`. No option when nothing has to move.

    Concerned is what moves because of this breakdown: what is late anyway is somebody else's news."""
    plan = read_plan(facts["plan"])
    down_from, down_for = parse_time(where["down_from"]), duration(str(where["down_for"]))
    until = max(plan.minute(down_from + down_for), plan.minute(plan.as_of))
    shifts = push_right(plan, where["equipment"], plan.minute(down_from), until)
    anyway = set(push_right(plan, "", 0, 0))
    concerned = [shift for shift in shifts if shift not in anyway]
    moved = sorted({shift.operation.job_order for shift in concerned if shift.moved})
    late = _late(plan, [s for s in _last_of_each(shifts).values() if s in concerned], facts["demand"])
    staging = _collisions(plan, concerned, facts["staging"])
    options = [_push_right_option(plan, shifts, moved, late)] if moved else []
    return {
        "version": plan.version,
        "as_of": iso(plan.as_of),
        "down_for": str(where["down_for"]),
        "down_until": plan.text(until),
        "orders": moved,
        "late_orders": late,
        "staging": staging,
        "options": options,
    }


def _push_right_option(plan: Plan, shifts: list[Shift], moved: list[str], late: list[Json]) -> dict[str, Json]:
    ends = _last_of_each(shifts)
    delay = sum(ends[order].end - ends[order].operation.end for order in moved)
    figures = {"moved": str(len(moved)), "late": str(len(late)), "delay": f"{delay} min"}
    return {
        "id": "push_right",
        **option_words(PUSH_RIGHT, figures),
        "orders": [_planned_order(plan, shifts, job_order).model_dump(mode="json") for job_order in moved],
        "dispatch": [entry.model_dump(mode="json") for entry in _dispatch(plan, shifts, moved)],
    }


def _last_of_each(shifts: list[Shift]) -> dict[str, Shift]:
    last: dict[str, Shift] = {}
    for shift in sorted(shifts, key=lambda s: s.operation.seq):
        last[shift.operation.job_order] = shift
    return last


def _planned_order(plan: Plan, shifts: list[Shift], job_order: str) -> PlannedOrder:
    own = sorted((s for s in shifts if s.operation.job_order == job_order), key=lambda s: s.operation.seq)
    works = [
        PlannedWork(
            seq=s.operation.seq,
            work_unit=s.operation.work_unit,
            planned_start=plan.at(s.start),
            planned_end=plan.at(s.end),
            sequence=sequence,
        )
        for s in own
        for sequence in (_sequence(shifts, s),)
    ]
    begun = min(own[0].start, plan.begun.get(job_order, own[0].start))  # an order that has begun keeps its start
    return PlannedOrder(
        job_order=job_order, planned_start=plan.at(begun), planned_end=plan.at(own[-1].end), works=works
    )


def _sequence(shifts: list[Shift], shift: Shift) -> int:
    """Its place on its work unit, from 1."""
    unit = shift.operation.work_unit
    return 1 + sum(1 for other in shifts if other.operation.work_unit == unit and other.start < shift.start)


def _dispatch(plan: Plan, shifts: list[Shift], moved: list[str]) -> list[DispatchEntry]:
    return [
        DispatchEntry(
            job_order=s.operation.job_order,
            seq=s.operation.seq,
            work_unit=s.operation.work_unit,
            sequence=_sequence(shifts, s),
            planned_start=plan.at(s.start),
            planned_end=plan.at(s.end),
        )
        for s in sorted(shifts, key=lambda s: (s.operation.work_unit, s.start))
        if s.moved and s.operation.job_order in moved
    ]


def _late(plan: Plan, ends: list[Shift], demand: Json) -> list[Json]:
    """Promises that the new plan misses and the old one did not, or by more. `ends`: the orders' last operations."""
    last = {shift.operation.job_order: shift for shift in ends}
    found = []
    for line in demand:
        shift = last.get(line["job_order"])
        if shift is None or not line.get("promised"):
            continue
        promised = plan.minute(parse_time(line["promised"]))
        if shift.end > promised and shift.end > shift.operation.end:
            found.append({**_named(line), "promised": plan.text(promised), "expected": plan.text(shift.end)})
    return found


def _named(line: Json) -> dict[str, Json]:
    customer = line.get("customer_title") or line.get("customer")
    return {"job_order": line["job_order"], "sale": line.get("sale"), "customer": customer}


def _collisions(plan: Plan, shifts: list[Shift], staging: Json) -> list[Json]:
    """Material that is, or will be, carried to a machine for a start that moves."""
    starts = {s.operation.key: s for s in shifts if not s.operation.running and s.start != s.operation.start}
    return [
        {
            "job_order": item["job_order"],
            "lot": item["lot"],
            "location": item["location"],
            "from": plan.text(starts[key].operation.start),
            "to": plan.text(starts[key].start),
        }
        for item in staging
        if (key := (item["job_order"], int(str(item["segment"]).rpartition("/")[2]))) in starts
    ]


def rush(where: Mapping[str, Json], facts: Mapping[str, Json]) -> dict[str, Json]:
    """A slot for a rush order. `where`: material, quantity, sale, wanted (ISO time). `facts`: mes.plan as `plan`."""
    plan = read_plan(facts["plan"])
    down = frozenset(unit["equipment"] for unit in facts["plan"].get("equipment", []) if unit.get("state") == "down")
    routing = routing_of(plan, where["material"], float(where["quantity"]))
    slots = insert(plan, routing, 15, down)
    if not slots:
        return {"options": [], "orders": [], "planned_start": "", "planned_end": "", "in_time": False}
    start, end = plan.text(slots[0].start), plan.text(slots[-1].end)
    in_time = slots[-1].end <= plan.minute(parse_time(where["wanted"]))
    figures: dict[str, str | bool] = {"moved": "0", "in_time": in_time, "on": ", ".join(s.work_unit for s in slots)}
    option = {
        "id": "gap",
        **option_words(GAPS, figures),
        "planned_start": start,
        "planned_end": end,
        "works": [_slot_work(plan, slot, index).model_dump(mode="json") for index, slot in enumerate(slots, 1)],
    }
    return {"options": [option], "orders": [], "planned_start": start, "planned_end": end, "in_time": in_time}


def _slot_work(plan: Plan, slot: Slot, sequence: int) -> PlannedWork:
    return PlannedWork(
        seq=slot.seq,
        work_unit=slot.work_unit,
        planned_start=plan.at(slot.start),
        planned_end=plan.at(slot.end),
        sequence=sequence,
    )


Planner = Callable[[Mapping[str, Json], Mapping[str, Json]], dict[str, Json]]
PLANNERS: dict[str, Planner] = {"push_right": reschedule, "rush_insert": rush}


def propose(using: str, where: Mapping[str, Json], facts: Mapping[str, Json]) -> dict[str, Json]:
    """The named planner's proposal. Raises InvalidPayloadError for a planner or a value that can't be used."""
    if using not in PLANNERS:
        raise InvalidPayloadError(f"no planner is called '{using}': use {', '.join(PLANNERS)}")
    try:
        return PLANNERS[using](where, facts)
    except (KeyError, ValueError) as error:
        raise InvalidPayloadError(f"{using} can't use what it was given: {error}") from error
